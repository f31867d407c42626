/** Bytes → numbered lines, in memory bounded by the longest line allowed. */
import { isUtf8 } from 'node:buffer';

/** A line without its end (`\n` or `\r\n`), or why it cannot be one. Numbers start at 1. */
export type Line =
  | { readonly number: number; readonly text: string }
  | { readonly number: number; readonly code: string; readonly message: string };

const LF = 0x0a;
const CR = 0x0d;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/** Give it the chunks in order, then call `end` once; a last line without a line end counts as one. */
export class LineSplitter {
  readonly #lineBytesMax: number;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #number = 1;

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  /** The number of the line that is being read. */
  get number(): number {
    return this.#number;
  }

  /** @param chunk kept until its last line is complete: must not be written to afterwards */
  *push(chunk: Buffer): Generator<Line> {
    let from = 0;
    for (;;) {
      const at = chunk.indexOf(LF, from);
      if (at < 0) break;
      yield this.#finish(chunk.subarray(from, at));
      from = at + 1;
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from));
  }

  *end(): Generator<Line> {
    if (this.#pendingBytes > 0) yield this.#finish(Buffer.alloc(0));
  }

  #keep(part: Buffer): void {
    this.#pendingBytes += part.length;
    // What is over the limit is counted, never stored: the line is refused whatever follows.
    if (this.#tooLong(this.#pendingBytes)) this.#pending = [];
    else this.#pending.push(part);
  }

  #finish(last: Buffer): Line {
    const number = this.#number++;
    const length = this.#pendingBytes + last.length;
    const parts = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    if (this.#tooLong(length)) {
      const message = `the line is ${length} bytes long; at most ${this.#lineBytesMax} are read`;
      return { number, code: 'line.too_long', message };
    }
    let bytes = parts.length === 0 ? last : Buffer.concat([...parts, last]);
    if (bytes.at(-1) === CR) bytes = bytes.subarray(0, -1);
    if (number === 1 && bytes.subarray(0, 3).equals(BOM)) bytes = bytes.subarray(3);
    if (!isUtf8(bytes)) return { number, code: 'line.utf8', message: 'the line is not UTF-8' };
    return { number, text: bytes.toString('utf8') };
  }

  #tooLong(bytes: number): boolean {
    return bytes > this.#lineBytesMax;
  }
}
