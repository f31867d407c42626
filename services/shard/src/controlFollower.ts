/** The control log, read record by record into a fold. */
import { demandNoTruncation, type Log } from '@tidemark/log';
import type { ControlChange, ControlFold } from '@tidemark/ledger';

export class ControlFollower {
  readonly fold: ControlFold;
  private readonly log: Log;

  constructor(fold: ControlFold, log: Log) {
    this.fold = fold;
    this.log = log;
  }

  /**
   * Folds what is there now.
   * @param take is given every record with what it changed, in order
   * @returns whether there was anything
   */
  async catchUp(
    take: (change: ControlChange | undefined, bytes: Uint8Array) => void | Promise<void>,
  ): Promise<boolean> {
    const end = await this.log.end(0);
    demandNoTruncation('control', 0, end, this.fold.next);
    if (this.fold.next >= end) return false;
    while (this.fold.next < end) {
      const { records } = await this.log.read(0, this.fold.next);
      for (const bytes of records) await take(this.fold.apply(bytes), bytes);
    }
    return true;
  }

  /** Resolves when there is more to fold, or when the signal aborts. */
  async more(signal: AbortSignal): Promise<void> {
    await this.log.read(0, this.fold.next, signal);
  }
}
