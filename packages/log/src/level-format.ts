/**
 * What the logs look like in LevelDB.
 *
 *     record   key = topic:uint8 (1 events, 2 control, 3 leaves) partition:uint16 offset:uint48
 *              value = crc32(key bytes) bytes
 *     ends     key = 0:uint8
 *              value = crc32(key ends) (end:uint48)*(2P+1)       every batch writes it again
 *
 * All big-endian, so that keys sort in the order of a partition. LevelDB verifies no checksum of its
 * own here, hence ours; and it drops damaged parts of its write-ahead log without a word, hence the
 * ends: a lost batch shows as soon as any later one is left.
 */

import { crc32 } from 'node:zlib';
import type { LaneName } from './logs.ts';

export const endsKey: Uint8Array = Uint8Array.of(0);

export function recordKey(name: LaneName, offset: number): Uint8Array {
  const key = Buffer.allocUnsafe(9);
  key.writeUInt8(topicBytes[name.topic], 0);
  key.writeUInt16BE(name.partition, 1);
  key.writeUIntBE(offset, 3, 6);
  return key;
}

export function offsetOfKey(key: Uint8Array): number {
  return Buffer.from(key.buffer, key.byteOffset, key.length).readUIntBE(3, 6);
}

export function sealValue(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  const value = Buffer.allocUnsafe(4 + bytes.length);
  value.writeUInt32BE(crc32(bytes, crc32(key)), 0);
  value.set(bytes, 4);
  return value;
}

/** The bytes inside a value; undefined if they are not those that were stored under this key. */
export function openValue(key: Uint8Array, value: Uint8Array): Uint8Array | undefined {
  if (value.length < 4) return undefined;
  const bytes = bytesOfValue(value);
  const stored = Buffer.from(value.buffer, value.byteOffset, 4).readUInt32BE(0);
  return crc32(bytes, crc32(key)) === stored ? bytes : undefined;
}

/** Without the check, for values sealed in this process; a plain Uint8Array, whatever LevelDB gave. */
export function bytesOfValue(value: Uint8Array): Uint8Array {
  return new Uint8Array(value.buffer, value.byteOffset + 4, value.length - 4);
}

export function encodeEnds(ends: readonly number[]): Uint8Array {
  const bytes = Buffer.allocUnsafe(6 * ends.length);
  for (const [i, end] of ends.entries()) bytes.writeUIntBE(end, 6 * i, 6);
  return bytes;
}

export function decodeEnds(bytes: Uint8Array): number[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / 6 }, (_, i) => buffer.readUIntBE(6 * i, 6));
}

const topicBytes = { events: 1, control: 2, leaves: 3 } as const;
