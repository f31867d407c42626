/**
 * A role version as the change it makes to the version before it.
 *
 *   cut u48 ‖ version before u48 (0: none) ‖ expires u32 (s) ‖ length u32 ‖ since-body u32 ‖ flags u8
 *   ‖ sha256 (32) ‖ signature (64) ‖ [keyid (32) where it differs from the version before]
 *   ‖ operations: path length u16 ‖ value length u32 (0: removed) ‖ path ‖ value …
 *
 * Any version is the nearest stored body at or below it with the deltas after that body applied; the
 * signature makes it the original bytes without any key.
 */
import { BrokenInvariant } from '@tidemark/canonical';
import type { BinOp } from './binFile.ts';

export interface Delta {
  readonly cut: number;
  /** The bin's version before this one; 0 where this is its first. */
  readonly before: number;
  /** Expiry in seconds since the epoch. */
  readonly expires: number;
  /** The file's length in bytes. */
  readonly length: number;
  /** Bytes of deltas since the last stored body, this one included. */
  readonly sinceBody: number;
  /** Whether a body of this version is stored. */
  readonly hasBody: boolean;
  /** Where the signing key differs from the version before: its id, 64 hex. */
  readonly keyid: string | undefined;
  /** The file's SHA-256, 64 hex. */
  readonly sha256: string;
  /** The signature, 128 hex. */
  readonly signature: string;
  readonly ops: readonly BinOp[];
}

const FIXED_BYTES = 25 + 32 + 64;

export function deltaBytes(ops: readonly BinOp[], keyid: string | undefined): number {
  let bytes = FIXED_BYTES + (keyid === undefined ? 0 : 32);
  for (const [path, value] of ops) bytes += 6 + path.length + (value?.length ?? 0);
  return bytes;
}

export function encodeDelta(delta: Delta): Buffer {
  const out = Buffer.allocUnsafe(deltaBytes(delta.ops, delta.keyid));
  out.writeUIntBE(delta.cut, 0, 6);
  out.writeUIntBE(delta.before, 6, 6);
  out.writeUInt32BE(delta.expires, 12);
  out.writeUInt32BE(delta.length, 16);
  out.writeUInt32BE(delta.sinceBody, 20);
  out[24] = (delta.hasBody ? 1 : 0) | (delta.keyid === undefined ? 0 : 2);
  out.write(delta.sha256, 25, 32, 'hex');
  out.write(delta.signature, 57, 64, 'hex');
  let at = FIXED_BYTES;
  if (delta.keyid !== undefined) at += out.write(delta.keyid, at, 32, 'hex');
  for (const [path, value] of delta.ops) {
    out.writeUInt16BE(path.length, at);
    out.writeUInt32BE(value?.length ?? 0, at + 2);
    at += 6;
    at += out.write(path, at, 'latin1');
    if (value !== null) at += out.write(value, at, 'latin1');
  }
  return out;
}

/** @throws BrokenInvariant `state.delta` where a row's checksum holds but its form does not */
export function decodeDelta(row: Buffer): Delta {
  const flags = row[24] ?? 0;
  let at = FIXED_BYTES;
  if (row.length < at + ((flags & 2) === 0 ? 0 : 32)) throw cutShort();
  let keyid: string | undefined;
  if ((flags & 2) !== 0) {
    keyid = row.toString('hex', at, at + 32);
    at += 32;
  }
  const ops: BinOp[] = [];
  while (at < row.length) {
    if (at + 6 > row.length) throw cutShort();
    const pathEnd = at + 6 + row.readUInt16BE(at);
    const valueEnd = pathEnd + row.readUInt32BE(at + 2);
    if (valueEnd > row.length) throw cutShort();
    const value = valueEnd === pathEnd ? null : row.toString('latin1', pathEnd, valueEnd);
    ops.push([row.toString('latin1', at + 6, pathEnd), value]);
    at = valueEnd;
  }
  return {
    cut: row.readUIntBE(0, 6),
    before: row.readUIntBE(6, 6),
    expires: row.readUInt32BE(12),
    length: row.readUInt32BE(16),
    sinceBody: row.readUInt32BE(20),
    hasBody: (flags & 1) !== 0,
    keyid,
    sha256: row.toString('hex', 25, 57),
    signature: row.toString('hex', 57, 121),
    ops,
  };
}

function cutShort(): BrokenInvariant {
  return new BrokenInvariant('state.delta', 'a delta row is cut short');
}
