/** How many bins: the choice between plans, and the one for PyPI. */
import { describe, expect, test } from 'vitest';
import { choose, type Offer } from '../src/bins/choice.ts';
import { planBins } from '../src/bins/plan.ts';
import { DEMAND } from './pypi.ts';

describe('the choice', () => {
  const offer = (bins: number, change: Partial<Offer> = {}): Offer => ({
    bins,
    returning: 0.1,
    cutBytes: 100,
    sentBytes: 1000,
    ...change,
  });

  test('is the fewest bins where nothing speaks for more', () => {
    expect(choose([offer(256), offer(512)])).toEqual({ bins: 256, keepsRule: true });
  });

  test.each<[string, Partial<Offer>]>([
    ['a returning user pays more than half a file (P32)', { returning: 0.501 }],
    ['a cut signs more than twice the least', { cutBytes: 201 }],
    ['twice as many save 1 %', { sentBytes: 1011 }],
  ])('is more where %s', (_, change) => {
    expect(choose([offer(256, change), offer(512)])).toEqual({ bins: 512, keepsRule: true });
  });

  test.each<[string, Partial<Offer>]>([
    ['half a file', { returning: 0.5 }],
    ['twice the least', { cutBytes: 200 }],
    ['less than 1 %', { sentBytes: 1009 }],
  ])('is not more for %s', (_, change) => {
    expect(choose([offer(256, change), offer(512)]).bins).toBe(256);
  });

  test('says where no number keeps the rule, and spares returning users', () => {
    const offers = [{ returning: 0.9 }, { returning: 0.7 }, { returning: 0.8 }];
    expect(choose(offers.map((each, i) => offer(256 << i, each)))).toEqual({
      bins: 512,
      keepsRule: false,
    });
  });
});

describe('for PyPI as PEP 458 knew it', () => {
  const plan = planBins(DEMAND);

  test('snapshot.json with hashes wants fewer bins than the PEP, TAP 16 more', () => {
    expect(plan.choice).toEqual({
      classic: {
        succinct: { bins: 4096, keepsRule: true },
        prefixes: { bins: 4096, keepsRule: true },
      },
      tap16: {
        succinct: { bins: 32_768, keepsRule: true },
        prefixes: { bins: 16_384, keepsRule: true },
      },
    });
  });

  test('a download costs what its files add up to (V12, V14, V16)', () => {
    for (const { files, download } of plan.candidates) {
      const { bin, binProof, offlineProofs, snapshot, delegations } = files;
      const { classic, tap16 } = download;
      expect(classic.same).toBe(2 * bin.bytes);
      expect(classic.other - classic.same).toBeCloseTo(snapshot.bytes, 3);
      expect(classic.new.succinct! - classic.other).toBeCloseTo(delegations.succinct!.bytes, 3);
      expect(tap16.same).toBe(2 * (bin.bytes + binProof));
      expect(tap16.other - tap16.same).toBeCloseTo(offlineProofs, 3);
      if (delegations.prefixes === null) expect(tap16.new.prefixes).toBeNull();
      else expect(tap16.new.prefixes! - tap16.other).toBeCloseTo(delegations.prefixes.bytes, 3);
    }
  });

  test('more bins: smaller bins, a longer snapshot.json, more bins signed a cut', () => {
    plan.candidates.reduce((fewer, more) => {
      expect(more.bins).toBe(2 * fewer.bins);
      expect(more.files.bin.bytes).toBeLessThan(fewer.files.bin.bytes);
      expect(more.files.snapshot.bytes).toBeGreaterThan(fewer.files.snapshot.bytes);
      expect(more.download.tap16.other).toBeLessThan(fewer.download.tap16.other);
      expect(more.cutBins).toBeGreaterThan(fewer.cutBins);
      return more;
    });
  });
});
