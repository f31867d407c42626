/** The code with which something is refused. */

import { RejectedInput } from '@tidemark/canonical';

/** `accepted`, or the code; any other error is thrown on. */
export function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof RejectedInput) return error.code;
    throw error;
  }
  return 'accepted';
}
