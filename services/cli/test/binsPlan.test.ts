/** The plan of bins: PEP 458's values exactly, sizes as of files really built, and how they grow. */
import { sha256, toHex, type JsonObject } from '@tidemark/canonical';
import { makeTap16File, rootFromSlot, slotHash, verifyTap16File } from '@tidemark/merkle';
import {
  ed25519Key,
  binRoleName,
  prefixDelegations,
  signMetadata,
  snapshotSigned,
  succinctDelegations,
  targetsSigned,
} from '@tidemark/tuf';
import { describe, expect, it } from 'vitest';
import { planBins } from '../src/plan/binsPlan.ts';
import { PEP_CONSTANTS, pepOverhead } from '../src/plan/pep458.ts';
import { extrapolatedPrefixes, sizesAt } from '../src/plan/sizes.ts';

const FILL = { targets: 2_273_539, pathBytes: 256, distribution: 2_184_393 };
const INPUT = {
  ...FILL,
  users: 100_000,
  newPercent: 10,
  downloads: 1,
  snapshots: 'different',
  changes: 10,
} as const;
const KEY = ed25519Key('5'.repeat(64));
const signer = (digit: string) => ({
  publicKey: digit.repeat(64),
  sign: () => new Uint8Array(64).fill(7),
});

describe('PEP 458’s arithmetic', () => {
  it('derives V1 to V17 from C1 to C10 (P30, P31)', () => {
    expect(pepOverhead(PEP_CONSTANTS)).toEqual({
      V1: 4,
      V2: 65_536,
      V3: 139,
      V4: 17_792,
      V5: 35_584,
      V6: 973,
      V7: 54_349,
      V8: 1_048_576,
      V9: 262_144,
      V10: 1_310_720,
      V11: 98_304,
      V12: 108_698,
      V13: 5,
      V14: 207_002,
      V15: 9,
      V16: 1_517_722,
      V17: 69,
    });
  });

  it('reaches 50 to 54 and 114 percent at ten times the targets (P32)', () => {
    const { V13, V15, V17 } = pepOverhead({ ...PEP_CONSTANTS, targets: 22_735_390 });
    expect([V13, V15, V17]).toEqual([50, 54, 114]);
  });
});

describe('sizes', () => {
  it.each([6, 10])('are those of files built at 2^%i bins', (bits) => {
    const sizes = sizesAt(bits, { ...FILL, targets: 2 ** bits * 3 });
    const hash = 'a5'.repeat(32);
    const target = { length: 1_234_567, sha256: hash };
    const targets = new Map(['a', 'b', 'c'].map((letter) => [letter.repeat(256), target]));
    const bin = signMetadata(targetsSigned({ version: 123_456, expiresMs: 0, targets }), [
      signer('3'),
    ]);
    expect(sizes.bin).toBe(bin.length);
    const file = { version: 123_456, length: bin.length, sha256: hash };
    const meta = new Map([
      ['bins', file],
      ['targets', file],
    ]);
    for (let i = 0; i < 2 ** bits; i++) meta.set(binRoleName('bin', bits, i), file);
    const snapshot = signMetadata(snapshotSigned({ version: 123_456, expiresMs: 0, meta }), [
      signer('4'),
    ]);
    expect(sizes.snapshot).toBe(snapshot.length);
    expect(sizes.binsPrefixes).toBe(binsLength(prefixes(bits)));
    const succinct = succinctDelegations({ key: KEY, bits, prefix: 'bin' });
    expect(sizes.binsSuccinct).toBe(binsLength(succinct));
    const name = binRoleName('bin', bits, 0);
    const contents = {
      [`${name}.json`]: { hashes: { sha256: hash }, length: bin.length, version: 123_456 },
    };
    const siblings = Array.from({ length: 16 }, () => new Uint8Array(32).fill(9));
    const root = rootOf(contents, siblings);
    const proof = makeTap16File(0, contents, siblings);
    const map = { slotBits: 16, bins: { prefix: 'bin', bits }, rolesMax: 1 };
    expect(verifyTap16File(proof, name, root, map)).toMatchObject({ length: bin.length });
    expect(sizes.proof).toBe(proof.length);
  });

  it.each([8, 10, 11, 13])('extrapolate bins.json exactly at 2^%i bins', (bits) => {
    expect(extrapolatedPrefixes(bits)).toBe(binsLength(prefixes(bits)));
  });

  it('say what was extrapolated', () => {
    expect(sizesAt(14, FILL).extrapolated).toEqual([]);
    expect(sizesAt(15, FILL).extrapolated).toEqual(['snapshot', 'binsPrefixes']);
    expect(sizesAt(8, FILL).extrapolated).toEqual(['bin']);
  });
});

describe('the plan', () => {
  const plan = planBins(INPUT);

  it('grows bins.json and snapshot.json and shrinks the bins from each number of bins to the next', () => {
    const sizes = plan.rows.map((row) => row.sizes);
    for (const [i, next] of sizes.slice(1).entries()) {
      expect(next.bin).toBeLessThan(sizes[i]?.bin ?? 0);
      expect(next.snapshot).toBeGreaterThan(sizes[i]?.snapshot ?? Infinity);
      expect(next.binsPrefixes).toBeGreaterThan(sizes[i]?.binsPrefixes ?? Infinity);
      expect(next.proof).toBeGreaterThanOrEqual((sizes[i]?.proof ?? Infinity) - 8);
    }
  });

  it('costs a new user at least what a returning one pays', () => {
    for (const one of plan.rows.flatMap((row) => row.candidates)) {
      expect(one.newBytes).toBeGreaterThan(one.differentBytes);
      expect(one.differentBytes).toBeGreaterThanOrEqual(one.sameBytes);
    }
  });

  it('lets a visit fetch each bin once', () => {
    const first = planBins({ ...INPUT, downloads: 1000 }).rows[0];
    expect(first?.candidates[0]?.sameBytes).toBe(256 * (first?.sizes.bin ?? 0));
  });

  it('chooses for PEP 458’s targets what its rule says', () => {
    expect(plan.choices.map(({ mode, form, bins }) => [mode, form, bins])).toEqual([
      ['classic', 'succinct', 4096],
      ['classic', 'prefixes', 4096],
      ['tap16', 'succinct', 2 ** 20],
      ['tap16', 'prefixes', 8192],
    ]);
  });

  it('chooses within P32’s limit, and says so where that cannot be', () => {
    expect(plan.choices.map(({ isWithinLimit }) => isWithinLimit)).toEqual([
      true,
      true,
      true,
      true,
    ]);
    const tiny = planBins({ ...INPUT, distribution: 1000 });
    expect(tiny.choices.map(({ isWithinLimit }) => isWithinLimit)).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });
});

function prefixes(bits: number): JsonObject {
  return prefixDelegations({ key: KEY, bits, prefix: 'bin' });
}

function binsLength(delegations: JsonObject): number {
  const signed = targetsSigned({ version: 1, expiresMs: 0, delegations });
  return signMetadata(signed, [signer('6'), signer('7')]).length;
}

/** The root of a map whose first slot holds `contents`. */
function rootOf(contents: JsonObject, siblings: readonly Uint8Array[]): string {
  return toHex(rootFromSlot(0, slotHash(0, contents, sha256), siblings, sha256));
}
