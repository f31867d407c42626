/**
 * Changes of targets as bytes: packed, as a bin's file and its delta take them, and pending, while a
 * cut is folded.
 *
 *   path length u16 ‖ value length u32 (0: removed) ‖ path ‖ value …
 *
 * A cut may hold hundreds of thousands. As strings they would be most of what outlives the collections of
 * young objects, each of which copies it: bytes are left where they are.
 */
import type { DirtyBin } from './renewal.ts';
import { FingerprintTable } from './fingerprintTable.ts';

/** A change of one target: its new canonical value, or null where it is removed. All of it is ASCII. */
export type BinOp = readonly [path: string, value: string | null];

/** Bytes before an operation's path. */
export const OP_HEAD_BYTES = 6;
/** Before a pending operation: two words of its path's hash, by which the table finds it. */
const WORDS_BYTES = 8;
const BLOCK_BYTES_MIN = 1 << 14;
const BLOCK_BYTES_MAX = 1 << 20;

/** Packs operations in the order given, which is that of their paths. */
export function packOps(ops: readonly BinOp[]): Buffer {
  let bytes = 0;
  for (const [path, value] of ops) bytes += bytesOf(path, value);
  const packed = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const [path, value] of ops) at = writeOp(packed, at, path, value);
  return packed;
}

/** The operations that {@link packOps} packed. */
export function unpackOps(packed: Buffer): BinOp[] {
  const ops: BinOp[] = [];
  for (let at = 0; at < packed.length;) {
    const pathEnd = at + OP_HEAD_BYTES + packed.readUInt16BE(at);
    const end = pathEnd + packed.readUInt32BE(at + 2);
    const value = end === pathEnd ? null : packed.toString('latin1', pathEnd, end);
    ops.push([packed.toString('latin1', at + OP_HEAD_BYTES, pathEnd), value]);
    at = end;
  }
  return ops;
}

/** Whether bytes are whole operations, one behind the other. */
export function areOps(packed: Buffer): boolean {
  let at = 0;
  while (at < packed.length) {
    if (at + OP_HEAD_BYTES > packed.length) return false;
    at += OP_HEAD_BYTES + packed.readUInt16BE(at) + packed.readUInt32BE(at + 2);
  }
  return at === packed.length;
}

/** A path that was looked up: the words of its hash by which the table finds it, and its operation, if any. */
export interface Sought {
  readonly path: string;
  readonly fingerprint: number;
  readonly start: number;
  readonly ordinal: number | undefined;
}

/** What the events of one cut came to so far: at most one operation a path, the last one that counts. */
export class PendingOps {
  private readonly blocks: Buffer[] = [];
  private used = 0;
  /** Where each operation stands: its block's number times {@link BLOCK_BYTES_MAX}, and the place in it. */
  private readonly places: number[] = [];
  private readonly ofBin = new Map<number, number[]>();
  private table = new FingerprintTable(0);

  /** Looks a path up. @param pathHash its SHA-256, hex */
  seek(path: string, pathHash: string): Sought {
    // The last words of the hash: the first decide the bin.
    const fingerprint = Number.parseInt(pathHash.slice(48, 56), 16);
    const start = Number.parseInt(pathHash.slice(56), 16);
    const ordinal = this.table.find(fingerprint, start, 0, (candidate) =>
      this.isOf(candidate, path) ? candidate : undefined,
    );
    return { path, fingerprint, start, ordinal };
  }

  /** The value that an operation gives its target; undefined where it removes it. */
  value(ordinal: number): string | undefined {
    const { block, at } = this.opAt(ordinal);
    const from = at + OP_HEAD_BYTES + block.readUInt16BE(at);
    const length = block.readUInt32BE(at + 2);
    return length === 0 ? undefined : block.toString('latin1', from, from + length);
  }

  /** Adds an operation on the path that was just looked up, or puts it in the place of its earlier one. */
  set(bin: number, sought: Sought, value: string | null): void {
    const { ordinal: earlier, fingerprint, start } = sought;
    const place = this.append(sought, value);
    if (earlier !== undefined) {
      this.places[earlier] = place;
      return;
    }
    const ordinal = this.places.push(place) - 1;
    const ordinals = this.ofBin.get(bin);
    if (ordinals === undefined) this.ofBin.set(bin, [ordinal]);
    else ordinals.push(ordinal);
    if (this.table.hasRoomFor(1)) this.table.insert(fingerprint, start, ordinal);
    else this.rebuild();
  }

  /** The bins that change, ascending, each with its operations sorted by path. */
  dirty(): DirtyBin[] {
    return [...this.ofBin]
      .toSorted(([a], [b]) => a - b)
      .map(([bin, ordinals]) => ({ bin, ops: this.pack(ordinals.toSorted(this.byPath)) }));
  }

  private readonly byPath = (a: number, b: number): number => {
    const x = this.opAt(a);
    const y = this.opAt(b);
    const lengthX = x.block.readUInt16BE(x.at);
    const lengthY = y.block.readUInt16BE(y.at);
    for (let i = 0; i < lengthX && i < lengthY; i++) {
      const difference = x.block[x.at + OP_HEAD_BYTES + i]! - y.block[y.at + OP_HEAD_BYTES + i]!;
      if (difference !== 0) return difference;
    }
    return lengthX - lengthY;
  };

  private pack(ordinals: readonly number[]): Buffer {
    const ops = ordinals.map((ordinal) => {
      const { block, at } = this.opAt(ordinal);
      const end = at + OP_HEAD_BYTES + block.readUInt16BE(at) + block.readUInt32BE(at + 2);
      return block.subarray(at, end);
    });
    return Buffer.concat(ops);
  }

  private isOf(ordinal: number, path: string): boolean {
    const { block, at } = this.opAt(ordinal);
    if (block.readUInt16BE(at) !== path.length) return false;
    for (let i = 0; i < path.length; i++) {
      if (block[at + OP_HEAD_BYTES + i] !== path.charCodeAt(i)) return false;
    }
    return true;
  }

  private opAt(ordinal: number): { block: Buffer; at: number } {
    const place = this.places[ordinal]!;
    const block = this.blocks[Math.floor(place / BLOCK_BYTES_MAX)]!;
    return { block, at: (place % BLOCK_BYTES_MAX) + WORDS_BYTES };
  }

  private append({ path, fingerprint, start }: Sought, value: string | null): number {
    const bytes = WORDS_BYTES + bytesOf(path, value);
    let block = this.blocks.at(-1);
    if (block === undefined || this.used + bytes > block.length) {
      const length = Math.min((block?.length ?? BLOCK_BYTES_MIN / 2) * 2, BLOCK_BYTES_MAX);
      block = Buffer.allocUnsafeSlow(Math.max(length, bytes));
      this.blocks.push(block);
      this.used = 0;
    }
    const at = this.used;
    block.writeUInt32BE(fingerprint, at);
    block.writeUInt32BE(start, at + 4);
    this.used = writeOp(block, at + WORDS_BYTES, path, value);
    return (this.blocks.length - 1) * BLOCK_BYTES_MAX + at;
  }

  private rebuild(): void {
    this.table = new FingerprintTable(2 * this.places.length);
    for (let ordinal = 0; ordinal < this.places.length; ordinal++) {
      const { block, at } = this.opAt(ordinal);
      const words = at - WORDS_BYTES;
      this.table.insert(block.readUInt32BE(words), block.readUInt32BE(words + 4), ordinal);
    }
  }
}

function bytesOf(path: string, value: string | null): number {
  return OP_HEAD_BYTES + path.length + (value?.length ?? 0);
}

function writeOp(out: Buffer, at: number, path: string, value: string | null): number {
  out.writeUInt16BE(path.length, at);
  out.writeUInt32BE(value?.length ?? 0, at + 2);
  const pathEnd = at + OP_HEAD_BYTES + out.write(path, at + OP_HEAD_BYTES, 'latin1');
  return value === null ? pathEnd : pathEnd + out.write(value, pathEnd, 'latin1');
}
