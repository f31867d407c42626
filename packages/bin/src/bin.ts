/**
 * Where things are: path → bin → slot → partition.
 *
 * The SHA-256 of a target path is read from its top bit downward. Its first b bits number the bin (TAP 15), its
 * first p bits the partition; a slot is s bits wide. With p ≤ b ≤ s, everything a partition holds is one
 * contiguous range: 2^(b−p) bins and 2^(s−p) slots, none of which another partition ever needs.
 *
 *     path hash  1011 0110 1110 …      p = 2, b = 6, s = 8
 *     partition  10
 *     bin        1011 01
 *     slot       1011 0100             bin · 2^(s−b)
 *
 * All results are integers below 2^32. Arguments out of range are this program's mistake: BrokenInvariant
 * `bin.range`.
 */

import { BrokenInvariant, utf8 } from '@tidemark/canonical';

/** SHA-256 as 64 lower-case hex digits. Browsers pass noble's, servers the native one. */
export type Sha256Hex = (data: Uint8Array) => string;

/** How the bins are named and how many there are: 2^bits, as `<prefix>-<index in hex>`. */
export interface Bins {
  readonly prefix: string;
  /** 1..32 */
  readonly bits: number;
}

/** The integers from `from` up to, not including, `to`. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/**
 * The hash that decides where a target belongs: that of its path, not of its content.
 * @returns 64 lower-case hex digits
 */
export function pathHash(path: string, sha256Hex: Sha256Hex): string {
  return sha256Hex(utf8(path));
}

/** The bin, of 2^b, of a path whose hash is given. TAP 15: its first b bits. */
export function binOfPathHash(hash: string, b: number): number {
  return topBits(hash, b);
}

/** The partition, of 2^p, of a path whose hash is given. */
export function partitionOfPathHash(hash: string, p: number): number {
  return topBits(hash, p);
}

/** The slot, of 2^s, of bin i of 2^b: the first of the 2^(s−b) slots that its paths' hashes begin with. */
export function slotOfBin(i: number, b: number, s: number): number {
  checkWidths(b, s);
  checkIndex(i, b);
  return i * 2 ** (s - b);
}

/**
 * The slot, of 2^s, of any delegated or top-level role: a bin's own, or the first s bits of SHA-256(role name).
 * @param role the role's name, without `.json`
 */
export function slotOfRole(role: string, bins: Bins, s: number, sha256Hex: Sha256Hex): number {
  const i = binOfRole(role, bins);
  return i === undefined ? topBits(sha256Hex(utf8(role)), s) : slotOfBin(i, bins.bits, s);
}

/**
 * The index of a bin from its role name, as TAP 15 writes it: hex, lower case, as many digits as the last bin
 * needs. Any other spelling is no bin.
 */
export function binOfRole(role: string, bins: Bins): number | undefined {
  if (!role.startsWith(`${bins.prefix}-`)) return undefined;
  const digits = role.slice(bins.prefix.length + 1);
  if (digits.length !== Math.ceil(bins.bits / 4) || !/^[0-9a-f]+$/.test(digits)) return undefined;
  const i = Number.parseInt(digits, 16);
  return i < 2 ** bins.bits ? i : undefined;
}

/** The partition, of 2^p, that owns a slot of 2^s. */
export function partitionOfSlot(slot: number, s: number, p: number): number {
  checkWidths(p, s);
  checkIndex(slot, s);
  return Math.floor(slot / 2 ** (s - p));
}

/** The partition, of 2^p, that owns bin i of 2^b: the one of all its paths. */
export function partitionOfBin(i: number, b: number, p: number): number {
  return partitionOfSlot(i, b, p);
}

/** The slots, of 2^s, that partition owns: 2^(s−p) of them. */
export function slotsOfPartition(partition: number, s: number, p: number): Range {
  checkWidths(p, s);
  checkIndex(partition, p);
  const count = 2 ** (s - p);
  return { from: partition * count, to: (partition + 1) * count };
}

/** The bins, of 2^b, that partition owns: 2^(b−p) of them. */
export function binsOfPartition(partition: number, b: number, p: number): Range {
  return slotsOfPartition(partition, b, p);
}

const WIDTH_MAX = 32;

/** The first `bits` bits of a hash in hex, as a number. */
function topBits(hash: string, bits: number): number {
  checkWidths(bits, WIDTH_MAX);
  const word = hash.length === 64 ? Number(`0x${hash.slice(0, 8)}`) : Number.NaN;
  if (Number.isNaN(word)) throw new BrokenInvariant('bin.range', 'not a SHA-256 in hex');
  // Divided rather than shifted: JavaScript shifts modulo 32 and has signed results.
  return Math.floor(word / 2 ** (WIDTH_MAX - bits));
}

/** Widths of bits: 0 ≤ narrow ≤ wide ≤ 32. */
function checkWidths(narrow: number, wide: number): void {
  const valid = Number.isInteger(narrow) && Number.isInteger(wide) && narrow >= 0;
  if (!valid || narrow > wide || wide > WIDTH_MAX) {
    throw new BrokenInvariant('bin.range', `widths of ${narrow} and ${wide} bits`);
  }
}

function checkIndex(index: number, bits: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= 2 ** bits) {
    throw new BrokenInvariant('bin.range', `${index} is not in 0..2^${bits}−1`);
  }
}
