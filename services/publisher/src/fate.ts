/** What became of an event: from its place in the log to the snapshot that settled it. */
import type { Outcome } from '@tidemark/event';
import type { SnapshotIndex, SnapshotRow } from './snapshotIndex.ts';

export type Fate =
  | { readonly state: 'pending' }
  | { readonly state: 'applied'; readonly snapshot: number }
  | {
      readonly state: 'unchanged' | 'rejected';
      readonly snapshot: number;
      readonly code: string;
      /** Of a duplicate: where the event was seen first. */
      readonly first?: { readonly offset: number; readonly index: number };
    };

/** @param visible number of the newest visible snapshot; 0 before the first */
export function fateOf(
  index: SnapshotIndex,
  visible: number,
  receipt: { readonly partition: number; readonly offset: number; readonly index: number },
): Fate {
  const { partition, offset } = receipt;
  const row = snapshotOf(index, visible, partition, offset);
  if (row === undefined) return { state: 'pending' };
  const outcome = index
    .outcomes(partition, offset, row)
    .find(([, position]) => position === receipt.index);
  return outcome === undefined ? { state: 'applied', snapshot: row.n } : fateFrom(outcome, row.n);
}

function fateFrom(outcome: Outcome, snapshot: number): Fate {
  const code = outcome[2];
  if (code === 'unchanged') return { state: 'unchanged', snapshot, code };
  if (outcome.length === 3) return { state: 'rejected', snapshot, code };
  return {
    state: 'unchanged',
    snapshot,
    code,
    first: { offset: outcome[3], index: outcome[4] },
  };
}

/** The first snapshot that covers an offset: vectors never decrease, so halving finds it. */
function snapshotOf(
  index: SnapshotIndex,
  visible: number,
  partition: number,
  offset: number,
): SnapshotRow | undefined {
  const at = (n: number): SnapshotRow | undefined => rowAt(index, n, visible);
  const covers = (n: number): boolean => (at(n)?.vector[partition] ?? 0) > offset;
  if (visible === 0 || !covers(visible)) return undefined;
  let low = 1;
  let high = visible;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (covers(middle)) high = middle;
    else low = middle + 1;
  }
  return at(low);
}

/** A void has no row: what it covers is what the snapshot before it covers. */
function rowAt(index: SnapshotIndex, n: number, visible: number): SnapshotRow | undefined {
  for (let at = n; at >= 1; at--) {
    const row = index.get(at, visible);
    if (row !== undefined) return row;
  }
  return undefined;
}
