/** Waits for something, and not for ever. */

/**
 * @param late what is thrown after so many milliseconds
 * @param giveUp ends what was waited for; what becomes of it then is of no interest any more
 */
export async function within<T>(
  ms: number,
  result: Promise<T>,
  late: () => Error,
  giveUp?: () => unknown,
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => {
      reject(late());
      giveUp?.();
    },
    Math.max(0, ms),
  );
  result.catch(() => undefined);
  try {
    return await Promise.race([result, promise]);
  } finally {
    clearTimeout(timer);
  }
}
