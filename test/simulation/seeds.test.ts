// Two thousand simulated lives: none breaks a rule, and everything that may happen does.
import { expect, test } from 'vitest';
import { simulate } from './simulation.ts';
import { simulateMany } from './threads.ts';

const SEEDS = 2_000;

/** Of what a life is made of there is at least so much in one, on average: about half of what there was. */
const FIGURES = {
  steps: 300,
  snapshots: 2,
  events: 10,
  applied: 3,
  renewals: 3,
  pairs: 1,
  restart: 5,
  crash: 0.8,
  voids: 0.15,
  'loss of state': 0.3,
  'late append': 0.5,
  'outcome: duplicate': 1,
};

// On two cores that nobody else uses it takes about a minute and a half.
test(`seeds 1 to ${SEEDS} break no rule`, { timeout: 600_000 }, async () => {
  const start = performance.now();
  const { runs, tally, results } = await simulateMany({ from: 1, runs: SEEDS });
  const seconds = Math.round((performance.now() - start) / 1000);
  expect(runs).toBe(SEEDS);
  expect(results.map(({ seed, violation }) => `${seed} ${violation?.message}`)).toEqual([]);

  // A simulation in which nothing happens breaks no rule either.
  const never = Object.keys(tally).filter((what) => tally[what] === 0);
  expect(never, 'what did not happen').toEqual([]);
  for (const [what, least] of Object.entries(FIGURES)) {
    expect(tally[what], what).toBeGreaterThan(least * SEEDS);
  }
  const shown = Object.keys(FIGURES).map((what) => `${tally[what]} ${what}`);
  process.stdout.write(`${SEEDS} simulated lives in ${seconds} s: ${shown.join(', ')}\n`);
});

test('a seed is a life: the same again, whatever was simulated before', async () => {
  const first = await simulate(7);
  const other = await simulate(8);
  const again = await simulate(7);
  expect(again).toEqual(first);
  expect(other.hash).not.toBe(first.hash);
  // In another thread, after other seeds.
  const { results } = await simulateMany({ from: 5, runs: 3, lines: 50 }, 1);
  expect(results.map(({ seed, hash }) => [seed, hash]).at(-1)).toEqual([7, first.hash]);
});
