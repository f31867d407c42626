// How far uploads may run ahead of snapshots.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Unseen } from '../src/index.ts';

const receipts = (partition: number, offset: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({ partition, offset, index }));

test('more may come until so many wait, and again once half of them are shown', () => {
  const unseen = new Unseen(2, 100, 0);
  unseen.add(receipts(0, 1, 60));
  expect(unseen.waitSeconds(0)).toBe(0);
  unseen.add(receipts(1, 7, 40));
  // Nothing has been shown yet: nobody knows how long it takes.
  expect(unseen.waitSeconds(0)).toBe(5);
  unseen.show([1, 7], 1_000);
  expect(unseen.events).toBe(100);
  unseen.show([2, 7], 2_000);
  expect(unseen.events).toBe(40);
  expect(unseen.waitSeconds(2_000)).toBe(0);
});

test('what snapshots show in ten seconds may wait, and the wait is what it takes to show half of it', () => {
  const unseen = new Unseen(1, 100, 0);
  for (let second = 1; second <= 4; second++) {
    unseen.add(receipts(0, second, 50));
    unseen.show([second + 1], second * 1_000);
  }
  // Fifty a second: five hundred may wait.
  unseen.add(receipts(0, 5, 499));
  expect(unseen.waitSeconds(4_000)).toBe(0);
  unseen.add(receipts(0, 6, 301));
  expect(unseen.waitSeconds(4_000)).toBe((800 - 250) / 50);
  unseen.add(receipts(0, 7, 1_000_000));
  expect(unseen.waitSeconds(4_000)).toBe(60);
});

test('counts what was acknowledged and is not shown, in whatever order it came', () => {
  const batch = fc.tuple(fc.nat(2), fc.nat(20), fc.integer({ min: 1, max: 5 }));
  const vectors = fc.array(fc.nat(22), { minLength: 3, maxLength: 3 });
  fc.assert(
    fc.property(fc.array(batch), vectors, (all, vector) => {
      const unseen = new Unseen(3, 1, 0);
      for (const [partition, offset, count] of all) unseen.add(receipts(partition, offset, count));
      const total = all.reduce((sum, [, , count]) => sum + count, 0);
      expect(unseen.events).toBe(total);
      unseen.show(vector, 1);
      const left = all.filter(([partition, offset]) => offset >= vector[partition]!);
      const least = left.reduce((sum, [, , count]) => sum + count, 0);
      expect(unseen.events).toBeGreaterThanOrEqual(least);
      expect(unseen.events).toBeLessThanOrEqual(total);
      unseen.show([30, 30, 30], 2);
      expect(unseen.events).toBe(0);
    }),
  );
});
