// What somebody may rewrite in the state that a process starts from. Its checksums hold; what shards and
// publishers say of it then must not.
import type { JsonObject } from '@tidemark/canonical';
import type { StateDisk } from './ports.ts';
import type { Random } from './random.ts';

/** What was rewritten, as figures name it. */
export type Forgery = 'forged state' | 'forged checkpoint';

/** Of a cut's marker, the row that says what the state is: what somebody may want to change. */
interface ForgedMarker extends JsonObject {
  readonly k: number;
  readonly next: number;
  readonly window: { readonly since: number };
  readonly intakes: readonly (readonly [run: string, seq: number, time: number])[];
}

/** A checkpoint of the control log, as far as it is rewritten. */
interface ForgedCheckpoint extends JsonObject {
  readonly next: number;
  readonly kept: readonly number[];
}

/** A snapshot that a publisher has shown, as far as it is rewritten. */
interface ForgedSnapshot extends JsonObject {
  readonly time: number;
}

const MARKER = 0x43;
const CHECKPOINT = 0x4b;
const SNAPSHOT = 0x53;

/** Rewrites the marker of a partition's newest cut. @returns what, if anything */
export function forgeMarker(disk: StateDisk, random: Random): Forgery | undefined {
  return rewrite(disk, MARKER, 'forged state', (row) => {
    const { k, next, window, intakes } = row as ForgedMarker;
    return random.pick<JsonObject>([
      { k: k + 1 },
      { next: next + 1 },
      { window: { ...window, since: window.since + 1_000 } },
      { intakes: [...intakes, ['forged', 1, 1]] },
    ]);
  });
}

/** Whether a partition starts from a checkpoint. */
export function hasCheckpoint(disk: StateDisk): boolean {
  return disk.has(CHECKPOINT);
}

/**
 * Rewrites a partition's newest checkpoint: something that is in force is left out, or something that is
 * yet to be read is passed over. @returns what, if anything
 */
export function forgeCheckpoint(disk: StateDisk, random: Random): Forgery | undefined {
  return rewrite(disk, CHECKPOINT, 'forged checkpoint', (row) => {
    const { next, kept } = row as ForgedCheckpoint;
    const left = random.below(kept.length);
    return random.pick<JsonObject>([
      { kept: kept.toSpliced(left, 1) },
      { kept: kept.slice(0, -1) },
      { next: next + 1 },
    ]);
  });
}

/** Rewrites a publisher's newest snapshot. @returns what, if anything */
export function forgeSnapshot(
  disk: StateDisk,
  random: Random,
  partitions: number,
): Forgery | undefined {
  return rewrite(disk, SNAPSHOT, 'forged state', (row) => {
    const { time } = row as ForgedSnapshot;
    return random.pick<JsonObject>([
      { time: time + 1 },
      { merkleRoot: '00'.repeat(32) },
      { vector: Array.from({ length: partitions }, () => 1_000) },
    ]);
  });
}

function rewrite(
  disk: StateDisk,
  kind: number,
  what: Forgery,
  change: (row: JsonObject) => JsonObject,
): Forgery | undefined {
  const wasThere = disk.forge(kind, (value) => {
    const row = JSON.parse(value.toString()) as JsonObject;
    return Buffer.from(JSON.stringify({ ...row, ...change(row) }));
  });
  return wasThere ? what : undefined;
}
