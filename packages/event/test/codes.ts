/** The code of the failure an action ends in, or undefined if it succeeds. */
export function codeOf(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
  return undefined;
}
