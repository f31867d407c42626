/**
 * One opening of the LevelDB that holds the logs. It is believed only as far as its checksums, its
 * contiguous offsets and its ends agree. After a failed write nothing more may be written to it, for
 * LevelDB goes on behind a torn entry of its log and would lose what follows: it is opened anew.
 */

import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BrokenInvariant, OperatingFault } from '@tidemark/canonical';
import { Level } from 'level';
import {
  bytesOfValue,
  decodeEnds,
  encodeEnds,
  endsKey,
  offsetOfKey,
  openValue,
  recordKey,
  sealValue,
} from './level-format.ts';
import type { LaneName } from './logs.ts';
import { takeChunk } from './logs.ts';
import { chunkRecordsMax } from './port.ts';

export interface StoreOptions {
  readonly compression: boolean;
  readonly writeBufferBytes: number;
}

/** Records for one lane that are to be stored from an offset on. */
export interface Addition {
  readonly lane: number;
  readonly first: number;
  readonly records: readonly Uint8Array[];
}

export class Store {
  /** One per lane, as of the opening. */
  readonly ends: readonly number[];
  readonly #db: Database;
  readonly #names: readonly LaneName[];

  constructor(db: Database, names: readonly LaneName[], ends: readonly number[]) {
    this.#db = db;
    this.#names = names;
    this.ends = ends;
  }

  /**
   * Stores all additions in one durable batch, together with the ends that they make. Returns copies
   * of the records, addition by addition.
   */
  async commit(additions: readonly Addition[], ends: readonly number[]): Promise<Uint8Array[][]> {
    const batch = this.#db.batch();
    const stored = additions.map(({ lane, first, records }) =>
      records.map((record, i) => {
        const key = recordKey(nameOf(this.#names, lane), first + i);
        const value = sealValue(key, record);
        batch.put(key, value);
        return bytesOfValue(value);
      }),
    );
    batch.put(endsKey, sealValue(endsKey, encodeEnds(ends)));
    await batch.write({ sync: true });
    return stored;
  }

  /** The records from `from` on, at least one; `end` is known to be larger. */
  async scan(lane: number, from: number, end: number, bytesMax: number): Promise<Uint8Array[]> {
    const name = nameOf(this.#names, lane);
    const limit = Math.min(end - from, chunkRecordsMax);
    const range = { gte: recordKey(name, from), lt: recordKey(name, from + limit) };
    const entries = await iterate(this.#db, { ...range, highWaterMarkBytes: bytesMax });
    if (entries.length === 0) throw gap(name, from);
    const records = entries.map(([key, value], i) => checkEntry(name, from + i, key, value));
    return takeChunk(records, 0, bytesMax);
  }

  async close(): Promise<void> {
    await this.#db.close();
  }
}

type Database = Level<Uint8Array, Uint8Array>;

/**
 * Opens the database, creates it if there is none, and checks its ends.
 * Errors: `log.locked`, `log.partitions`, `log.full`, `log.unavailable` (`OperatingFault`);
 * `log.corrupt`, `log.gap` (`BrokenInvariant`).
 */
export async function openStore(
  location: string,
  names: readonly LaneName[],
  options: StoreOptions,
): Promise<Store> {
  const db: Database = new Level(location, {
    keyEncoding: 'view',
    valueEncoding: 'view',
    compression: options.compression,
    writeBufferSize: options.writeBufferBytes,
    maxFileSize: fileBytesMax,
    blockSize: blockBytes,
  });
  try {
    await db.open();
    return new Store(db, names, await checkedEnds(db, names));
  } catch (error) {
    await db.close();
    throw storageFailure(error, 'log.unavailable', `cannot open ${location}`);
  }
}

/**
 * Whether an opening would find the room that it needs to store what its log holds. To be asked before
 * the old one is closed, so that a full disk takes the writes away and not the reads as well.
 */
export async function checkRoom(location: string, bytes: number): Promise<void> {
  const path = join(location, 'room');
  try {
    await writeFile(path, new Uint8Array(bytes), { flush: true });
  } catch (error) {
    throw storageFailure(error, 'log.write', 'no room to reopen');
  } finally {
    await rm(path, { force: true });
  }
}

/**
 * An error of LevelDB in the project's terms; one that already is passes unchanged. It carries no
 * errno, so a full disk shows in its text only.
 */
export function storageFailure(error: unknown, code: string, what: string): Error {
  if (error instanceof BrokenInvariant || error instanceof OperatingFault) return error;
  const causes: Error[] = [];
  for (let at = error; at instanceof Error && causes.length < 8; at = at.cause) causes.push(at);
  const text = causes.map((cause) => cause.message).join(': ');
  const codes = causes.map((cause) => ('code' in cause ? cause.code : undefined));
  const message = `${what}: ${text}`;
  if (codes.includes('LEVEL_CORRUPTION')) {
    return new BrokenInvariant('log.corrupt', message, { cause: error });
  }
  if (codes.includes('LEVEL_LOCKED')) {
    return new OperatingFault('log.locked', message, { cause: error });
  }
  const full = /No space left on device|File too large|quota exceeded/i.test(text);
  return new OperatingFault(full ? 'log.full' : code, message, { cause: error });
}

/** Compares the ends as stored with the keys that are there, and checks the newest records. */
async function checkedEnds(db: Database, names: readonly LaneName[]): Promise<number[]> {
  const stored = await db.get(endsKey);
  if (stored === undefined) return createEnds(db, names);
  const bytes = openValue(endsKey, stored);
  if (bytes === undefined) throw new BrokenInvariant('log.corrupt', 'the ends of the logs');
  const ends = decodeEnds(bytes);
  if (ends.length !== names.length) {
    const message = `the logs have ${(ends.length - 1) / 2} partitions, for life`;
    throw new OperatingFault('log.partitions', message);
  }
  for (const [lane, name] of names.entries()) await checkTail(db, name, ends[lane] ?? 0);
  return ends;
}

async function createEnds(db: Database, names: readonly LaneName[]): Promise<number[]> {
  const [first] = await iterate(db, { limit: 1 });
  if (first !== undefined) throw new BrokenInvariant('log.corrupt', 'records without ends');
  const ends = names.map(() => 0);
  await db.put(endsKey, sealValue(endsKey, encodeEnds(ends)), { sync: true });
  return ends;
}

async function checkTail(db: Database, name: LaneName, end: number): Promise<void> {
  const range = { gte: recordKey(name, 0), lte: recordKey(name, offsetMax), reverse: true };
  const newest = await iterate(db, { ...range, highWaterMarkBytes: tailCheckBytes });
  const [last] = newest;
  if (last === undefined && end > 0) throw gap(name, 0);
  if (last !== undefined && offsetOfKey(last[0]) >= end) {
    const message = `${name.topic}/${name.partition}: offset ${offsetOfKey(last[0])}, end ${end}`;
    throw new BrokenInvariant('log.gap', message);
  }
  for (const [i, [key, value]] of newest.entries()) checkEntry(name, end - 1 - i, key, value);
}

async function iterate(
  db: Database,
  options: {
    gte?: Uint8Array;
    lt?: Uint8Array;
    lte?: Uint8Array;
    reverse?: boolean;
    limit?: number;
    highWaterMarkBytes?: number;
  },
): Promise<[Uint8Array, Uint8Array][]> {
  const iterator = db.iterator({ ...options, fillCache: false });
  try {
    return await iterator.nextv(chunkRecordsMax);
  } finally {
    await iterator.close();
  }
}

function checkEntry(
  name: LaneName,
  offset: number,
  key: Uint8Array,
  value: Uint8Array,
): Uint8Array {
  if (offsetOfKey(key) !== offset) throw gap(name, offset);
  const record = openValue(key, value);
  if (record === undefined) {
    const where = `${name.topic}/${name.partition} offset ${offset}`;
    throw new BrokenInvariant('log.corrupt', `${where} is not what was stored`);
  }
  return record;
}

function gap(name: LaneName, offset: number): BrokenInvariant {
  const where = `${name.topic}/${name.partition} offset ${offset}`;
  return new BrokenInvariant('log.gap', `${where} is missing`);
}

function nameOf(names: readonly LaneName[], lane: number): LaneName {
  const name = names[lane];
  if (name === undefined) throw new RangeError(`lane ${lane}`);
  return name;
}

const offsetMax = 2 ** 48 - 1;
const tailCheckBytes = 256 * 1024;
const blockBytes = 16 * 1024;
const fileBytesMax = 32 * 1024 * 1024;
