// Without any one of the ledger's rules, simulated lives break something: so they would show it if the
// rule were broken by mistake. The rules are disabled in the threads that simulate, not in the product.
import { expect, test } from 'vitest';
import { MUTANTS } from './mutants/all.ts';
import type { Task } from './thread.ts';
import { simulateEach, simulateMany } from './threads.ts';

/** So many seeds are tried at the most; most rules need fewer than ten. */
const SEEDS = 400;

/** Where something was found: there must be nothing where every rule holds. */
const found: Task[] = [];

test.concurrent.each(MUTANTS.map((mutant) => [mutant.name, mutant.rule, mutant] as const))(
  '%s (%s)',
  async (_name, _rule, { edits, breaks, without, often, policy, ending }) => {
    const life = {
      ...(often === undefined ? {} : { often }),
      ...(policy === undefined ? {} : { policy }),
      ...(ending === undefined ? {} : { ending }),
    };
    const rule = without === undefined ? {} : { without };
    const task = { ...life, ...rule, from: 1, runs: SEEDS, until: breaks };
    const { results } = await simulateMany(task, 1, edits);
    const last = results.at(-1);
    expect(breaks, last?.violation?.message).toContain(last?.violation?.rule);
    found.push(...results.map(({ seed }) => ({ ...life, from: seed, runs: 1 })));
  },
);

test('the same lives break nothing where every rule holds', async () => {
  const answers = await simulateEach(found);
  const broken = answers.flatMap(({ results }) => results);
  expect(broken.map(({ seed, violation }) => `${seed} ${violation?.message}`)).toEqual([]);
  expect(answers.length).toBeGreaterThanOrEqual(MUTANTS.length);
});
