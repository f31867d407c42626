/** Renewal: when a bin falls due is a function of its number, its expiry and the policy; cuts only look. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { renewalDue } from '../src/index.ts';
import { PartitionRun } from './partitionRun.ts';
import { DAY, HOUR, T0 } from './support.ts';
import { policyFor, TestLedger } from './testLedger.ts';
import { added, batch, pathsOf } from './uploads.ts';

const LIFE = 86_400;

describe('a bin falls due', () => {
  const policy = policyFor({ expiry_s: { timestamp: LIFE, snapshot: LIFE, bins: LIFE } });
  const expires = T0 / 1000 + LIFE;

  test('between half and a quarter of its life left, never later', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 2 ** 20 - 1 }),
        fc.integer({ min: 60, max: 10 ** 8 }),
        fc.integer({ min: 2, max: 99 }),
        fc.nat(),
        (bin, life, below, part) => {
          const always = 1 + (part % (below - 1));
          const own = policyFor({
            expiry_s: { timestamp: LIFE, snapshot: LIFE, bins: life },
            renew_below_percent: below,
            renew_always_below_percent: always,
          });
          const due = renewalDue(bin, expires, own);
          expect(due).toBeGreaterThanOrEqual(Math.floor(1000 * (expires - (life * below) / 100)));
          expect(due).toBeLessThan(1000 * (expires - (life * always) / 100));
        },
      ),
    );
  });

  test('at 64 moments, evenly taken', () => {
    const dues = Array.from({ length: 16_384 }, (_, bin) => renewalDue(bin, expires, policy));
    const counts = new Map<number, number>();
    for (const due of dues) counts.set(due, (counts.get(due) ?? 0) + 1);
    expect(counts.size).toBe(64);
    expect(Math.min(...counts.values())).toBeGreaterThan(240);
    expect(Math.max(...counts.values())).toBeLessThan(272);
    expect(Math.min(...dues)).toBe(T0 + DAY / 2);
    expect(Math.max(...dues)).toBe(T0 + (0.75 - 0.25 / 64) * DAY);
  });

  test('bin 0 at half of its life', () => {
    expect(renewalDue(0, expires, policy)).toBe(T0 + 12 * HOUR);
  });
});

describe('cuts renew', () => {
  const start = async (): Promise<PartitionRun> => {
    const run = await PartitionRun.open(TestLedger.ready({ bits: 8, slotBits: 8 }));
    await run.add([]);
    return run;
  };
  const expiry = (run: PartitionRun): number[] => [...run.partition.heads.expires];

  test('what is due at their time and nothing else; the subtree record says when next', async () => {
    const run = await start();
    const { policy } = run.ledger.fold.view;
    let { due } = run.folded[0]!.subtree;
    let renewed = 0;
    while (renewed < 128) {
      const before = await run.add([], { time: due - 1 });
      expect(before.view.versions).toEqual([]);
      expect(before.subtree.due).toBe(due);
      const wanted = expiry(run)
        .map((expires, bin) => ({ bin, at: renewalDue(bin, expires, policy) }))
        .filter(({ at }) => at <= due)
        .map(({ bin }) => bin);
      const folded = await run.add([], { time: due });
      expect(folded.view.versions.map(([bin]) => bin)).toEqual(wanted);
      expect(wanted.length).toBeLessThan(8);
      renewed += wanted.length;
      expect(folded.subtree.due).toBeGreaterThan(due);
      expect(folded.subtree.due).toBe(
        Math.min(...expiry(run).map((expires, bin) => renewalDue(bin, expires, policy))),
      );
      due = folded.subtree.due;
    }
    expect(renewed).toBe(128);
  });

  test('all at once after a long pause, so that none ever has less than a quarter left', async () => {
    const run = await start();
    const time = T0 + 1000 + 0.75 * DAY;
    const folded = await run.add([], { time });
    expect(folded.view.versions).toHaveLength(128);
    for (const expires of expiry(run)) expect(expires).toBe(time / 1000 + LIFE);
    expect(folded.view.versions.map(([, version]) => version)).toEqual(
      Array.from({ length: 128 }, (_, i) => 2 * (128 + i) + 1),
    );
  });

  test('an expiry is the cut’s time in whole seconds and the life of the policy', async () => {
    const run = await start();
    const [path] = pathsOf(0, 1, 1);
    const { view } = await run.add([batch([added('1', path!, 'x')], { seq: 1, time: T0 })], {
      time: T0 + 7_999,
    });
    const [bin, version] = view.versions[0]!;
    expect(run.partition.heads.expires[bin]).toBe(T0 / 1000 + 7 + LIFE);
    const file = JSON.parse(run.partition.bodies.file(bin, version)!.toString()) as {
      signed: { expires: string };
    };
    expect(file.signed.expires).toBe('2026-01-02T00:00:07Z');
  });

  test('a changed bin is not renewed besides', async () => {
    const run = await start();
    const [path] = pathsOf(0, 1, 1);
    const time = T0 + 1000 + 0.75 * DAY;
    const { view, applied } = await run.add([batch([added('1', path!, 'x')], { seq: 1, time })], {
      time,
    });
    expect(applied).toBe(1);
    expect(view.versions).toHaveLength(128);
    expect(new Set(view.versions.map(([bin]) => bin)).size).toBe(128);
  });
});
