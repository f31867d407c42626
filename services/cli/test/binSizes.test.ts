/** How long files are, by what is in them: built, or reckoned from what was built. */
import { describe, expect, test } from 'vitest';
import { measureFiles } from '../src/bins/sizes.ts';
import { planLedger } from '../src/folder/ceremony.ts';
import { SHAPE } from './pypi.ts';

describe('sizes', () => {
  test('bins.json is as long as the one that is made with a ledger', () => {
    let drawn = 0;
    const random = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(++drawn);
    for (const bits of [8, 9, 10, 11, 12, 13]) {
      for (const delegation of ['succinct', 'prefixes'] as const) {
        drawn = 0;
        const ledger = { name: 'x', bins: 2 ** bits, partitions: 4, delegation };
        const { bins, targets } = planLedger(ledger, random, 0).roleDocuments;
        const files = measureFiles({ ...SHAPE, bits });
        // From 2^11 on most of its entries are counted.
        expect(files.delegations[delegation]).toEqual({
          bytes: bins.length,
          whole: bits < 11 || delegation === 'succinct',
        });
        expect(files.targets).toBe(targets.length);
      }
    }
  });

  test('a mean between two whole numbers of targets lies between their bins', () => {
    const sizeOf = (targets: number): number => measureFiles({ ...SHAPE, targets }).bin.bytes;
    const [seven, eight] = [sizeOf(7 * 1024), sizeOf(8 * 1024)] as const;
    expect(sizeOf(7.25 * 1024)).toBe(seven + (eight - seven) / 4);
    // "path":{"hashes":{"sha256":"64 digits"},"length":7 digits} and a comma
    expect(eight - seven).toBe(76 + 109);
  });

  test('what is counted beyond the first entries is what would have been measured', () => {
    const step = (targets: number): number =>
      measureFiles({ ...SHAPE, targets: (targets + 1) * 1024 }).bin.bytes -
      measureFiles({ ...SHAPE, targets: targets * 1024 }).bin.bytes;
    expect(step(100)).toBe(step(10_000));
    expect(measureFiles({ ...SHAPE, targets: 10_000 * 1024 }).bin.whole).toBe(false);
  });

  test('prefixes end where a ledger can have no more bins', () => {
    expect(measureFiles({ ...SHAPE, bits: 16 }).delegations.prefixes?.bytes).toBe(10_552_081);
    expect(measureFiles({ ...SHAPE, bits: 17 }).delegations.prefixes).toBeNull();
  });
});
