/**
 * The fold of one partition's events between two cuts: batches in, operations per bin and coded
 * outcomes out. A pure function of the records, what is in force, and what the partition holds.
 */
import { canonicalText, RejectedInput } from '@tidemark/canonical';
import { sha256HexNative, verifyEd25519Native } from '@tidemark/canonical/native';
import { binOfPathHash, partitionOfPathHash } from '@tidemark/bin';
import {
  decodeBatch,
  verifyRecord,
  type BatchSigned,
  type Event,
  type LogRecord,
  type Outcome,
} from '@tidemark/event';
import { PendingOps } from './binOps.ts';
import type { Cut } from './control.ts';
import { decide } from './decide.ts';
import type { IdempotencyIndex } from './idempotency.ts';
import type { DirtyBin } from './renewal.ts';

/** The last sequence number of an intake's run, and the latest time (ms) of its batches and their cuts. */
export type Intakes = Map<string, { seq: number; time: number }>;

/** An events log's records, in runs as they are read. */
export type Chunks = AsyncIterable<readonly Uint8Array[]> | Iterable<readonly Uint8Array[]>;

/** What the fold reads of the partition; it changes only `window` and `intakes`. */
export interface FoldState {
  readonly ledger: string;
  readonly partition: number;
  readonly partitionBits: number;
  readonly bits: number;
  readonly intakes: Intakes;
  readonly window: IdempotencyIndex;
  /** The time (ms) from which on events are remembered; older batches are `stale`. */
  readonly since: number;
  /** The canonical value of a path in a bin as of the last cut. */
  current(bin: number, path: string): string | undefined;
  /** A bin's version as of the last cut. */
  version(bin: number): number;
}

export class CutFold {
  private readonly state: FoldState;
  private readonly cut: Cut;
  private readonly pending = new PendingOps();
  /** Events that changed nothing, each with its code. */
  readonly outcomes: Outcome[] = [];
  /** Records ignored, by reason. */
  readonly ignored = new Map<string, number>();
  /** Events applied. */
  applied = 0;
  /**
   * The latest time (ms) of the cut and of the batches remembered: what was admitted counts for a
   * window from there, so no batch can come again whose events are forgotten, but which is not stale.
   */
  newest: number;

  constructor(state: FoldState, cut: Cut) {
    this.state = state;
    this.cut = cut;
    this.newest = cut.time;
  }

  /** Folds the record at an offset of the partition; records that are not valid batches are ignored. */
  fold(bytes: Uint8Array, offset: number): void {
    try {
      const batch = decodeBatch(bytes);
      this.authorise(batch);
      this.foldEvents(batch, offset);
    } catch (error) {
      if (!(error instanceof RejectedInput)) throw error;
      this.ignored.set(error.code, (this.ignored.get(error.code) ?? 0) + 1);
    }
  }

  /** The bins that changed, ascending, each with its operations packed, sorted by path. */
  dirty(): DirtyBin[] {
    return this.pending.dirty();
  }

  /**
   * A batch counts when a listed intake signed it for this ledger and partition and its sequence
   * number is new for that intake's run: so a resend after an unknown outcome is harmless.
   */
  private authorise(batch: LogRecord<BatchSigned>): void {
    const { signed } = batch;
    const { state, cut } = this;
    if (signed.ledger !== state.ledger || signed.partition !== state.partition) {
      throw new RejectedInput('batch.foreign', 'this batch belongs elsewhere');
    }
    if (!verifyRecord(batch, cut.view.keys.intake, 1, verifyEd25519Native)) {
      throw new RejectedInput('batch.signature', 'no listed intake signed this batch');
    }
    const run = state.intakes.get(signed.intake);
    if (run !== undefined && signed.seq <= run.seq) {
      throw new RejectedInput('batch.resent', 'this batch was folded before');
    }
    if (run === undefined) makeRoom(state.intakes, cut.view.policy.intakes_max);
    const time = Math.max(cut.time, signed.time, run?.time ?? 0);
    state.intakes.set(signed.intake, { seq: signed.seq, time });
  }

  private foldEvents(batch: LogRecord<BatchSigned>, offset: number): void {
    const { policy } = this.cut.view;
    const { time, events, subjects } = batch.signed;
    const isStale = time < this.state.since;
    if (isStale || time > this.cut.time + policy.clock_ahead_s * 1000) {
      const code = isStale ? 'stale' : 'clock_ahead';
      events.forEach((_event, index) => this.outcomes.push([offset, index, code]));
      return;
    }
    this.newest = Math.max(this.newest, time);
    for (let index = 0; index < events.length; index++) {
      const event = events[index]!;
      this.foldEvent(event, subjects[event.by ?? 0] ?? '', offset, index);
    }
  }

  private foldEvent(event: Event, subject: string, offset: number, index: number): void {
    const { state } = this;
    const pathHash = sha256HexNative(event.path);
    if (partitionOfPathHash(pathHash, state.partitionBits) !== state.partition) {
      this.outcomes.push([offset, index, 'wrong_partition']);
      return;
    }
    const seen = state.window.admit(
      sha256HexNative(`${subject}\n${event.id}\n${event.path}`),
      sha256HexNative(contentOf(event)),
      state.since,
      offset,
      index,
    );
    if (seen !== undefined) {
      this.outcomes.push(
        seen.sameContent
          ? [offset, index, 'duplicate', seen.offset, seen.index]
          : [offset, index, 'id_reused'],
      );
      return;
    }
    this.change(event, pathHash, offset, index);
  }

  private change(event: Event, pathHash: string, offset: number, index: number): void {
    const { pending, state } = this;
    const { path } = event;
    const bin = binOfPathHash(pathHash, state.bits);
    const sought = pending.seek(path, pathHash);
    const held =
      sought.ordinal === undefined
        ? { value: state.current(bin, path), version: state.version(bin) }
        : { value: pending.value(sought.ordinal), version: undefined };
    const decision = decide(event, held, this.cut.view.policy.conflict);
    if ('code' in decision) {
      this.outcomes.push([offset, index, decision.code]);
      return;
    }
    this.applied++;
    pending.set(bin, sought, decision.value);
  }
}

/** The time (ms) from which on a cut's policy has events remembered. */
export function windowStart(cut: Cut): number {
  return cut.time - cut.view.policy.window_s * 1000;
}

/**
 * Forgets the runs that were not heard of for longest. What one of them sends again is recognised by
 * its events' ids; to ignore the new run instead would lose what it acknowledged.
 */
function makeRoom(intakes: Intakes, intakesMax: number): void {
  while (intakes.size >= intakesMax) {
    let oldest: [run: string, time: number] | undefined;
    for (const [run, { time }] of intakes) {
      if (oldest === undefined || time < oldest[1]) oldest = [run, time];
    }
    intakes.delete(oldest![0]);
  }
}

/** What an event says beside its id and path, which its key holds. */
function contentOf({ type, length, hashes, custom, expected }: Event): string {
  const extra = custom === undefined ? '' : canonicalText(custom);
  return `${type} ${length ?? ''} ${hashes?.sha256 ?? ''} ${expected ?? ''} ${extra}`;
}
