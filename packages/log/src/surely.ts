/** An append whose outcome may be unknown, repeated within bounds. */
import { OperatingFault } from '@tidemark/canonical';
import type { Log } from './port.ts';

/** Waits, by the process's clock or a simulation's. */
export type Sleep = (ms: number) => Promise<void>;

const attemptsMax = 12;
const waitFirstMs = 20;
const waitMaxMs = 2_000;
/** Faults after which trying again is of no use: the handle itself is gone. */
const FINAL: ReadonlySet<string> = new Set(['log.closed', 'log.crashed']);

/**
 * Appends records until that is acknowledged or they are found in the log. They may come to stand
 * there twice: only for records whose readers bear that.
 * @param find looks for the records after an append of unknown outcome: the offset of the first
 * @returns the offset of the first record
 * @throws OperatingFault `log.unknown` after a dozen attempts; at once where the handle is gone
 */
export async function appendSurely(
  log: Log,
  partition: number,
  records: readonly Uint8Array[],
  sleep: Sleep,
  find?: () => Promise<number | undefined>,
): Promise<number> {
  let fault: OperatingFault | undefined;
  let wait = waitFirstMs;
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    try {
      const found = fault === undefined ? undefined : await find?.();
      return found ?? (await log.append(partition, records));
    } catch (error) {
      if (!(error instanceof OperatingFault) || FINAL.has(error.code)) throw error;
      fault = error;
    }
    await sleep(wait);
    wait = Math.min(2 * wait, waitMaxMs);
  }
  throw new OperatingFault(
    'log.unknown',
    `the log does not answer (${fault?.code}: ${fault?.message}); the records may be stored`,
    { cause: fault },
  );
}
