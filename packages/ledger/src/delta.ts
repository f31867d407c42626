/**
 * A role version as the change it makes to the version before it.
 *
 *   cut u48 ‖ version before u48 (0: none) ‖ expires u32 (s) ‖ length u32 ‖ since-body u32 ‖ flags u8
 *   ‖ sha256 (32) ‖ signature (64) ‖ [keyid (32) where it differs from the version before]
 *   ‖ packed operations
 *
 * Any version is the nearest stored body at or below it with the deltas after that body applied; the
 * signature makes it the original bytes without any key.
 */
import { BrokenInvariant } from '@tidemark/canonical';
import { areOps } from './binOps.ts';

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
  /** Packed, sorted by path. */
  readonly ops: Buffer;
}

const FIXED_BYTES = 25 + 32 + 64;

export function deltaBytes(ops: Buffer, keyid: string | undefined): number {
  return FIXED_BYTES + (keyid === undefined ? 0 : 32) + ops.length;
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
  delta.ops.copy(out, at);
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
  const ops = row.subarray(at);
  if (!areOps(ops)) throw cutShort();
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
