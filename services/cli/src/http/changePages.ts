/**
 * What the ledger's snapshots changed about targets, in order and in pages: by snapshot, partition, bin and
 * path. A change is what came of a cut: of several events for one path in one cut, their sum.
 */
import { parseJson, type JsonObject } from '@tidemark/canonical';
import { binRoleName } from '@tidemark/tuf';
import type { Engine } from '../engine/engine.ts';
import { encodeCursor, startOf, type Cursor } from './cursor.ts';

export interface Change {
  readonly snapshot: number;
  /** Time of the snapshot's cut, ISO 8601. */
  readonly time: string;
  /** The role that lists the path, and its version from this snapshot on. */
  readonly role: string;
  readonly version: number;
  readonly path: string;
  /** As the role lists it; null where it does not any more. */
  readonly target: JsonObject | null;
}

export interface ChangePage {
  readonly changes: readonly Change[];
  /** For the next page. */
  readonly cursor: string;
  /** Whether there is more now. A page may be short, even empty, and there is more all the same. */
  readonly more: boolean;
}

/** Questions to the shards for one page: so much work is done at once where nothing was changed. */
const LOOKS_MAX = 1_024;

/**
 * The changes from a cursor on, up to the end of a snapshot.
 * @param last the newest snapshot to be read
 */
export async function changePage(
  engine: Engine,
  from: Cursor,
  last: number,
  changesMax: number,
): Promise<ChangePage> {
  const changes: Change[] = [];
  let cursor = from;
  for (let looks = 0; cursor.n <= last && looks < LOOKS_MAX; looks++) {
    const row = engine.publisher.snapshot(cursor.n);
    if (row === undefined) {
      cursor = startOf(cursor.n + 1);
      continue;
    }
    const room = changesMax - changes.length;
    const found = await engine.shards.changes(cursor.partition, cursor.n, cursor, room);
    const { bits, prefix } = engine.genesis;
    for (const { bin, version, path, value } of found.changes) {
      changes.push({
        snapshot: row.n,
        time: new Date(row.time).toISOString(),
        role: binRoleName(prefix, bits, bin),
        version,
        path,
        target: value === null ? null : (parseJson(value) as JsonObject),
      });
    }
    cursor = found.next === undefined ? behind(engine, cursor) : { ...cursor, ...found.next };
    if (changes.length === changesMax) break;
  }
  return { changes, cursor: encodeCursor(engine.genesis, cursor), more: cursor.n <= last };
}

/** The beginning of the next partition, or of the next snapshot. */
function behind(engine: Engine, { n, partition }: Cursor): Cursor {
  const isLast = partition + 1 === engine.genesis.partitions;
  return isLast ? startOf(n + 1) : { n, partition: partition + 1, bin: 0, op: 0 };
}
