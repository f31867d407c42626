/**
 * What a cut changed about targets, read back from the role versions that it made: the operations of
 * each are its delta. So it is what was published, whatever else stands in the log of events.
 */
import { BrokenInvariant } from '@tidemark/canonical';
import { binsOfPartition } from '@tidemark/bin';
import type { GenesisSigned } from '@tidemark/event';
import { unpackOps } from './binOps.ts';
import { decodeDelta } from './delta.ts';
import { decodeMarker, unpackBins } from './marker.ts';
import { ROW, rowKey, type Rows } from './rows.ts';

export interface TargetChange {
  /** The bin that lists the path, and its version from this cut on. */
  readonly bin: number;
  readonly version: number;
  readonly path: string;
  /** The target's canonical value; null where it is not listed any more. */
  readonly value: string | null;
}

/** A place among the changes of a cut and partition: which of the changed bins, which of its operations. */
export interface ChangePlace {
  readonly bin: number;
  readonly op: number;
}

export interface ChangedTargets {
  /** By bin, then by path. */
  readonly changes: readonly TargetChange[];
  /** Where to go on; undefined at the end of the cut. */
  readonly next: ChangePlace | undefined;
}

/** Role versions read at once: most of a cut may be renewals, which change no target. */
const VERSIONS_MAX = 1_024;

/**
 * The changes of a committed cut from a place on, at most `changesMax` of them. There may be fewer, even
 * none, and more behind them.
 * @returns undefined where the cut is not stored
 */
export function changedTargets(
  rows: Rows,
  { partitions, bits }: Pick<GenesisSigned, 'partitions' | 'bits'>,
  at: { readonly partition: number; readonly n: number; readonly from: ChangePlace },
  changesMax: number,
): ChangedTargets | undefined {
  const { partition, n, from } = at;
  const row = rows.get(rowKey(ROW.marker, 0, n));
  if (row === undefined) return undefined;
  const { changed, k0 } = decodeMarker(row);
  const { from: first } = binsOfPartition(partition, bits, Math.log2(partitions));
  const bins = unpackBins(changed);
  const changes: TargetChange[] = [];
  const end = Math.min(bins.length, from.bin + VERSIONS_MAX);
  for (let i = from.bin; i < end; i++) {
    const bin = first + bins[i]!;
    const version = (k0 + i) * partitions + partition + 1;
    const skipped = i === from.bin ? from.op : 0;
    const ops = operationsOf(rows, bin, version).slice(skipped);
    const room = changesMax - changes.length;
    for (const [path, value] of ops.slice(0, room)) changes.push({ bin, version, path, value });
    if (ops.length > room) return { changes, next: { bin: i, op: skipped + room } };
  }
  return { changes, next: end < bins.length ? { bin: end, op: 0 } : undefined };
}

function operationsOf(rows: Rows, bin: number, version: number) {
  const row = rows.get(rowKey(ROW.delta, bin, version));
  if (row !== undefined) return unpackOps(decodeDelta(row).ops);
  throw new BrokenInvariant(
    'state.missing',
    `bin ${bin} version ${version} is not stored; delete this state, it is rebuilt from the log`,
  );
}
