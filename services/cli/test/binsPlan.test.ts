/** How many bins: PEP 458's own figures, and what has to hold for ours whatever the index. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { choose, type Offer } from '../src/bins/choice.ts';
import { churnOf, sentPerDay, signedPerCut, type Demand } from '../src/bins/demand.ts';
import { PEP_CONSTANTS, pepValues } from '../src/bins/pep458.ts';
import { planBins } from '../src/bins/plan.ts';
import { measureFiles, type FileSizes, type Shape } from '../src/bins/sizes.ts';
import { planLedger } from '../src/ceremony.ts';
import { amount, tableOf } from '../src/commands/table.ts';

const DEMAND: Demand = {
  targets: 2_273_539,
  pathBytes: 76,
  fileBytes: 2_184_393,
  users: 1_000_000,
  visits: 1,
  newShare: 0.1,
  downloads: 5,
  targetsPerFile: 2,
  repeatedShare: 0,
  uploads: 2274,
  snapshots: 1440,
};

const SHAPE: Shape = {
  bits: 10,
  targets: 50_000,
  pathBytes: 76,
  fileBytes: 2_184_393,
  binVersion: 1_000_000,
  snapshotVersion: 1_000_000,
};

describe('PEP 458, table 3 (P30, P31)', () => {
  test('follows from table 2', () => {
    expect(pepValues(PEP_CONSTANTS)).toEqual({
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

  test('table 2 is the published one', () => {
    expect(Object.values(PEP_CONSTANTS)).toEqual([
      128, 64, 128, 64, 256, 7, 6, 2_273_539, 2_184_393, 16_384,
    ]);
    // C9 is the mean of what was downloaded and what lies on disk.
    expect(PEP_CONSTANTS.C9).toBe((1_628_321 + 2_740_465) / 2);
  });

  test('ten times the targets cost 50 to 54 %, and 114 % for new users (P32)', () => {
    const { V13, V15, V17 } = pepValues({ ...PEP_CONSTANTS, C8: 10 * PEP_CONSTANTS.C8 });
    expect([V13, V15, V17]).toEqual([50, 54, 114]);
  });

  test('a power of 16 as the number of bins has no digit too many', () => {
    for (let digits = 1; digits <= 5; digits++) {
      expect(pepValues({ ...PEP_CONSTANTS, C10: 16 ** digits }).V1).toBe(digits);
      expect(pepValues({ ...PEP_CONSTANTS, C10: 2 * 16 ** digits }).V1).toBe(digits + 1);
    }
  });
});

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

describe('whatever the index', () => {
  const demands = fc.record({
    targets: fc.integer({ min: 1, max: 1e8 }),
    pathBytes: fc.integer({ min: 8, max: 300 }),
    fileBytes: fc.integer({ min: 1, max: 1e8 }),
    users: fc.integer({ min: 1, max: 1e8 }),
    visits: fc.integer({ min: 1, max: 50 }),
    newShare: fc.integer({ min: 0, max: 100 }).map((n) => n / 100),
    downloads: fc.integer({ min: 1, max: 100 }),
    targetsPerFile: fc.integer({ min: 1, max: 4 }),
    repeatedShare: fc.integer({ min: 0, max: 100 }).map((n) => n / 100),
    uploads: fc.integer({ min: 0, max: 1e6 }),
    snapshots: fc.integer({ min: 1, max: 86_400 }),
  });
  const bits = fc.integer({ min: 8, max: 11 });

  test('files grow with what is in them', () => {
    const shapes = fc.record({
      bits,
      targets: fc.integer({ min: 0, max: 1e6 }),
      pathBytes: fc.integer({ min: 8, max: 300 }),
      fileBytes: fc.integer({ min: 1, max: 1e9 }),
      binVersion: fc.integer({ min: 1, max: 1e9 }),
      snapshotVersion: fc.integer({ min: 1, max: 1e9 }),
    });
    fc.assert(
      fc.property(shapes, (shape) => {
        const files = measureFiles(shape);
        const fuller = measureFiles({ ...shape, targets: shape.targets + 2 ** shape.bits });
        const wider = measureFiles({ ...shape, bits: shape.bits + 1 });
        expect(fuller.bin.bytes).toBeGreaterThan(files.bin.bytes);
        expect(wider.bin.bytes).toBeLessThanOrEqual(files.bin.bytes);
        expect(wider.snapshot.bytes).toBeGreaterThan(files.snapshot.bytes);
        expect(wider.binProof).toBeGreaterThanOrEqual(files.binProof - 4);
        expect(wider.delegations.prefixes!.bytes).toBeGreaterThan(
          files.delegations.prefixes!.bytes,
        );
      }),
      { numRuns: 20 },
    );
  });

  test('users are sent more where more is asked, and less where more is kept', () => {
    const measured = [8, 9, 10, 11].map((bits) => ({
      bits,
      files: measureFiles({ ...SHAPE, bits }),
    }));
    fc.assert(
      fc.property(demands, fc.constantFrom(...measured), (demand, { bits, files }) => {
        for (const form of ['classic', 'tap16'] as const) {
          const sent = (change: Partial<Demand>): number =>
            sentPerDay(files, bits, form, 'succinct', { ...demand, ...change })!;
          const now = sent({});
          expect(sent({ users: 2 * demand.users })).toBeCloseTo(2 * now, -3);
          expect(sent({ downloads: demand.downloads + 1 })).toBeGreaterThan(now);
          expect(sent({ newShare: 1 })).toBeGreaterThanOrEqual(now);
          expect(sent({ repeatedShare: 1 })).toBeLessThanOrEqual(now);
          expect(sent({ repeatedShare: 1, uploads: 2 * demand.uploads })).toBeGreaterThanOrEqual(
            sent({ repeatedShare: 1 }) * (1 - 1e-9),
          );
          expect(signedPerCut(files, bits, form, demand)).toBeGreaterThan(0);
        }
      }),
    );
  });

  test('a bin is signed when it changes, at least when it has to be renewed, and once a cut at most', () => {
    fc.assert(
      fc.property(demands, fc.integer({ min: 8, max: 20 }), (demand, bits) => {
        const { versions, unchanged } = churnOf(bits, demand);
        const bins = 2 ** bits;
        // Renewed with between half and a quarter of a day's life left.
        const renewals = bins / 0.625;
        expect(versions).toBeGreaterThanOrEqual(renewals * (1 - 1e-9));
        const changes = Math.min(demand.uploads * demand.targetsPerFile, bins * demand.snapshots);
        expect(versions).toBeLessThanOrEqual((renewals + changes) * (1 + 1e-9));
        expect(unchanged).toBeGreaterThanOrEqual(0);
        expect(unchanged).toBeLessThanOrEqual(Math.max(0, 1 - 1 / demand.visits / 0.625) + 1e-9);
      }),
    );
  });

  test('without uploads a bin is what it was for as long as renewal lets it be', () => {
    const idle = { ...DEMAND, uploads: 0 };
    expect(churnOf(14, idle)).toEqual({ versions: 16_384 / 0.625, unchanged: 0 });
    expect(churnOf(14, { ...idle, visits: 16 }).unchanged).toBeCloseTo(0.9, 12);
  });
});

describe('what is sent and signed', () => {
  const size = (bytes: number) => ({ bytes, whole: true });
  const files: FileSizes = {
    bin: size(100),
    snapshot: size(10_000),
    delegations: { succinct: size(1000), prefixes: null },
    binProof: 7,
    offlineProofs: 20,
    timestamp: 1,
    targets: 3,
  };
  // One target a visit; every visit meets another snapshot.
  const one = { ...DEMAND, users: 10, downloads: 1, targetsPerFile: 1, newShare: 0.5, uploads: 0 };
  const sent = (form: 'classic' | 'tap16', change: Partial<Demand> = {}): number =>
    sentPerDay(files, 14, form, 'succinct', { ...one, ...change })!;

  test('adds up', () => {
    expect(sent('classic')).toBeCloseTo(10 * (1 + 0.5 * (3 + 1000) + 10_000 + 100), 6);
    expect(sent('tap16')).toBeCloseTo(10 * (1 + 0.5 * (3 + 1000) + 20 + 100 + 7), 6);
    expect(sent('classic', { visits: 4, newShare: 0 })).toBeCloseTo(40 * (1 + 10_000 + 100), 6);
    expect(sentPerDay(files, 14, 'classic', 'prefixes', one)).toBeNull();
  });

  test('leaves out what a user still has', () => {
    const kept = { newShare: 0, repeatedShare: 1, visits: 16 };
    // Nine of ten bins are as they were an hour and a half ago; proofs are of one snapshot.
    expect(sent('classic', kept)).toBeCloseTo(160 * (1 + 10_000 + 10), 3);
    expect(sent('tap16', kept)).toBeCloseTo(160 * (1 + 20 + 10 + 7), 3);
    // With a snapshot a day and 16 visits most visits meet the same one.
    const same = Math.exp(-1 / 16);
    expect(sent('tap16', { ...kept, snapshots: 1 })).toBeCloseTo(
      160 * (1 + (1 - same) * (20 + 7) + 10),
      3,
    );
  });

  test('targets of one visit that share a bin fetch it once', () => {
    const all = sentPerDay(files, 1, 'classic', 'succinct', {
      ...one,
      downloads: 1000,
      newShare: 0,
    });
    expect(all).toBeCloseTo(10 * (1 + 10_000 + 2 * 100), 6);
  });

  test('a cut signs its share of all versions, the timestamp, and snapshot.json', () => {
    const bins = ((16_384 / 0.625) * 100) / 1440;
    expect(signedPerCut(files, 14, 'tap16', one)).toBeCloseTo(bins + 1, 6);
    expect(signedPerCut(files, 14, 'classic', one)).toBeCloseTo(bins + 1 + 10_000, 6);
  });
});

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

describe('in print', () => {
  test.each([
    [0, '0 B'],
    [999.4, '999 B'],
    [999.6, '1.00 kB'],
    [1234, '1.23 kB'],
    [999_600, '1.00 MB'],
    [10_921_965_000_000, '10.9 TB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(amount(bytes)).toBe(text);
  });

  test('columns are as wide as their widest cell', () => {
    const rows = [
      ['1', '22'],
      ['333', '4'],
    ];
    expect(tableOf([['a', 'b']], rows)).toEqual(['  a   b', '  1  22', '333   4']);
    expect(tableOf([['a', 'b']], rows, 'names first')).toEqual(['a     b', '1    22', '333   4']);
  });
});
