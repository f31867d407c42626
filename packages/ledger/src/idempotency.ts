/**
 * What makes a resent event harmless: (subject, event id, path) is remembered for a window of cut
 * time, with a digest of its content and where it was first seen.
 *
 * Entries are appended in fold order and written as chunks, one or more per cut; memory holds only a
 * fingerprint and a position for each (8 bytes at a load of at most one half), so a window of a
 * hundred million events stays affordable. A fingerprint that matches is settled by reading the
 * entry itself. Whether an entry still counts depends on its chunk's time alone, never on when the
 * table was last cleaned, so that the answer is the same in every process.
 */
import { BrokenInvariant, equalBytes, type Sha256 } from '@tidemark/canonical';
import { FingerprintTable } from './fingerprintTable.ts';

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

/** A stored chunk: the ordinal of its first entry, the time it counts from (ms), its entries. */
export interface IdempotencyChunk {
  readonly first: number;
  readonly time: number;
  /** The hash chain over all chunks before it, 32 bytes. */
  readonly before: Uint8Array;
  readonly entries: Uint8Array;
}

export class IdempotencyIndex {
  private readonly readChunk: (first: number) => IdempotencyChunk;
  private readonly sha256: Sha256;
  private table = new FingerprintTable(0);
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

  /** The ordinal of the first entry kept. */
  get first(): number {
    return this.firsts[0] ?? this.openFirst;
  }

  get memoryBytes(): number {
    return this.table.memoryBytes + this.open.length + this.firsts.length * 16;
  }

  /** Takes a stored chunk back at start, in order of ordinals; older than the window: not called. */
  restore(chunk: IdempotencyChunk): void {
    const count = chunk.entries.length / ENTRY_BYTES;
    if (!Number.isInteger(count)) {
      throw new BrokenInvariant('state.idempotency', `chunk ${chunk.first} is cut short`);
    }
    if (this.firsts.length > 0 && chunk.first !== this.openFirst) {
      throw new BrokenInvariant(
        'state.idempotency',
        `the idempotency window has a gap before entry ${chunk.first}`,
      );
    }
    if (this.firsts.length > 0 && !equalBytes(chunk.before, this.digest)) throw rewritten();
    this.digest = this.link(chunk);
    this.reserve(count);
    this.firsts.push(chunk.first);
    this.times.push(chunk.time);
    this.insertAll(chunk.entries, chunk.first);
    this.openFirst = chunk.first + count;
  }

  /**
   * Continues at a stored state: `next` entries seen so far, their hash chain. What was restored has to
   * end that chain; its beginning lies before the window, but no other one could lead there.
   */
  resume(next: number, digest: Uint8Array): void {
    if (this.firsts.length > 0 && this.openFirst !== next) {
      throw new BrokenInvariant(
        'state.idempotency',
        `the idempotency window ends at entry ${this.openFirst}, the marker says ${next}`,
      );
    }
    if (this.firsts.length > 0 && !equalBytes(digest, this.digest)) throw rewritten();
    this.openFirst = next;
    this.digest = digest;
  }

  /**
   * Looks an event up among those not older than `since` (ms), and remembers it when it is new.
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
    const found = this.table.find(fingerprint, start, this.first, (ordinal) =>
      this.compare(ordinal, keyHex, contentHex, since),
    );
    if (found !== undefined) return found;
    this.reserve(1);
    this.append(keyHex, contentHex, offset, index);
    this.table.insert(fingerprint, start, this.next - 1);
    return undefined;
  }

  /**
   * Closes a cut: returns the chunks to be stored for what was admitted since the last call and
   * advances the hash chain over them.
   * @param time ms: they count for a window from there
   */
  seal(time: number): IdempotencyChunk[] {
    const chunks: IdempotencyChunk[] = [];
    for (let i = 0; i < this.openCount; i += CHUNK_ENTRIES_MAX) {
      const end = Math.min(this.openCount, i + CHUNK_ENTRIES_MAX);
      const entries = Buffer.from(this.open.subarray(i * ENTRY_BYTES, end * ENTRY_BYTES));
      const chunk = { first: this.openFirst + i, time, before: this.digest, entries };
      chunks.push(chunk);
      this.firsts.push(chunk.first);
      this.times.push(time);
      this.remember(chunk);
      this.digest = this.link(chunk);
    }
    this.openFirst += this.openCount;
    this.openCount = 0;
    if (this.open.length > ENTRY_BYTES * 65_536) this.open = Buffer.allocUnsafe(ENTRY_BYTES * 256);
    return chunks;
  }

  /** Forgets chunks from before `since` (ms); returns the first ordinals forgotten. */
  prune(since: number): number[] {
    let gone = 0;
    while (gone < this.times.length && this.times[gone]! < since) gone++;
    if (gone === 0) return [];
    this.times.splice(0, gone);
    const dropped = this.firsts.splice(0, gone);
    for (const first of dropped) this.cache.delete(first);
    if (this.table.isWasteFor(this.next - this.first)) this.rebuild(0);
    return dropped;
  }

  /** The hash chain with one more chunk: over its time too, which decides how long it counts. */
  private link({ before, time, entries }: IdempotencyChunk): Uint8Array {
    const stamp = Buffer.allocUnsafe(8);
    stamp.writeDoubleBE(time, 0);
    return this.sha256(Buffer.concat([before, stamp, entries]));
  }

  private compare(
    ordinal: number,
    keyHex: string,
    contentHex: string,
    since: number,
  ): FirstSeen | undefined {
    if (ordinal >= this.next) return undefined;
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

  /**
   * Makes room for entries to come. What was forgotten takes its place until then, so a table may be
   * made anew at the same size.
   */
  private reserve(count: number): void {
    if (!this.table.hasRoomFor(count)) this.rebuild(count);
  }

  /** A new table needs each entry's start again, so the live chunks are read once more. */
  private rebuild(more: number): void {
    this.table = new FingerprintTable(this.next - this.first + more);
    for (const first of this.firsts) this.insertAll(this.chunk(first).entries, first);
    this.insertAll(this.open.subarray(0, this.openCount * ENTRY_BYTES), this.openFirst);
  }

  private insertAll(entries: Uint8Array, first: number): void {
    for (let at = 0, ordinal = first; at < entries.length; at += ENTRY_BYTES, ordinal++) {
      this.table.insert(word(entries, at), word(entries, at + 4), ordinal);
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

function rewritten(): BrokenInvariant {
  return new BrokenInvariant(
    'state.idempotency',
    'the stored idempotency window is not the one whose digest was signed; delete this state, it is rebuilt from the log',
  );
}

function word(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  );
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
