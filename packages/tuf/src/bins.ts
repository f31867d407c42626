/**
 * Hashed bins: how one delegating role hands the whole space of target paths to 2^bits others.
 * TAP 15 (`succinct_roles`): https://github.com/theupdateframework/taps/blob/master/tap15.md
 * `path_hash_prefixes`: https://theupdateframework.github.io/specification/latest/#delegation-role-path
 */

import { BrokenInvariant } from '@tidemark/canonical';
import type { JsonObject } from '@tidemark/canonical';
import { keyIdOf, keyJson } from './keys.ts';
import type { Key } from './keys.ts';
import { pathSegmentsMax } from './paths.ts';
import type { Delegations } from './types.ts';

export interface BinsOptions {
  /** The one online key of all bins. */
  readonly key: Key;
  /** The number of bins is 2^bits. */
  readonly bits: number;
  /** What the bins' names begin with: `bin` gives `bin-0000`. */
  readonly prefix: string;
}

/** A million bins: beyond it a prefix-style delegation is too large for any client. */
export const binBitsMax = 20;

/**
 * TAP 15's name of a bin: `<prefix>-<index in hex>`, padded to the width of the last bin's.
 * @throws BrokenInvariant `tuf.bin_range`
 */
export function binRoleName(prefix: string, bits: number, index: number): string {
  const bins = binCount(bits);
  if (!Number.isInteger(index) || index < 0 || index >= bins) {
    throw new BrokenInvariant('tuf.bin_range', `bin ${index} of ${bins}`);
  }
  return `${prefix}-${index.toString(16).padStart((bins - 1).toString(16).length, '0')}`;
}

/** The `delegations` object of the role *bins*, in TAP 15's form: tough rejects it, python-tuf, go-tuf and tuf-js read it. */
export function succinctDelegations({ key, bits, prefix }: BinsOptions): JsonObject {
  binCount(bits);
  const keyid = keyIdOf(key);
  return {
    keys: { [keyid]: keyJson(key) },
    succinct_roles: { bit_length: bits, keyids: [keyid], name_prefix: prefix, threshold: 1 },
  };
}

/**
 * The `delegations` object of the role *bins* as lists of hash prefixes: go-tuf 2.4.2 misreads it, python-tuf, tuf-js
 * and tough read it. Where bits is no multiple of 4 a bin has 2, 4 or 8 prefixes.
 */
export function prefixDelegations({ key, bits, prefix }: BinsOptions): JsonObject {
  const keyid = keyIdOf(key);
  const roles = Array.from({ length: binCount(bits) }, (_, index) => ({
    keyids: [keyid],
    name: binRoleName(prefix, bits, index),
    path_hash_prefixes: binHashPrefixes(bits, index),
    // Clients treat TAP 15's bins as terminating; so both forms end a search alike.
    terminating: true,
    threshold: 1,
  }));
  return { keys: { [keyid]: keyJson(key) }, roles };
}

/** The prefixes, in hex, of the path hashes that belong to a bin; together those of all bins cover everything once. */
export function binHashPrefixes(bits: number, index: number): string[] {
  const digits = Math.ceil(bits / 4);
  const prefixesPerBin = 2 ** (4 * digits - bits);
  return Array.from({ length: prefixesPerBin }, (_, i) =>
    (index * prefixesPerBin + i).toString(16).padStart(digits, '0'),
  );
}

/**
 * The patterns by which *targets* hands every acceptable path to *bins*: one to 16 stars joined by slashes, because a
 * star stays inside a segment in python-tuf, go-tuf and tuf-js.
 */
export function binsPaths(): readonly string[] {
  return Array.from({ length: pathSegmentsMax }, (_, i) =>
    Array(i + 1)
      .fill('*')
      .join('/'),
  );
}

/** How the bins are named that a role delegates to, and how many there are; undefined where it delegates otherwise. */
export function binsOf(
  delegations: Delegations | undefined,
): Pick<BinsOptions, 'prefix' | 'bits'> | undefined {
  const succinct = delegations?.succinctRoles;
  if (succinct !== undefined) {
    const { namePrefix: prefix, bitLength: bits } = succinct;
    return bits <= binBitsMax ? { prefix, bits } : undefined;
  }
  const roles = delegations?.roles ?? [];
  const bits = Math.log2(roles.length);
  const prefix = /^(.+)-[0-9a-f]+$/.exec(roles[0]?.name ?? '')?.[1];
  if (prefix === undefined || !Number.isInteger(bits) || bits < 1 || bits > binBitsMax) {
    return undefined;
  }
  const areBins = roles.every(
    ({ name, pathHashPrefixes }, index) =>
      name === binRoleName(prefix, bits, index) &&
      pathHashPrefixes?.join() === binHashPrefixes(bits, index).join(),
  );
  return areBins ? { prefix, bits } : undefined;
}

function binCount(bits: number): number {
  if (!Number.isInteger(bits) || bits < 1 || bits > binBitsMax) {
    throw new BrokenInvariant('tuf.bin_range', `bins need 1 to ${binBitsMax} bits, not ${bits}`);
  }
  return 2 ** bits;
}
