/**
 * What makes a resent event harmless: (subject, event id, path) is remembered for a window of cut
 * time, with a digest of its content and where it was first seen.
 *
 * Entries are appended in fold order and written as chunks, one or more per cut; memory holds only a
 * fingerprint and a position for each (8 bytes at a load of at most one half), so a window of a
 * hundred million events stays affordable. A fingerprint that matches is settled by reading the
 * entry itself. Whether an entry still counts depends on its chunk's cut time alone, never on when
 * the table was last cleaned, so that the answer is the same in every process.
 */
import { BrokenInvariant, fromHex, type Sha256 } from '@tidemark/canonical';

/** An entry's bytes: key (16) ‖ content digest (8) ‖ partition offset (6) ‖ index in the batch (2). */
const ENTRY_BYTES = 32;
const KEY_BYTES = 16;
/** Entries in one stored chunk at the most: 64 KiB. */
export const CHUNK_ENTRIES_MAX = 2048;
const CHUNKS_CACHED_MAX = 32;

/** Where an event was first seen. */
export interface FirstSeen {
  readonly offset: number;
  readonly index: number;
  readonly sameContent: boolean;
}

/** A stored chunk: the ordinal of its first entry, the time of its cut (ms), its entries. */
export interface IdempotencyChunk {
  readonly first: number;
  readonly time: number;
  readonly entries: Uint8Array;
}

export class IdempotencyIndex {
  private readonly readChunk: (first: number) => IdempotencyChunk;
  private readonly sha256: Sha256;
  /** Pairs of fingerprint and ordinal + 1; 0 marks a free place. */
  private table = new Uint32Array(1 << 13);
  private used = 0;
  private readonly firsts: number[] = [];
  private readonly times: number[] = [];
  private readonly cache = new Map<number, IdempotencyChunk>();
  private open: Buffer = Buffer.allocUnsafe(ENTRY_BYTES * 256);
  private openFirst = 0;
  private openCount = 0;
  /** Hash chain over every chunk so far: part of the state that a subtree record commits to. */
  digest: Uint8Array = new Uint8Array(32);

  /** @param readChunk reads a stored chunk by its first ordinal; throws where it is damaged */
  constructor(readChunk: (first: number) => IdempotencyChunk, sha256: Sha256) {
    this.readChunk = readChunk;
    this.sha256 = sha256;
  }

  /** The number of entries ever remembered: the next ordinal. */
  get next(): number {
    return this.openFirst + this.openCount;
  }

  get memoryBytes(): number {
    return this.table.byteLength + this.open.length + this.firsts.length * 16;
  }

  /** Takes a stored chunk back at start, in order of ordinals; older than the window: not called. */
  restore(chunk: IdempotencyChunk): void {
    const count = chunk.entries.length / ENTRY_BYTES;
    if (this.firsts.length > 0 && chunk.first !== this.openFirst) {
      throw new BrokenInvariant(
        'state.idempotency',
        `the idempotency window has a gap before entry ${chunk.first}`,
      );
    }
    this.firsts.push(chunk.first);
    this.times.push(chunk.time);
    for (let i = 0; i < count; i++) {
      const at = i * ENTRY_BYTES;
      this.insert(word(chunk.entries, at), word(chunk.entries, at + 4), chunk.first + i);
    }
    this.openFirst = chunk.first + count;
  }

  /** Continues at a stored state: `next` entries seen so far, their hash chain. */
  resume(next: number, digest: Uint8Array): void {
    if (this.firsts.length > 0 && this.openFirst !== next) {
      throw new BrokenInvariant(
        'state.idempotency',
        `the idempotency window ends at entry ${this.openFirst}, the marker says ${next}`,
      );
    }
    this.openFirst = next;
    this.digest = digest;
  }

  /**
   * Looks an event up among those not older than `since` (ms of cut time), and remembers it when it
   * is new.
   * @param keyHex hex of a hash over (subject, id, path), at least 32 characters
   * @param contentHex hex of a hash over the event without its id, at least 16 characters
   */
  admit(
    keyHex: string,
    contentHex: string,
    since: number,
    offset: number,
    index: number,
  ): FirstSeen | undefined {
    const fingerprint = Number.parseInt(keyHex.slice(0, 8), 16);
    const start = Number.parseInt(keyHex.slice(8, 16), 16);
    const found = this.find(fingerprint, start, keyHex, contentHex, since);
    if (found !== undefined) return found;
    this.append(keyHex, contentHex, offset, index);
    this.insert(fingerprint, start, this.next - 1);
    return undefined;
  }

  /**
   * Closes a cut: returns the chunks to be stored for what was admitted since the last call and
   * advances the hash chain over them.
   */
  seal(time: number): IdempotencyChunk[] {
    const chunks: IdempotencyChunk[] = [];
    for (let i = 0; i < this.openCount; i += CHUNK_ENTRIES_MAX) {
      const end = Math.min(this.openCount, i + CHUNK_ENTRIES_MAX);
      const entries = Buffer.from(this.open.subarray(i * ENTRY_BYTES, end * ENTRY_BYTES));
      const chunk = { first: this.openFirst + i, time, entries };
      chunks.push(chunk);
      this.firsts.push(chunk.first);
      this.times.push(time);
      this.remember(chunk);
      this.digest = this.sha256(Buffer.concat([this.digest, entries]));
    }
    this.openFirst += this.openCount;
    this.openCount = 0;
    if (this.open.length > ENTRY_BYTES * 65_536) this.open = Buffer.allocUnsafe(ENTRY_BYTES * 256);
    return chunks;
  }

  /** Forgets chunks from before `since` (ms of cut time); returns the first ordinals forgotten. */
  prune(since: number): number[] {
    let gone = 0;
    while (gone < this.times.length && this.times[gone]! < since) gone++;
    if (gone === 0) return [];
    this.times.splice(0, gone);
    const dropped = this.firsts.splice(0, gone);
    for (const first of dropped) this.cache.delete(first);
    this.rebuild();
    return dropped;
  }

  private find(
    fingerprint: number,
    start: number,
    keyHex: string,
    contentHex: string,
    since: number,
  ): FirstSeen | undefined {
    const mask = this.table.length / 2 - 1;
    for (let place = start & mask; ; place = (place + 1) & mask) {
      const ordinal = this.table[2 * place + 1]! - 1;
      if (ordinal < 0) return undefined;
      if (this.table[2 * place] !== fingerprint) continue;
      const seen = this.compare(ordinal, keyHex, contentHex, since);
      if (seen !== undefined) return seen;
    }
  }

  private compare(
    ordinal: number,
    keyHex: string,
    contentHex: string,
    since: number,
  ): FirstSeen | undefined {
    let entries: Buffer = this.open;
    let at = (ordinal - this.openFirst) * ENTRY_BYTES;
    if (ordinal < this.openFirst) {
      const position = lastAtOrBelow(this.firsts, ordinal);
      if (position < 0 || this.times[position]! < since) return undefined;
      const chunk = this.chunk(this.firsts[position]!);
      entries = Buffer.from(chunk.entries.buffer, chunk.entries.byteOffset, chunk.entries.length);
      at = (ordinal - chunk.first) * ENTRY_BYTES;
    }
    if (entries.toString('hex', at, at + KEY_BYTES) !== keyHex.slice(0, 2 * KEY_BYTES))
      return undefined;
    const content = entries.toString('hex', at + KEY_BYTES, at + KEY_BYTES + 8);
    return {
      offset: entries.readUIntBE(at + 24, 6),
      index: entries.readUInt16BE(at + 30),
      sameContent: content === contentHex.slice(0, 16),
    };
  }

  private append(keyHex: string, contentHex: string, offset: number, index: number): void {
    const at = this.openCount * ENTRY_BYTES;
    if (at + ENTRY_BYTES > this.open.length) {
      const grown = Buffer.allocUnsafe(this.open.length * 2);
      this.open.copy(grown, 0, 0, at);
      this.open = grown;
    }
    this.open.write(keyHex, at, KEY_BYTES, 'hex');
    this.open.write(contentHex, at + KEY_BYTES, 8, 'hex');
    this.open.writeUIntBE(offset, at + 24, 6);
    this.open.writeUInt16BE(index, at + 30);
    this.openCount++;
  }

  private insert(fingerprint: number, start: number, ordinal: number): void {
    if (ordinal >= 0xffff_fffe) {
      throw new BrokenInvariant('state.idempotency', 'the idempotency window has no ordinals left');
    }
    if (2 * (this.used + 1) > this.table.length / 2) this.resize(this.table.length * 2);
    place(this.table, fingerprint, start, ordinal + 1);
    this.used++;
  }

  /** A larger table needs each entry's start again, so the live chunks are read once more. */
  private resize(length: number): void {
    this.table = new Uint32Array(length);
    this.used = 0;
    for (const first of this.firsts) {
      const { entries } = this.chunk(first);
      for (let at = 0, ordinal = first; at < entries.length; at += ENTRY_BYTES, ordinal++) {
        place(this.table, word(entries, at), word(entries, at + 4), ordinal + 1);
        this.used++;
      }
    }
    for (let i = 0; i < this.openCount; i++) {
      const at = i * ENTRY_BYTES;
      place(this.table, word(this.open, at), word(this.open, at + 4), this.openFirst + i + 1);
      this.used++;
    }
  }

  private rebuild(): void {
    const live = this.next - (this.firsts[0] ?? this.openFirst);
    if (live * 4 < this.used || this.used * 3 > this.table.length / 2) {
      let length = 1 << 13;
      while (live * 4 > length) length *= 2;
      this.resize(length);
    }
  }

  private chunk(first: number): IdempotencyChunk {
    const cached = this.cache.get(first);
    if (cached !== undefined) return cached;
    const chunk = this.readChunk(first);
    this.remember(chunk);
    return chunk;
  }

  private remember(chunk: IdempotencyChunk): void {
    this.cache.set(chunk.first, chunk);
    if (this.cache.size > CHUNKS_CACHED_MAX) {
      const [oldest] = this.cache.keys();
      this.cache.delete(oldest!);
    }
  }
}

/** The digest of an empty chain, as hex: what a fresh partition starts from. */
export const EMPTY_DIGEST = '00'.repeat(32);

/** Reads a chain's digest back from a marker. */
export function digestFromHex(hex: string): Uint8Array {
  return fromHex(hex);
}

function word(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  );
}

function place(table: Uint32Array, fingerprint: number, start: number, value: number): void {
  const mask = table.length / 2 - 1;
  let at = start & mask;
  while (table[2 * at + 1] !== 0) at = (at + 1) & mask;
  table[2 * at] = fingerprint;
  table[2 * at + 1] = value;
}

function lastAtOrBelow(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
