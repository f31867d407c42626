/** What has to be sent and signed, whatever the index. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { churnOf, sentPerDay, signedPerCut, type Demand } from '../src/bins/demand.ts';
import { measureFiles, type FileSizes } from '../src/bins/sizes.ts';
import { DEMAND, SHAPE } from './pypi.ts';

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
