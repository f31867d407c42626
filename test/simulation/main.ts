// `npm run simulate -- --seed N --runs M`: simulated lives of a ledger from seed N on.
//   --steps S          turns of the rough time, instead of what the seed says
//   --without RULE     leave one of the rules of cuts out: then a violation has to be found
//   --threads T        at once; all cores, unless told
//   --figures          print how often what happened
//   --trace            print all that happened
import '../support/require-node.mjs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { CUT_RULES } from '@tidemark/ledger';
import type { Result } from './simulation.ts';
import type { Task } from './thread.ts';
import { simulateMany } from './threads.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    runs: { type: 'string', default: '100' },
    steps: { type: 'string' },
    without: { type: 'string' },
    threads: { type: 'string', default: String(availableParallelism()) },
    figures: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
  },
});

/** What the summary shows; `--figures` shows all. */
const FIGURES = ['steps', 'snapshots', 'voids', 'events', 'applied'] as const;

async function main(): Promise<void> {
  const task = taskOf();
  const started = performance.now();
  const { runs, tally, results } = await simulateMany(task, number('threads', values.threads));
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const failed = results.filter(({ violation }) => violation !== undefined);
  for (const result of results) explain(result);
  if (values.figures) {
    for (const [what, times] of Object.entries(tally)) process.stdout.write(`${what}: ${times}\n`);
  }
  const figures = FIGURES.map((name) => `${tally[name]} ${name}`).join(', ');
  process.stdout.write(
    `${runs} runs from seed ${task.from} in ${seconds} s: ${figures}; ${failed.length} violations\n`,
  );
  process.exitCode = failed.length > 0 ? 1 : 0;
}

function taskOf(): Task {
  const { seed, runs, without, steps, trace } = values;
  if (without !== undefined && !CUT_RULES.some(({ name }) => name === without)) {
    refuse(`--without is one of ${CUT_RULES.map(({ name }) => name).join(', ')}`);
  }
  return {
    from: number('seed', seed),
    runs: number('runs', runs),
    ...(steps === undefined ? {} : { steps: number('steps', steps) }),
    ...(without === undefined ? {} : { without }),
    ...(trace ? { lines: Number.MAX_SAFE_INTEGER } : {}),
  };
}

function explain({ seed, violation, end, hash }: Result): void {
  const verdict = violation === undefined ? 'breaks no rule' : 'breaks a rule';
  process.stdout.write(`\nseed ${seed} ${verdict}\n  ${end.join('\n  ')}\n`);
  if (violation !== undefined) process.stdout.write(`${violation.message}\n`);
  process.stdout.write(`trace ${hash}\nagain: npm run simulate -- --seed ${seed} --runs 1\n`);
}

function number(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  return refuse(`--${name} is a whole number, not ${text}`);
}

function refuse(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

await main();
