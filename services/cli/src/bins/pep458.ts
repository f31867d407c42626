/**
 * PEP 458's own estimate of what its metadata costs: table 3 as a function of table 2 (requirements P30, P31).
 * https://peps.python.org/pep-0458/#metadata-scalability
 *
 * It counts hashes, paths, key ids, prefixes and versions only, no JSON around them: real files are larger. It is
 * here so that one can compare.
 */

/** Table 2. */
export interface PepConstants {
  /** SHA2-512 digest, hex; C2 a key id; C3 an Ed25519 signature; C4 an Ed25519 public key; bytes. */
  readonly C1: number;
  readonly C2: number;
  readonly C3: number;
  readonly C4: number;
  /** A target's path; C6 its size; C7 a version number; bytes. */
  readonly C5: number;
  readonly C6: number;
  readonly C7: number;
  /** Targets: distributions and simple index pages. */
  readonly C8: number;
  /** Mean size of a distribution that is downloaded, bytes. */
  readonly C9: number;
  /** Bins. */
  readonly C10: number;
}

export const PEP_CONSTANTS: PepConstants = {
  C1: 128,
  C2: 64,
  C3: 128,
  C4: 64,
  C5: 256,
  C6: 7,
  C7: 6,
  C8: 2_273_539,
  C9: 2_184_393,
  C10: 16_384,
};

/** Table 3. @returns V13, V15 and V17 in percent, the other sizes in bytes */
export function pepValues(constants: PepConstants) {
  const { C1, C2, C5, C6, C7, C8, C9, C10 } = constants;
  // ⌈log₁₆ C10⌉, without the error of a quotient of two logarithms.
  const V1 = Math.ceil(Math.log2(C10) / 4);
  const V2 = 16 ** V1;
  const V3 = Math.ceil(C8 / C10);
  const V4 = V3 * C1;
  const V5 = V3 * C5;
  const V6 = V3 * C6;
  const V7 = V4 + V5 + V6;
  const V8 = C10 * C2;
  const V9 = V1 * V2;
  const V10 = V8 + V9;
  const V11 = C10 * C7;
  const V12 = 2 * V7;
  const V14 = V12 + V11;
  const V16 = V14 + V10;
  const percent = (bytes: number): number => Math.round((bytes / C9) * 100);
  return {
    V1,
    V2,
    V3,
    V4,
    V5,
    V6,
    V7,
    V8,
    V9,
    V10,
    V11,
    V12,
    V13: percent(V12),
    V14,
    V15: percent(V14),
    V16,
    V17: percent(V16),
  };
}
