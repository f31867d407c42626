/**
 * Opening a partition's state: the newest marker, the heads it vouches for, the map rebuilt from
 * them and held against the root that was signed. Nothing is repaired: what does not fit halts, and
 * deleting the state rebuilds it from the log.
 */
import { BrokenInvariant } from '@tidemark/canonical';
import { sha256Native } from '@tidemark/canonical/native';
import { binsOfPartition } from '@tidemark/bin';
import type { GenesisSigned } from '@tidemark/event';
import { CompactRange, type SlotTree } from '@tidemark/merkle';
import { decodeDelta } from './delta.ts';
import { Heads } from './heads.ts';
import { decodeHeads } from './headsImage.ts';
import { decodeMarker, unpackBins, type Marker } from './marker.ts';
import { OfflineSlots, type OfflineEntry } from './offlineSlots.ts';
import { Partition } from './partition.ts';
import { ROW, rowKey, Rows, type StateDb } from './rows.ts';
import { treeOf } from './treeOf.ts';
import { WindowRows } from './windowRows.ts';

export interface OpenPartitionOptions {
  readonly genesis: GenesisSigned;
  /** The genesis record as it stands at offset 0 of every partition. */
  readonly genesisBytes: Uint8Array;
  readonly partition: number;
  readonly db: StateDb;
  /** Bytes of bodies kept in memory. */
  readonly memoryBudgetBytes: number;
  /** Cuts between two images of the heads, with which checkpoints of the control log are stored. */
  readonly imageEvery?: number;
}

const CUT_MAX = 2 ** 48 - 1;

/**
 * Opens the state as of its newest marker.
 * @throws BrokenInvariant `state.*`: says which row does not fit
 */
export async function openPartition(options: OpenPartitionOptions): Promise<Partition> {
  const { genesis, partition, db } = options;
  const rows = new Rows(db, `state of partition ${partition}`);
  const marker = await markerAt(rows, CUT_MAX);
  const partitionBits = Math.log2(genesis.partitions);
  const { from, to } = binsOfPartition(partition, genesis.bits, partitionBits);
  const heads = new Heads(from, to - from);
  if (marker !== undefined) await loadHeads(rows, heads, marker, genesis, partition);
  const offline = new OfflineSlots(genesis, partition, marker?.offline ?? []);
  const tree = treeOf(genesis, partition, heads, offline);
  if (marker !== undefined && Buffer.from(tree.root()).toString('hex') !== marker.map) {
    throw new BrokenInvariant(
      'state.root',
      `partition ${partition}: the stored role versions do not give the map root of cut ` +
        `${marker.n}; delete this state, it is rebuilt from the log`,
    );
  }
  return new Partition({
    ...options,
    rows,
    heads,
    tree,
    window: await WindowRows.load(rows, marker?.n ?? 0, marker?.window),
    intakes: new Map(marker?.intakes.map(([id, seq, time]) => [id, { seq, time }])),
    events: CompactRange.fromState(marker?.events ?? EMPTY_RANGE, sha256Native),
    leaves: CompactRange.fromState(marker?.leaves ?? EMPTY_RANGE, sha256Native),
    offline,
    marker,
  });
}

/**
 * Takes the state back to cut n − 1, because cut n turned out void: the rows of n and of any later
 * cut go, so that no version that was never sealed can be served.
 */
export async function rollBack(
  db: StateDb,
  genesis: GenesisSigned,
  partition: number,
  n: number,
): Promise<void> {
  const rows = new Rows(db, `state of partition ${partition}`);
  const { from } = binsOfPartition(partition, genesis.bits, Math.log2(genesis.partitions));
  const kept = await markerAt(rows, n - 1);
  for await (const { number, value } of rows.range(ROW.marker, n, CUT_MAX)) {
    const { changed, k0 } = decodeMarker(value);
    unpackBins(changed).forEach((bin, i) => {
      const version = (k0 + i) * genesis.partitions + partition + 1;
      rows.delete(rowKey(ROW.delta, from + bin, version));
      rows.delete(rowKey(ROW.body, from + bin, version));
    });
    rows.delete(rowKey(ROW.marker, 0, number));
    rows.delete(rowKey(ROW.heads, 0, number));
  }
  for await (const { number } of rows.range(ROW.window, kept?.window.next ?? 0, CUT_MAX)) {
    rows.delete(rowKey(ROW.window, 0, number));
  }
  await rows.deleteFrom(ROW.control, n);
  await rows.flush();
}

/** Every bin's version as of a cut: the nearest image, then the markers behind it. */
async function versionsAt(
  rows: Rows,
  count: number,
  marker: Marker,
  genesis: GenesisSigned,
  partition: number,
): Promise<Float64Array> {
  const image = await rows.latest(ROW.heads, marker.n);
  const versions = image === undefined ? new Float64Array(count) : decodeHeads(image.value, count);
  let expected = image === undefined ? 1 : image.number + 1;
  for await (const { number, value } of rows.range(ROW.marker, expected, marker.n)) {
    if (number !== expected) break;
    expected++;
    const { changed, k0 } = decodeMarker(value);
    unpackBins(changed).forEach((bin, i) => {
      versions[bin] = (k0 + i) * genesis.partitions + partition + 1;
    });
  }
  if (expected !== marker.n + 1) {
    throw new BrokenInvariant(
      'state.missing',
      `partition ${partition}: the marker of cut ${expected} is gone; delete this state, it is rebuilt from the log`,
    );
  }
  return versions;
}

/** Versions, map and offline roles of a partition as of a stored cut; undefined where it is not stored. */
export async function loadAt(
  rows: Rows,
  genesis: GenesisSigned,
  partition: number,
  n: number,
): Promise<
  { versions: Float64Array; tree: SlotTree; offline: readonly OfflineEntry[] } | undefined
> {
  const marker = await markerAt(rows, n);
  if (marker?.n !== n) return undefined;
  const { from, to } = binsOfPartition(partition, genesis.bits, Math.log2(genesis.partitions));
  const heads = new Heads(from, to - from);
  await loadHeads(rows, heads, marker, genesis, partition);
  const offline = new OfflineSlots(genesis, partition, marker.offline);
  const tree = treeOf(genesis, partition, heads, offline);
  return { versions: heads.versions, tree, offline: marker.offline };
}

/** The marker of the newest cut at or below n. */
export async function markerAt(rows: Rows, n: number): Promise<Marker | undefined> {
  const row = await rows.latest(ROW.marker, n);
  return row === undefined ? undefined : decodeMarker(row.value);
}

const EMPTY_RANGE = { size: 0, hashes: [] };

async function loadHeads(
  rows: Rows,
  heads: Heads,
  marker: Marker,
  genesis: GenesisSigned,
  partition: number,
): Promise<void> {
  const versions = await versionsAt(rows, heads.count, marker, genesis, partition);
  for (let i = 0; i < heads.count; i++) {
    const version = versions[i]!;
    if (version === 0) continue;
    const row = rows.get(rowKey(ROW.delta, heads.first + i, version));
    if (row === undefined) {
      throw new BrokenInvariant(
        'state.missing',
        `bin ${heads.first + i} version ${version} is not stored; delete this state, it is rebuilt from the log`,
      );
    }
    heads.set(heads.first + i, version, decodeDelta(row));
  }
}
