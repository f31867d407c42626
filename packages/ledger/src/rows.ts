/**
 * The rows of a partition's state in LevelDB: keys, checksums, chunked writes.
 *
 * Nothing is ever overwritten: a role version, a body, a chunk of the idempotency window and a cut's
 * marker each have a key of their own, so a crash between two writes leaves rows that no marker
 * vouches for and that the same fold writes again, byte for byte. LevelDB 1.20 does not notice a
 * flipped bit, so every value carries a CRC-32 over key and value.
 */
import { crc32 } from 'node:zlib';
import type { AbstractLevel } from 'abstract-level';
import { BrokenInvariant, OperatingFault } from '@tidemark/canonical';

/** The database a partition keeps its state in: `level` on a server, `memory-level` in simulation. */
export type StateDb = AbstractLevel<string | Buffer | Uint8Array, Buffer, Buffer>;

const NUMBER_MAX = 2 ** 48 - 1;
const BIN_MAX = 2 ** 32 - 1;
/** Bytes gathered before a chunk is handed to LevelDB. */
const CHUNK_BYTES_MAX = 4 << 20;

/** The kinds of row, by the first byte of their key. */
export const ROW = {
  body: 0x42, // B version bin → the complete file
  marker: 0x43, // C cut → what is valid at that cut
  delta: 0x44, // D version bin → a role version as a change of the one before
  heads: 0x47, // G cut → every bin's version at that cut
  window: 0x49, // I first ordinal → a chunk of the idempotency window
  control: 0x4b, // K cut → a checkpoint of the control log, good for that cut on
} as const;

/**
 * A row's key. Numbers come first: they grow, so LevelDB appends to what it has sorted already, and
 * moves its files instead of merging each new one into those of every bin.
 */
export function rowKey(kind: number, bin: number, number: number): Buffer {
  const key = Buffer.allocUnsafe(11);
  key[0] = kind;
  key.writeUIntBE(number, 1, 6);
  key.writeUInt32BE(bin, 7);
  return key;
}

export class Rows {
  private readonly db: StateDb;
  private readonly where: string;
  private chain: ReturnType<StateDb['batch']> | undefined;
  private chainBytes = 0;
  private writing: Promise<void> = Promise.resolve();
  /** Bytes written to the database since it was opened. */
  bytesWritten = 0;

  /** @param where names the database in errors */
  constructor(db: StateDb, where: string) {
    this.db = db;
    this.where = where;
  }

  /**
   * One row, checked.
   * @throws BrokenInvariant `state.corrupt` where its checksum does not hold, or LevelDB’s own
   * @throws OperatingFault `state.read`
   */
  get(key: Buffer): Buffer | undefined {
    let stored: Buffer | undefined;
    try {
      stored = this.db.getSync(key);
    } catch (error) {
      throw this.failure('read', error);
    }
    return stored === undefined ? undefined : this.open(key, stored);
  }

  /** Gathers a row; {@link flush} makes it durable enough: state is derived, the log is the truth. */
  put(key: Buffer, value: Uint8Array): void {
    this.chain ??= this.db.batch();
    const stored = Buffer.allocUnsafe(4 + value.length);
    stored.writeUInt32BE(crc32(value, crc32(key)), 0);
    stored.set(value, 4);
    this.chain.put(key, stored);
    this.chainBytes += stored.length + key.length;
  }

  delete(key: Buffer): void {
    this.chain ??= this.db.batch();
    this.chain.del(key);
    this.chainBytes += key.length;
  }

  /** True once enough is gathered that the caller should {@link flush}. */
  get full(): boolean {
    return this.chainBytes >= CHUNK_BYTES_MAX;
  }

  /** Writes what is gathered. @throws OperatingFault `state.write`, `state.full` */
  async flush(): Promise<void> {
    const chain = this.chain;
    if (chain === undefined) return this.writing;
    this.bytesWritten += this.chainBytes;
    this.chain = undefined;
    this.chainBytes = 0;
    this.writing = this.writing
      .then(() => chain.write())
      .catch((error: unknown) => {
        throw this.failure('write', error);
      });
    return this.writing;
  }

  /** The newest row of a kind whose number is at most `number`. */
  async latest(
    kind: number,
    number: number,
  ): Promise<{ number: number; value: Buffer } | undefined> {
    const range = {
      gte: rowKey(kind, 0, 0),
      lte: rowKey(kind, 0, number),
      reverse: true,
      limit: 1,
    };
    for await (const [key, value] of this.entries(range)) {
      return { number: key.readUIntBE(1, 6), value: this.open(key, value) };
    }
    return undefined;
  }

  /** Rows of a kind with `from` ≤ number ≤ `to`, ascending. */
  async *range(
    kind: number,
    from: number,
    to: number,
  ): AsyncGenerator<{ number: number; value: Buffer }> {
    const range = { gte: rowKey(kind, 0, from), lte: rowKey(kind, 0, to) };
    for await (const [key, value] of this.entries(range)) {
      yield { number: key.readUIntBE(1, 6), value: this.open(key, value) };
    }
  }

  /** Deletes the rows of a kind from a number on, of every bin. */
  async deleteFrom(kind: number, number: number): Promise<void> {
    const range = { gte: rowKey(kind, 0, number), lte: rowKey(kind, BIN_MAX, NUMBER_MAX) };
    for await (const [key] of this.entries(range)) this.delete(key);
  }

  /**
   * Reads rows whatever they are, only to see whether they are what was written.
   * @param after the key behind which to begin; with the first row unless given
   * @param bytesMax where to pause
   * @returns where to go on, undefined at the end
   * @throws as {@link get}
   */
  async scrub(
    after: Uint8Array | undefined,
    bytesMax: number,
  ): Promise<{ readonly after: Uint8Array | undefined; readonly bytes: number }> {
    let bytes = 0;
    const range = after === undefined ? {} : { gt: Buffer.from(after) };
    for await (const [key, value] of this.entries({ ...range, fillCache: false })) {
      this.open(key, value);
      bytes += key.length + value.length;
      if (bytes >= bytesMax) return { after: key, bytes };
    }
    return { after: undefined, bytes };
  }

  private async *entries(range: {
    gt?: Buffer;
    gte?: Buffer;
    lte?: Buffer;
    fillCache?: boolean;
    reverse?: boolean;
    limit?: number;
  }): AsyncGenerator<[Buffer, Buffer]> {
    const iterator = this.db.iterator(range);
    try {
      for (;;) {
        const entry = await iterator.next().catch((error: unknown) => {
          throw this.failure('read', error);
        });
        if (entry === undefined) return;
        yield entry;
      }
    } finally {
      await iterator.close();
    }
  }

  /** LevelDB’s errors in the project’s terms; one that already is passes unchanged. */
  private failure(what: 'read' | 'write', error: unknown): Error {
    if (error instanceof OperatingFault || error instanceof BrokenInvariant) return error;
    const text = error instanceof Error ? error.message : String(error);
    const message = `${this.where}: ${text}`;
    const cause = { cause: error };
    if (what === 'read' && /Corruption|No such file/.test(text)) {
      const remedy = 'delete this state, it is rebuilt from the log';
      return new BrokenInvariant('state.corrupt', `${message}; ${remedy}`, cause);
    }
    const isFull = /No space left|quota exceeded|File too large/i.test(text);
    return new OperatingFault(isFull ? 'state.full' : `state.${what}`, message, cause);
  }

  private open(key: Buffer, stored: Buffer): Buffer {
    const value = stored.subarray(4);
    if (stored.length < 4 || stored.readUInt32BE(0) !== crc32(value, crc32(key))) {
      throw new BrokenInvariant(
        'state.corrupt',
        `${this.where}: row ${key.toString('hex')} is damaged; delete this state, it is rebuilt from the log`,
      );
    }
    return value;
  }
}
