// Pages of changes: voids, emptiness, and where a page ends.
import type { ChangePlace } from '@tidemark/ledger';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Engine } from '../src/engine/engine.ts';
import { changePage } from '../src/http/changePages.ts';
import { decodeCursor, startOf } from '../src/http/cursor.ts';

const GENESIS = { ledger: 'a'.repeat(32), partitions: 2, bits: 4, prefix: 'bin' };

/** So many changes of each partition in each snapshot; a snapshot without any is void. */
function engineOf(history: readonly (readonly number[] | 'void')[]): Engine {
  return {
    genesis: GENESIS,
    publisher: {
      snapshot: (n: number) => (history[n - 1] === 'void' ? undefined : { n, time: 0 }),
    },
    shards: {
      changes: async (partition: number, n: number, from: ChangePlace, max: number) => {
        const count = (history[n - 1] as readonly number[])[partition]!;
        const end = Math.min(count, from.op + max);
        const changes = Array.from({ length: end - from.op }, (_, i) => ({
          bin: partition * 8,
          version: n,
          path: `${n}/${partition}/${from.op + i}`,
          value: '{"hashes":{"sha256":"x"},"length":1}',
        }));
        return { changes, next: end < count ? { bin: 0, op: end } : undefined };
      },
    },
  } as unknown as Engine;
}

test('pages of any size give each change once, in order', async () => {
  const snapshot = fc.oneof(
    fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 4 })),
    fc.constant('void' as const),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(snapshot, { maxLength: 8 }),
      fc.integer({ min: 1, max: 5 }),
      async (history, size) => {
        const engine = engineOf(history);
        const seen: string[] = [];
        let from = startOf(1);
        for (;;) {
          const page = await changePage(engine, from, history.length, size);
          expect(page.changes.length).toBeLessThanOrEqual(size);
          seen.push(...page.changes.map(({ path }) => path));
          from = decodeCursor(engine.genesis, page.cursor);
          if (!page.more) break;
        }
        expect(from).toEqual(startOf(history.length + 1));
        const expected = history.flatMap((counts, i) =>
          counts === 'void'
            ? []
            : counts.flatMap((count, p) =>
                Array.from({ length: count }, (_, op) => `${i + 1}/${p}/${op}`),
              ),
        );
        expect(seen).toEqual(expected);
      },
    ),
    { numRuns: 200 },
  );
});

test('a page ends after so many looks, wherever that is', async () => {
  const quiet = Array.from({ length: 2_000 }, () => [0, 0]);
  const engine = engineOf([...quiet, [1, 0]]);
  const pages = [];
  let from = startOf(1);
  for (;;) {
    const page = await changePage(engine, from, 2_001, 100);
    pages.push(page.changes.length);
    from = decodeCursor(engine.genesis, page.cursor);
    if (!page.more) break;
  }
  expect(pages).toEqual([0, 0, 0, 1]);
});
