/**
 * The idempotency window with its rows: what it keeps, and what it left behind that a void may bring
 * back. The rows of forgotten chunks stay until the cut that forgot them is settled, because a cut
 * with a time far ahead forgets nearly everything, and is what voids are for.
 */
import { BrokenInvariant, fromHex, toHex } from '@tidemark/canonical';
import { sha256Native } from '@tidemark/canonical/native';
import { CUTS_IN_FLIGHT_MAX } from './cutRules.ts';
import { IdempotencyIndex, type IdempotencyChunk } from './idempotency.ts';
import type { WindowState } from './marker.ts';
import { ROW, rowKey, type Rows } from './rows.ts';

/** Before a row's entries: the time that they count from, the hash chain before them. */
const HEAD_BYTES = 8 + 32;

export class WindowRows {
  readonly index: IdempotencyIndex;
  private readonly rows: Rows;
  /** The time (ms) from which on entries count. */
  since = 0;
  /** First ordinals of stored chunks left behind, and the cuts that did so, in order. */
  private readonly forgotten: { readonly n: number; readonly first: number }[] = [];

  private constructor(rows: Rows) {
    this.rows = rows;
    this.index = new IdempotencyIndex((first) => {
      const row = rows.get(rowKey(ROW.window, 0, first));
      if (row === undefined) throw missing(first);
      return chunkOf(first, row);
    }, sha256Native);
  }

  /**
   * Takes the window back as it was after cut n; empty without a state.
   * @throws BrokenInvariant `state.missing`, `state.corrupt`, `state.idempotency`
   */
  static async load(rows: Rows, n: number, state: WindowState | undefined): Promise<WindowRows> {
    const window = new WindowRows(rows);
    if (state === undefined) return window;
    const { since, first, next, digest } = state;
    window.since = since;
    const stored = next === 0 ? [] : rows.range(ROW.window, 0, next - 1);
    for await (const { number, value } of stored) {
      if (number < first) window.forgotten.push({ n, first: number });
      else window.index.restore(chunkOf(number, value));
    }
    window.index.resume(next, fromHex(digest));
    if (window.index.first !== first) throw missing(first);
    return window;
  }

  /** Begins cut n: what is from before `since` counts no more. It never decreases. */
  advance(n: number, since: number): void {
    this.since = Math.max(this.since, since);
    for (const first of this.index.prune(this.since)) this.forgotten.push({ n, first });
    // `sealed n−2` stands before cut n.
    while (this.forgotten.length > 0 && this.forgotten[0]!.n <= n - CUTS_IN_FLIGHT_MAX) {
      this.rows.delete(rowKey(ROW.window, 0, this.forgotten.shift()!.first));
    }
  }

  /** Puts down what a cut admitted; `time` (ms) is where its window begins. */
  seal(time: number): void {
    for (const chunk of this.index.seal(time)) {
      const stamp = Buffer.allocUnsafe(8);
      stamp.writeDoubleBE(chunk.time, 0);
      const row = Buffer.concat([stamp, chunk.before, chunk.entries]);
      this.rows.put(rowKey(ROW.window, 0, chunk.first), row);
    }
  }

  state(): WindowState {
    const { first, next, digest } = this.index;
    return { since: this.since, first, next, digest: toHex(digest) };
  }
}

function chunkOf(first: number, row: Buffer): IdempotencyChunk {
  if (row.length < HEAD_BYTES) {
    throw new BrokenInvariant('state.idempotency', `chunk ${first} is cut short`);
  }
  const before = row.subarray(8, HEAD_BYTES);
  return { first, time: row.readDoubleBE(0), before, entries: row.subarray(HEAD_BYTES) };
}

function missing(first: number): BrokenInvariant {
  return new BrokenInvariant(
    'state.missing',
    `the idempotency chunk at ${first} is gone; delete this state, it is rebuilt from the log`,
  );
}
