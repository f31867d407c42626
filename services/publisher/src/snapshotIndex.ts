/**
 * What a publisher keeps in its own database: one row a snapshot, the outcomes of its events, and now
 * and then an image of the fold to start from. Derived, all of it: without it the logs are folded
 * from the beginning.
 */
import {
  BrokenInvariant,
  fromUtf8,
  readJson,
  recordText,
  utf8,
  type Json,
} from '@tidemark/canonical';
import type { Outcome, SnapshotLeaf } from '@tidemark/event';
import {
  isCheckpoint,
  rowKey,
  Rows,
  type ControlCheckpoint,
  type SnapshotFoldState,
  type StateDb,
} from '@tidemark/ledger';

const KIND = {
  image: 0x49, // I n → where to start from
  root: 0x52, // R first bytes of a merkle root → its snapshot's number
  list: 0x4c, // L partition, n → the offsets of the batches that have outcomes
  outcomes: 0x4f, // O partition, offset → outcomes of that batch
  snapshot: 0x53, // S n → the snapshot
} as const;

/** A visible snapshot. */
export interface SnapshotRow {
  readonly n: number;
  /** The snapshot before it; numbers between the two are void. 0 for the first. */
  readonly before: number;
  /** How many batches of each partition have outcomes. */
  readonly batches: readonly number[];
  /** Time of the cut in ms. */
  readonly time: number;
  readonly vector: readonly number[];
  readonly merkleRoot: string;
  /** What the snapshot log says of it. */
  readonly leaf: SnapshotLeaf;
  /** The files as they were published, as text. */
  readonly timestamp: string;
  readonly checkpoint: string;
  /** Version of the newest snapshot.json. */
  readonly classic: number;
}

/** The fold at a snapshot, and from where on the leaves logs have to be read: behind its subtree records. */
export interface Image {
  readonly state: SnapshotFoldState;
  readonly positions: readonly number[];
  /** Where the control log's fold may go on; from its start without. */
  readonly control?: ControlCheckpoint;
  readonly table: Buffer;
}

const N_MAX = 2 ** 48 - 1;

export class SnapshotIndex {
  private readonly rows: Rows;

  constructor(db: StateDb) {
    this.rows = new Rows(db, 'the publisher’s state');
  }

  /** Reads rows again: see {@link Rows.scrub}. */
  async scrub(after: Uint8Array | undefined, bytesMax: number) {
    return this.rows.scrub(after, bytesMax);
  }

  /** The newest visible snapshot, or undefined before the first. */
  async newest(): Promise<SnapshotRow | undefined> {
    const row = await this.rows.latest(KIND.snapshot, N_MAX);
    return row && parseSnapshot(row.value);
  }

  /**
   * Snapshot n of those up to `newest`; undefined where its number is void.
   * @throws BrokenInvariant `state.missing` where it was stored and is gone
   */
  get(n: number, newest: number): SnapshotRow | undefined {
    for (let next = n; next <= newest; next++) {
      const row = this.rows.get(rowKey(KIND.snapshot, 0, next));
      if (row === undefined) continue;
      const snapshot = parseSnapshot(row);
      if (next === n) return snapshot;
      if (snapshot.before < n) return undefined;
      break;
    }
    throw missing(`snapshot ${n}`);
  }

  /** The number of the newest snapshot with this `merkle_root` (64 hex), of those up to `newest`. */
  numberOfRoot(merkleRoot: string, newest: number): number | undefined {
    const row = this.rows.get(rootKey(merkleRoot));
    const n = row?.readUIntBE(0, 6);
    if (n === undefined || n > newest) return undefined;
    return this.get(n, newest)?.merkleRoot === merkleRoot ? n : undefined;
  }

  /**
   * The outcomes of a batch: by event index; empty where all its events were applied.
   * @param snapshot the one that settled the batch
   * @throws BrokenInvariant `state.missing` where they were stored and are gone
   */
  outcomes(partition: number, offset: number, { n, batches }: SnapshotRow): Outcome[] {
    const row = this.rows.get(rowKey(KIND.outcomes, partition, offset));
    if (row !== undefined) return parse(row) as Outcome[];
    if (batches[partition] === 0) return [];
    const list = this.rows.get(rowKey(KIND.list, partition, n));
    if (list !== undefined && !(parse(list) as number[]).includes(offset)) return [];
    throw missing(`what became of the events at ${partition}/${offset}`);
  }

  /** Puts a snapshot with its outcomes down. */
  async put(row: SnapshotRow, outcomes: readonly (readonly Outcome[])[]): Promise<void> {
    outcomes.forEach((list, partition) => {
      if (list.length > 0) this.putOutcomes(partition, row.n, list);
    });
    this.rows.put(rowKey(KIND.snapshot, 0, row.n), encode(row as unknown as Json));
    const number = Buffer.allocUnsafe(6);
    number.writeUIntBE(row.n, 0, 6);
    this.rows.put(rootKey(row.merkleRoot), number);
    await this.rows.flush();
  }

  async image(): Promise<Image | undefined> {
    const row = await this.rows.latest(KIND.image, N_MAX);
    if (row === undefined) return undefined;
    const length = row.value.readUInt32BE(0);
    const head = parse(row.value.subarray(4, 4 + length)) as Omit<Image, 'table'>;
    if (head.state.leaf === undefined) throw otherForm();
    if (head.control !== undefined && !isCheckpoint(head.control)) throw otherForm();
    return { ...head, table: Buffer.from(row.value.subarray(4 + length)) };
  }

  /** Puts an image down; the one before it goes. */
  async putImage(image: Image): Promise<void> {
    const { table, ...head } = image;
    const text = encode(head as unknown as Json);
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32BE(text.length, 0);
    const { n } = image.state.leaf;
    const before = await this.rows.latest(KIND.image, n - 1);
    this.rows.put(rowKey(KIND.image, 0, n), Buffer.concat([length, text, table]));
    if (before !== undefined) this.rows.delete(rowKey(KIND.image, 0, before.number));
    await this.rows.flush();
  }

  private putOutcomes(partition: number, n: number, outcomes: readonly Outcome[]): void {
    this.rows.put(rowKey(KIND.list, partition, n), encode(offsetsOf(outcomes)));
    for (let i = 0; i < outcomes.length;) {
      const offset = outcomes[i]![0];
      const from = i;
      while (i < outcomes.length && outcomes[i]![0] === offset) i++;
      const batch = outcomes.slice(from, i) as unknown as Json;
      this.rows.put(rowKey(KIND.outcomes, partition, offset), encode(batch));
    }
  }
}

/** The offsets of the batches that have outcomes, ascending. */
export function offsetsOf(outcomes: readonly Outcome[]): number[] {
  return [...new Set(outcomes.map(([offset]) => offset))];
}

function missing(what: string): BrokenInvariant {
  return new BrokenInvariant(
    'state.missing',
    `the publisher’s state has lost ${what}; delete this state, it is rebuilt from the log`,
  );
}

function rootKey(merkleRoot: string): Buffer {
  return rowKey(
    KIND.root,
    Number.parseInt(merkleRoot.slice(0, 8), 16),
    Number.parseInt(merkleRoot.slice(8, 20), 16),
  );
}

function encode(value: Json): Uint8Array {
  return utf8(recordText(value));
}

function parseSnapshot(row: Uint8Array): SnapshotRow {
  const snapshot = parse(row) as Partial<SnapshotRow> | null;
  if (typeof snapshot?.leaf !== 'object') throw otherForm();
  return snapshot as SnapshotRow;
}

function parse(row: Uint8Array): unknown {
  try {
    return readJson(fromUtf8(row));
  } catch (cause) {
    throw otherForm(cause);
  }
}

function otherForm(cause?: unknown): BrokenInvariant {
  return new BrokenInvariant(
    'state.row',
    'a row of the publisher has another form; delete this state, it is rebuilt from the log',
    { cause },
  );
}
