/** A running server in the same folder: its own commands ask it through a socket that nobody else can open. */
import { OperatingFault } from '@tidemark/canonical';
import type { Ask } from './access.ts';
import { BOUNDS, bodyOf, send } from './exchange.ts';

/** Whether a server listens on a socket. @throws OperatingFault `ledger.socket` where that cannot be told */
export async function answers(socketPath: string): Promise<boolean> {
  const to = { socketPath, method: 'GET', path: '/healthz' };
  return send(to, undefined, BOUNDS).then(
    (answer) => {
      answer.resume();
      return true;
    },
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') return false;
      throw new OperatingFault(
        'ledger.socket',
        `cannot ask the server at ${socketPath} (${error.code}); run this as the user who runs the server`,
        { cause: error },
      );
    },
  );
}

/** @throws OperatingFault `ledger.gone`, `ledger.too_large` */
export function askThrough(socketPath: string): Ask {
  return async (method, path, { body, bytesMax = BOUNDS.bytesMax } = {}) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/x-ndjson' };
    try {
      // It is our own server: an import that waits for a snapshot may wait for long.
      const bounds = { bytesMax, answerMs: UNBOUNDED, silenceMs: UNBOUNDED, wholeMs: UNBOUNDED };
      const answer = await send({ socketPath, method, path, headers }, body, bounds);
      return { status: answer.statusCode ?? 0, body: await bodyOf(answer, bounds) };
    } catch (cause) {
      if (cause instanceof OperatingFault) throw cause;
      const { code } = cause as NodeJS.ErrnoException;
      throw new OperatingFault(
        'ledger.gone',
        `the server stopped before it answered (${code}); what it acknowledged is safe, and repeating the command is harmless`,
        { cause },
      );
    }
  };
}

/** The longest that a timer takes: 24 days. */
const UNBOUNDED = 2 ** 31 - 1;
