/**
 * One bin's metadata file, kept as the complete signed bytes and spliced in place.
 *
 * A bin (TUF targets metadata, PEP 458's bin-n) is never re-canonicalised: its head and tail have a
 * fixed form, its targets lie between them sorted by path, and a change moves only the bytes behind
 * it. Layout, all ASCII:
 *
 *   {"signatures":[{"keyid":K,"sig":S}],"signed":{"_type":"targets","expires":E,
 *    "spec_version":"1.0.31","targets":{ ENTRY,ENTRY… },"version":V}}
 *
 * with ENTRY = "path":VALUE, VALUE the canonical JSON of the target. Held byte-identical to the
 * canonical encoder by property test.
 */
import { BrokenInvariant } from '@tidemark/canonical';
import { pathBytesMax } from '@tidemark/tuf';
import { OP_HEAD_BYTES } from './binOps.ts';

const KEYID_AT = '{"signatures":[{"keyid":"'.length;
const SIG_AT = KEYID_AT + 64 + '","sig":"'.length;
const SIGNED_AT = SIG_AT + 128 + '"}],"signed":'.length;
const EXPIRES_AT = SIGNED_AT + '{"_type":"targets","expires":"'.length;
const HEAD_END = EXPIRES_AT + 20 + '","spec_version":"1.0.31","targets":{'.length;
const TAIL_MAX = '},"version":9007199254740991}}'.length;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const BRACE = 0x7b;
const BRACE_END = 0x7d;
const BRACKET = 0x5b;
const BRACKET_END = 0x5d;

const HEAD_TEMPLATE =
  `{"signatures":[{"keyid":"${'0'.repeat(64)}","sig":"${'0'.repeat(128)}"}],"signed":` +
  `{"_type":"targets","expires":"${'0'.repeat(20)}","spec_version":"1.0.31","targets":{`;

/** Working space for splices: one per partition, so that a splice allocates nothing. */
export class BinScratch {
  bytes: Buffer = Buffer.allocUnsafeSlow(1 << 16);
  starts: Uint32Array = new Uint32Array(1 << 10);

  reserve(bytesMax: number, entriesMax: number): void {
    if (this.bytes.length < bytesMax) this.bytes = Buffer.allocUnsafeSlow(bytesMax * 2);
    if (this.starts.length < entriesMax) this.starts = new Uint32Array(entriesMax * 2);
  }
}

export class BinFile {
  /** The file's bytes, with room behind them. */
  private bytes: Buffer;
  /** Where each entry's opening quote lies, ascending; `count` of them are in use. */
  private starts: Uint32Array;
  /** Number of targets. */
  count = 0;
  /** Where the entries end: the tail's closing brace. */
  private regionEnd = HEAD_END;
  /** Length of the whole file in bytes. */
  length = 0;

  private constructor(bytes: Buffer, starts: Uint32Array) {
    this.bytes = bytes;
    this.starts = starts;
  }

  /** A bin without targets, unsigned. */
  static empty(): BinFile {
    const bytes = Buffer.allocUnsafeSlow(HEAD_END + TAIL_MAX + 512);
    bytes.write(HEAD_TEMPLATE, 0, 'latin1');
    return new BinFile(bytes, new Uint32Array(4));
  }

  /** Takes over a file's bytes as they were published. @throws BrokenInvariant `bin.shape` */
  static parse(file: Uint8Array): BinFile {
    const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
    const tailAt = bytes.lastIndexOf('},"version":');
    if (tailAt < HEAD_END || bytes.toString('latin1', SIGNED_AT, EXPIRES_AT) !== SIGNED_OPENING) {
      throw new BrokenInvariant('bin.shape', 'these bytes are not a bin this ledger wrote');
    }
    const bin = new BinFile(bytes, new Uint32Array(64));
    bin.length = bytes.length;
    bin.regionEnd = tailAt;
    bin.findEntries();
    return bin;
  }

  /** Bytes this bin holds in memory. */
  get memoryBytes(): number {
    return this.bytes.length + this.starts.byteLength + 200;
  }

  /** The canonical value of a target, or undefined where the bin does not list it. */
  get(path: string): string | undefined {
    const length = SOUGHT.write(path);
    const at = this.lowerBound(SOUGHT, 0, length, 0);
    if (at === this.count || this.comparePath(at, SOUGHT, 0, length) !== 0) return undefined;
    return this.bytes.toString('latin1', this.starts[at]! + length + 3, this.entryEnd(at));
  }

  /** Every path in order. */
  *paths(): Generator<string> {
    for (let i = 0; i < this.count; i++) yield this.pathAt(i);
  }

  /**
   * Applies changes, packed, sorted by path and each path once. Everything before the first change stays
   * where it is; what follows is merged in the scratch space and copied back once.
   */
  apply(ops: Buffer, scratch: BinScratch): void {
    if (ops.length === 0) return;
    const pathEnd = OP_HEAD_BYTES + ops.readUInt16BE(0);
    const first = this.lowerBound(ops, OP_HEAD_BYTES, pathEnd, 0);
    const keepEnd = first === 0 ? HEAD_END : this.entryEnd(first - 1);
    // An operation is longer than what it adds, and no shorter than its head and a path of one byte.
    const entriesMax = this.count - first + Math.ceil(ops.length / (OP_HEAD_BYTES + 1));
    scratch.reserve(this.regionEnd - keepEnd + ops.length + 1, entriesMax);
    const merged = this.merge(ops, first, keepEnd, scratch);
    this.replaceTail(first, keepEnd, merged, scratch);
  }

  /** Merges entries from `first` on with `ops` into the scratch; entries' places are as in the file. */
  private merge(ops: Buffer, first: number, keepEnd: number, scratch: BinScratch) {
    const { bytes: out, starts: outStarts } = scratch;
    let at = 0;
    let entries = 0;
    let next = first;
    const copy = (until: number): void => {
      if (until === next) return;
      if (keepEnd + at > HEAD_END) out[at++] = COMMA;
      const from = this.starts[next]!;
      const end = this.entryEnd(until - 1);
      this.bytes.copy(out, at, from, end);
      const shift = keepEnd + at - from;
      for (let i = next; i < until; i++) outStarts[entries++] = this.starts[i]! + shift;
      at += end - from;
      next = until;
    };
    for (let op = 0; op < ops.length;) {
      const path = op + OP_HEAD_BYTES;
      const value = path + ops.readUInt16BE(op);
      const end = value + ops.readUInt32BE(op + 2);
      op = end;
      const place = this.lowerBound(ops, path, value, next);
      copy(place);
      if (place < this.count && this.comparePath(place, ops, path, value) === 0) next = place + 1;
      if (value === end) continue;
      if (keepEnd + at > HEAD_END) out[at++] = COMMA;
      outStarts[entries++] = keepEnd + at;
      out[at++] = QUOTE;
      at += ops.copy(out, at, path, value);
      out[at++] = QUOTE;
      out[at++] = COLON;
      at += ops.copy(out, at, value, end);
    }
    copy(this.count);
    return { length: at, entries };
  }

  private replaceTail(
    first: number,
    keepEnd: number,
    merged: { length: number; entries: number },
    scratch: BinScratch,
  ): void {
    const needed = keepEnd + merged.length + TAIL_MAX;
    if (needed > this.bytes.length) {
      const grown = Buffer.allocUnsafeSlow(needed + Math.max(512, needed >> 3));
      this.bytes.copy(grown, 0, 0, keepEnd);
      this.bytes = grown;
    }
    scratch.bytes.copy(this.bytes, keepEnd, 0, merged.length);
    this.regionEnd = keepEnd + merged.length;
    this.count = first + merged.entries;
    if (this.count > this.starts.length) {
      const grown = new Uint32Array(this.count + (this.count >> 2) + 4);
      grown.set(this.starts.subarray(0, first));
      this.starts = grown;
    }
    this.starts.set(scratch.starts.subarray(0, merged.entries), first);
  }

  /**
   * Writes version and expiry and returns the bytes to be signed (canonical `signed`, a view into
   * the file). `expires` is `YYYY-MM-DDTHH:MM:SSZ`.
   */
  stamp(version: number, expires: string): Uint8Array {
    const tail = `},"version":${version}}}`;
    if (this.regionEnd + tail.length > this.bytes.length) {
      const grown = Buffer.allocUnsafeSlow(this.regionEnd + TAIL_MAX + 512);
      this.bytes.copy(grown, 0, 0, this.regionEnd);
      this.bytes = grown;
    }
    this.bytes.write(expires, EXPIRES_AT, 'latin1');
    this.length = this.regionEnd + this.bytes.write(tail, this.regionEnd, 'latin1');
    return this.bytes.subarray(SIGNED_AT, this.length - 1);
  }

  /** Puts the signature over {@link stamp}'s bytes in its place: 64 and 128 lower-hex characters. */
  seal(keyid: string, sig: string): void {
    this.bytes.write(keyid, KEYID_AT, 'latin1');
    this.bytes.write(sig, SIG_AT, 'latin1');
  }

  /** The id of the key that signed, 64 lower-hex characters. */
  get keyid(): string {
    return this.bytes.toString('latin1', KEYID_AT, KEYID_AT + 64);
  }

  /** The complete file: a view, valid until the next change. */
  view(): Buffer {
    return this.bytes.subarray(0, this.length);
  }

  private pathAt(index: number): string {
    const from = this.starts[index]! + 1;
    return this.bytes.toString('latin1', from, this.bytes.indexOf(QUOTE, from));
  }

  private entryEnd(index: number): number {
    return index + 1 < this.count ? this.starts[index + 1]! - 1 : this.regionEnd;
  }

  /** How an entry's path compares with the one at `from` to `end`: negative, 0 or positive. */
  private comparePath(index: number, path: Buffer, from: number, end: number): number {
    let at = this.starts[index]! + 1;
    for (let i = from; i < end; i++, at++) {
      const byte = this.bytes[at]!;
      const difference = byte - path[i]!;
      if (difference !== 0) return byte === QUOTE ? -1 : difference;
    }
    return this.bytes[at] === QUOTE ? 0 : 1;
  }

  /** The first entry at or behind the path at `from` to `end`, from entry `low` on. */
  private lowerBound(path: Buffer, from: number, end: number, low: number): number {
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.comparePath(middle, path, from, end) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Finds the entries of a parsed file: what strings hold does not count. */
  private findEntries(): void {
    const { bytes, regionEnd } = this;
    let depth = 0;
    let entryOpens = true;
    let inString = false;
    for (let at = HEAD_END; at < regionEnd; at++) {
      const byte = bytes[at]!;
      if (inString) {
        if (byte === BACKSLASH) at++;
        else if (byte === QUOTE) inString = false;
      } else if (byte === QUOTE) {
        inString = true;
        if (depth > 0 || !entryOpens) continue;
        this.pushStart(at);
        entryOpens = false;
      } else if (byte === BRACE || byte === BRACKET) depth++;
      else if (byte === BRACE_END || byte === BRACKET_END) depth--;
      else if (byte === COMMA && depth === 0) entryOpens = true;
    }
    if (inString) throw new BrokenInvariant('bin.shape', 'a string in this bin does not close');
    if (depth !== 0) throw new BrokenInvariant('bin.shape', 'a target in this bin does not close');
  }

  private pushStart(at: number): void {
    if (this.count === this.starts.length) {
      const grown = new Uint32Array(this.starts.length * 2);
      grown.set(this.starts);
      this.starts = grown;
    }
    this.starts[this.count++] = at;
  }
}

const SIGNED_OPENING = '{"_type":"targets","expires":"';
/**
 * Where a path that is looked up is put, to be compared byte by byte. One that is longer than paths may be
 * fills more than that, whatever its last character: it is in no bin.
 */
const SOUGHT = Buffer.allocUnsafeSlow(pathBytesMax + 4);
