// `npm run simulate -- --seed N --runs M`: simulated lives of a ledger from seed N on.
//   --steps S          turns of the rough time, instead of what the seed says
//   --without RULE     leave one of the rules of cuts out: then a violation has to be found
//   --trace            print all that happened
import '../support/require-node.mjs';
import { parseArgs } from 'node:util';
import { CUT_RULES } from '@tidemark/ledger';
import { simulate, type Options, type Result } from './simulation.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    runs: { type: 'string', default: '100' },
    steps: { type: 'string' },
    without: { type: 'string' },
    trace: { type: 'boolean', default: false },
  },
});

const FIGURES = ['steps', 'snapshots', 'voids', 'events', 'applied'] as const;

async function main(): Promise<void> {
  const seed = number('seed', values.seed);
  const runs = number('runs', values.runs);
  const options = optionsOf();
  const started = performance.now();
  const total = { steps: 0, snapshots: 0, voids: 0, events: 0, applied: 0 };
  let limited = 0;
  let failed = 0;
  for (let i = 0; i < runs; i++) {
    const result = await simulate(seed + i, options);
    for (const name of FIGURES) total[name] += result[name];
    if (result.isLimited) limited++;
    if (result.violation !== undefined) failed++;
    if (result.violation !== undefined || values.trace) explain(result);
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(
    `${runs} runs from seed ${seed} in ${seconds} s: ${total.steps} turns, ${total.snapshots} snapshots, ` +
      `${total.voids} voids, ${total.events} events, ${total.applied} applied, ${limited} limited; ` +
      `${failed} violations\n`,
  );
  process.exitCode = failed > 0 ? 1 : 0;
}

function optionsOf(): Options {
  const { without, steps, trace } = values;
  if (without !== undefined && !CUT_RULES.some(({ name }) => name === without)) {
    refuse(`--without is one of ${CUT_RULES.map(({ name }) => name).join(', ')}`);
  }
  return {
    ...(steps === undefined ? {} : { steps: number('steps', steps) }),
    ...(without === undefined ? {} : { rules: CUT_RULES.filter(({ name }) => name !== without) }),
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
