/**
 * Which bin a version number was given to, from the cuts' markers. LevelDB drops damaged parts of what
 * it recovers without a word: this tells a version whose row is lost from one that never was.
 */
import { BrokenInvariant } from '@tidemark/canonical';
import { binsOfPartition } from '@tidemark/bin';
import type { GenesisSigned } from '@tidemark/event';
import { decodeMarker, unpackBins, type Marker } from './marker.ts';
import { ROW, rowKey, type Rows } from './rows.ts';

/**
 * @param n the newest committed cut
 * @returns undefined where the version was given to none of the partition's bins by then
 * @throws BrokenInvariant `state.missing` where a marker is lost
 */
export function binOfVersion(
  rows: Rows,
  genesis: GenesisSigned,
  partition: number,
  n: number,
  version: number,
): number | undefined {
  const k = (version - partition - 1) / genesis.partitions;
  if (!Number.isSafeInteger(k) || k < 0 || n === 0) return undefined;
  let low = 1;
  let high = n;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (marker(rows, partition, middle).k0 <= k) low = middle;
    else high = middle - 1;
  }
  const { k0, changed } = marker(rows, partition, low);
  const bin = unpackBins(changed)[k - k0];
  const { from } = binsOfPartition(partition, genesis.bits, Math.log2(genesis.partitions));
  return bin === undefined ? undefined : from + bin;
}

function marker(rows: Rows, partition: number, n: number): Marker {
  const row = rows.get(rowKey(ROW.marker, 0, n));
  if (row !== undefined) return decodeMarker(row);
  throw new BrokenInvariant(
    'state.missing',
    `partition ${partition}: the marker of cut ${n} is gone; delete this state, it is rebuilt from the log`,
  );
}
