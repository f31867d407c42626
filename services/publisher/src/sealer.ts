/**
 * The sealer: reads the logs' ends and appends the next cut.
 *
 * Any number of them may race; each acts only on what it has read back, and the first valid cut for a
 * number wins. Idle, it makes a cut only when something has to be renewed.
 */
import type { Signer } from '@tidemark/canonical/native';
import { signRecord, type CutSigned, type GenesisSigned } from '@tidemark/event';
import { CUTS_IN_FLIGHT_MAX, type ControlFold } from '@tidemark/ledger';
import { appendSurely, demandNoTruncation, type Logs, type Sleep } from '@tidemark/log';

export interface SealerOptions {
  readonly genesis: GenesisSigned;
  readonly logs: Logs;
  readonly signer: Signer;
  readonly sleep: Sleep;
  /** Records by which one cut advances a partition at the most: what a shard folds in memory at once. */
  readonly cutRecordsMax?: number | undefined;
}

const CUT_RECORDS_MAX = 4096;

export class Sealer {
  private readonly options: SealerOptions;
  /** The number this sealer last appended a cut for: it waits until it has read its outcome. */
  private proposed = { n: 0, offset: -1 };

  constructor(options: SealerOptions) {
    this.options = options;
  }

  /**
   * Appends a cut if one is due.
   * @param control the control log, read to its end
   * @param now the clock, ms
   * @param due when a cut is needed although nothing has changed, ms
   * @returns whether one was appended
   * @throws BrokenInvariant `log.truncated`
   */
  async step(control: ControlFold, now: number, due: number): Promise<boolean> {
    const { last, view } = control;
    const n = last.n + 1;
    // All that `due` speaks of, before anything is waited for: the control log goes on meanwhile.
    const mayRenew = last.n === control.settled;
    if (control.settled < n - CUTS_IN_FLIGHT_MAX) return false;
    if (this.proposed.n >= n && control.next <= this.proposed.offset) return false;
    const time = Math.min(Math.max(now, last.time), last.time + view.policy.step_max_ms);
    const vector = await this.ends(last.vector, view.policy.advance_max);
    // Looked at after the events: an intake whose key was listed before it appended has to find it listed
    // in the cut that covers its batch. And what stands behind may be this very cut.
    const seen = control.next;
    const end = await this.options.logs.control.end(0);
    demandNoTruncation('control', 0, end, seen);
    if (end > control.next) return false;
    const advances = vector.some((end, p) => end > last.vector[p]!);
    const changed = control.changedSince(last.control);
    // After a long pause no single cut may reach the moment that is due: empty ones catch up.
    const renews = mayRenew && due <= Math.max(now, last.time);
    if (!advances && !changed && !renews) return false;
    const cut: CutSigned = {
      type: 'cut',
      v: 1,
      ledger: this.options.genesis.ledger,
      n,
      previous: last.hash,
      time,
      vector,
      control: control.next,
    };
    const { logs, signer, sleep } = this.options;
    const offset = await appendSurely(logs.control, 0, [signRecord(cut, [signer])], sleep);
    this.proposed = { n, offset };
    return true;
  }

  /**
   * How far a cut may reach in every partition now: never back, even where the last one, poisoned,
   * reaches beyond the log's end.
   */
  private async ends(last: readonly number[], advanceMax: number): Promise<number[]> {
    const { logs, cutRecordsMax = CUT_RECORDS_MAX } = this.options;
    const limit = Math.min(advanceMax, cutRecordsMax);
    return Promise.all(
      last.map(async (from, p) => Math.max(from, Math.min(await logs.events.end(p), from + limit))),
    );
  }
}
