/**
 * PEP 458's own arithmetic of metadata overhead (P30, P31): the estimate that its recommendation of 16,384 bins rests
 * on. It counts hashes, paths, lengths, key ids and prefixes, and no JSON around them; so what is really downloaded is
 * more, and that is measured in `sizes.ts`.
 */

/** C1–C10, in bytes where nothing else is said. */
export interface PepConstants {
  /** C1: a SHA2-512 hash in hex. */
  readonly hash: number;
  /** C2 */
  readonly keyid: number;
  /** C3: an Ed25519 signature in hex; the derived values leave it out. */
  readonly signature: number;
  /** C4: an Ed25519 public key in hex; left out likewise. */
  readonly publicKey: number;
  /** C5: a target's path. */
  readonly path: number;
  /** C6: digits of a target's length. */
  readonly length: number;
  /** C7: digits of a version. */
  readonly version: number;
  /** C8: number of targets. */
  readonly targets: number;
  /** C9: an average distribution. */
  readonly distribution: number;
  /** C10: number of bins. */
  readonly bins: number;
}

export const PEP_CONSTANTS: PepConstants = {
  hash: 128,
  keyid: 64,
  signature: 128,
  publicKey: 64,
  path: 256,
  length: 7,
  version: 6,
  targets: 2_273_539,
  distribution: 2_184_393,
  bins: 16_384,
};

/** What a visitor consults per distribution: P31 counts two bins, the project's index page's and the distribution's. */
export const BINS_PER_DOWNLOAD = 2;

/** V1–V17: bytes, counts, and whole percents of a distribution. */
export function pepOverhead(constants: PepConstants) {
  const { hash, keyid, path, length, version, targets, distribution, bins } = constants;
  const percent = (bytes: number): number => Math.round((100 * bytes) / distribution);
  const prefixLength = Math.ceil(Math.log2(bins) / 4);
  const prefixes = 16 ** prefixLength;
  const targetsPerBin = Math.ceil(targets / bins);
  const hashes = targetsPerBin * hash;
  const paths = targetsPerBin * path;
  const lengths = targetsPerBin * length;
  const binSize = hashes + paths + lengths;
  const binsKeyids = bins * keyid;
  const binsPrefixes = prefixLength * prefixes;
  const binsSize = binsKeyids + binsPrefixes;
  const snapshotSize = bins * version;
  const same = BINS_PER_DOWNLOAD * binSize;
  const different = same + snapshotSize;
  const newUser = different + binsSize;
  return {
    V1: prefixLength,
    V2: prefixes,
    V3: targetsPerBin,
    V4: hashes,
    V5: paths,
    V6: lengths,
    V7: binSize,
    V8: binsKeyids,
    V9: binsPrefixes,
    V10: binsSize,
    V11: snapshotSize,
    V12: same,
    V13: percent(same),
    V14: different,
    V15: percent(different),
    V16: newUser,
    V17: percent(newUser),
  };
}
