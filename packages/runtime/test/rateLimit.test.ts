// Rates: nobody gets more than a burst and the rate, and whoever is refused is told the truth.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RateLimit } from '../src/index.ts';

describe('a rate limit', () => {
  test('lets a burst through, then as much as the rate', () => {
    const limit = new RateLimit({ perSecond: 10, burst: 20 });
    expect(limit.take('a', 20, 0)).toBe(0);
    expect(limit.take('a', 1, 0)).toBe(0.1);
    expect(limit.take('a', 1, 100)).toBe(0);
    expect(limit.take('b', 20, 100)).toBe(0);
  });

  test('takes what is larger than any burst once it is full, and then makes up for it', () => {
    const limit = new RateLimit({ perSecond: 10, burst: 20 });
    expect(limit.take('a', 50, 0)).toBe(0);
    expect(limit.take('a', 1, 0)).toBeCloseTo(3.1);
    expect(limit.take('a', 1, 3100)).toBe(0);
  });

  test('remembers so many subjects and no more', () => {
    const limit = new RateLimit({ perSecond: 1, burst: 1, subjectsMax: 2 });
    for (const subject of ['a', 'b', 'c']) expect(limit.take(subject, 1, 0)).toBe(0);
    expect(limit.take('c', 1, 0)).toBeGreaterThan(0);
    expect(limit.take('a', 1, 0)).toBe(0);
  });

  test('never lets more through than burst and rate, and the wait it names suffices', () => {
    const requests = fc.array(
      fc.record({ ms: fc.nat(500), units: fc.integer({ min: 1, max: 30 }) }),
    );
    fc.assert(
      fc.property(requests, (all) => {
        const limit = new RateLimit({ perSecond: 40, burst: 30 });
        let now = 0;
        let taken = 0;
        for (const { ms, units } of all) {
          now += ms;
          const wait = limit.take('s', units, now);
          if (wait > 0) {
            now += wait * 1000 + 1e-6;
            expect(limit.take('s', units, now)).toBe(0);
          }
          taken += units;
          expect(taken).toBeLessThanOrEqual(30 + (40 * now) / 1000 + 1e-6);
        }
      }),
    );
  });
});
