/**
 * What the files of a ledger weigh at a number of bins: measured on files made by the builders that make the real ones.
 * Signatures and hashes are placeholders, since all have the same length. Beyond {@link BUILT_BITS_MAX} and
 * {@link BUILT_TARGETS_MAX} a file is not built but extrapolated, from two that are: entries of one width make a size
 * that is exactly linear in their number.
 */
import { slotOfBin } from '@tidemark/bin';
import type { JsonObject } from '@tidemark/canonical';
import { BinFile, BinScratch, targetValue } from '@tidemark/ledger';
import { makeTap16File } from '@tidemark/merkle';
import {
  binHashPrefixes,
  binRoleName,
  ed25519Key,
  formatExpires,
  prefixDelegations,
  signMetadata,
  snapshotSigned,
  succinctDelegations,
  targetsSigned,
} from '@tidemark/tuf';

export interface Fill {
  /** Number of targets in the whole ledger. */
  readonly targets: number;
  /** Bytes of an average target path. */
  readonly pathBytes: number;
  /** Bytes of an average distribution: its digits are in the bin. */
  readonly distribution: number;
}

/** All in bytes. */
export interface Sizes {
  /** Targets of an average bin, rounded up as in V3. */
  readonly targetsPerBin: number;
  readonly bin: number;
  readonly snapshot: number;
  readonly binsSuccinct: number;
  readonly binsPrefixes: number;
  /** The Merkle file of one bin. */
  readonly proof: number;
  /** The files among these that were not built but extrapolated. */
  readonly extrapolated: readonly ('bin' | 'snapshot' | 'binsPrefixes')[];
}

/** PEP 458's 16,384 bins are built; the largest files beyond would take seconds and say nothing else. */
const BUILT_BITS_MAX = 14;
const BUILT_TARGETS_MAX = 4096;

/** C7: versions of six digits. */
const VERSION = 999_999;
const EXPIRES_MS = 0;
const SLOT_BITS_MIN = 16;
const PREFIX = 'bin';
const KEY = ed25519Key('0'.repeat(64));

/** @param bits the number of bins is 2^bits: 8 to 20 */
export function sizesAt(bits: number, fill: Fill): Sizes {
  const targetsPerBin = Math.ceil(fill.targets / 2 ** bits);
  const bin = linear(targetsPerBin, BUILT_TARGETS_MAX, (count) => binSize(count, fill));
  const isBuilt = bits <= BUILT_BITS_MAX;
  const builtMax = isBuilt ? 2 ** bits : 0;
  return {
    targetsPerBin,
    bin,
    snapshot: linear(2 ** bits, builtMax, (count) => snapshotSize(bits, count, bin)),
    binsSuccinct: binsSize(succinctDelegations({ key: KEY, bits, prefix: PREFIX })),
    binsPrefixes: isBuilt ? builtPrefixes(bits) : extrapolatedPrefixes(bits),
    proof: proofSize(bits, bin),
    extrapolated: [
      ...(targetsPerBin > BUILT_TARGETS_MAX ? (['bin'] as const) : []),
      ...(isBuilt ? [] : (['snapshot', 'binsPrefixes'] as const)),
    ],
  };
}

/**
 * bins.json at 2^bits bins by the slope between those at 2^8 and 2^9: a bin's entry differs between widths by nothing
 * but its name and its list of prefixes.
 */
export function extrapolatedPrefixes(bits: number): number {
  const [at8, at9] = [builtPrefixes(8), builtPrefixes(9)];
  const varying = (width: number): number =>
    binRoleName(PREFIX, width, 0).length + JSON.stringify(binHashPrefixes(width, 0)).length;
  const rest8 = at8 - 2 ** 8 * varying(8);
  const rest9 = at9 - 2 ** 9 * varying(9);
  const slope = (rest9 - rest8) / 2 ** 8;
  return rest8 + (2 ** bits - 2 ** 8) * slope + 2 ** bits * varying(bits);
}

/** The size with `count` entries: built up to `builtMax`, else from the slope between 256 and 512 of them. */
function linear(count: number, builtMax: number, sizeOf: (count: number) => number): number {
  if (count <= builtMax) return sizeOf(count);
  const at256 = sizeOf(256);
  return at256 + ((count - 256) * (sizeOf(512) - at256)) / 256;
}

function binSize(count: number, { pathBytes, distribution }: Fill): number {
  const file = BinFile.empty();
  const value = targetValue(Math.round(distribution), '0'.repeat(64), undefined);
  const paths = Array.from({ length: count }, (_, i) => String(i).padStart(pathBytes, '0'));
  file.apply(
    paths.map((path) => [path, value] as const),
    new BinScratch(),
  );
  file.stamp(VERSION, formatExpires(EXPIRES_MS));
  return file.length;
}

/** A snapshot.json that lists `count` bins, with the hashes that the default policy states. */
function snapshotSize(bits: number, count: number, binLength: number): number {
  const file = { version: VERSION, length: binLength, sha256: '0'.repeat(64) };
  const bins = Array.from(
    { length: count },
    (_, i) => [binRoleName(PREFIX, bits, i), file] as const,
  );
  const meta = new Map([...bins, ['bins', file] as const, ['targets', file] as const]);
  const signed = snapshotSigned({ version: VERSION, expiresMs: EXPIRES_MS, meta });
  return signMetadata(signed, [signer('0')]).length;
}

function builtPrefixes(bits: number): number {
  return binsSize(prefixDelegations({ key: KEY, bits, prefix: PREFIX }));
}

/** bins.json, which two of the offline keys sign. */
function binsSize(delegations: JsonObject): number {
  const signed = targetsSigned({ version: 1, expiresMs: EXPIRES_MS, delegations });
  return signMetadata(signed, [signer('1'), signer('2')]).length;
}

/** Of the first bin: it is left of all its siblings, which takes a character more per level than right of them. */
function proofSize(bits: number, binLength: number): number {
  const slotBits = Math.max(SLOT_BITS_MIN, bits);
  const contents = {
    [`${binRoleName(PREFIX, bits, 0)}.json`]: {
      hashes: { sha256: '0'.repeat(64) },
      length: binLength,
      version: VERSION,
    },
  };
  const path = Array.from({ length: slotBits }, () => new Uint8Array(32));
  return makeTap16File(slotOfBin(0, bits, slotBits), contents, path).length;
}

function signer(digit: string) {
  return { publicKey: digit.repeat(64), sign: () => new Uint8Array(64) };
}
