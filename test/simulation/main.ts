// `npm run simulate -- --seed N --runs M`: simulated lives of a ledger from seed N on.
import '../support/require-node.mjs';
import { parseArgs } from 'node:util';
import { simulate, type Result } from './simulation.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    runs: { type: 'string', default: '100' },
    steps: { type: 'string' },
    trace: { type: 'boolean', default: false },
  },
});

async function main(): Promise<void> {
  const seed = number('seed', values.seed);
  const runs = number('runs', values.runs);
  const options = values.steps === undefined ? {} : { steps: number('steps', values.steps) };
  const total = { steps: 0, snapshots: 0, voids: 0, events: 0, applied: 0 };
  let failed = 0;
  for (let i = 0; i < runs; i++) {
    const result = await simulate(seed + i, options);
    for (const name of ['steps', 'snapshots', 'voids', 'events', 'applied'] as const) {
      total[name] += result[name];
    }
    if (result.violation !== undefined) {
      failed++;
      explain(result);
    } else if (values.trace) {
      process.stdout.write(`${result.end.join('\n')}\n${result.hash}\n`);
    }
  }
  const { user, system } = process.cpuUsage();
  const seconds = (user + system) / 1e6;
  const { steps, snapshots, voids, events, applied } = total;
  process.stdout.write(
    `${runs} runs from seed ${seed} in ${seconds.toFixed(1)} s: ${steps} turns, ${snapshots} snapshots, ` +
      `${voids} voids, ${events} events, ${applied} applied; ${failed} violations\n`,
  );
  process.exitCode = failed > 0 ? 1 : 0;
}

function explain({ seed, violation, end }: Result): void {
  process.stdout.write(
    `\nseed ${seed} breaks a rule\n  ${end.join('\n  ')}\n${violation!.message}\n`,
  );
  process.stdout.write(`again: npm run simulate -- --seed ${seed} --runs 1\n`);
}

function number(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  process.stderr.write(`--${name} is a whole number, not ${text}\n`);
  process.exit(2);
}

await main();
