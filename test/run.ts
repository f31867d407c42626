// `npm test`: the static checks, then every suite; the last line is the sum, for people and for CI.
//   npm test -- FILTER…   only test files whose path contains a FILTER, without the static checks
//   npm test -- --long    also the suites named *.long.test.ts
import './support/require-node.mjs';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { addTally, emptyTally, tallyReport } from './support/tally.ts';
import type { Tally } from './support/tally.ts';

const { values: options, positionals: filters } = parseArgs({
  allowPositionals: true,
  options: { long: { type: 'boolean', default: false } },
});

const ROOT = join(import.meta.dirname, '..');

/** The parts of `npm run check` that are not tests. */
const CHECKS: readonly (readonly [name: string, ...command: readonly string[]])[] = [
  ['types', 'typescript/bin/tsc', '--noEmit'],
  ['lint', 'oxlint/bin/oxlint', '--type-aware', '--deny-warnings'],
  ['format', 'oxfmt/bin/oxfmt', '--check'],
];

/** A suite that hangs must not keep CI from saying so; --long has no such limit. */
const RUN_MS_MAX = 22 * 60_000;

/** Packages first: their suites are quick, and a system suite says little while one of them fails. */
const RUNS: readonly (readonly string[])[] = [['tidy', 'packages'], ['system']];

async function main(): Promise<void> {
  let total = emptyTally();
  if (filters.length === 0) {
    for (const [name, ...command] of CHECKS) total = addTally(total, await check(name, command));
  }
  for (const projects of options.long ? [...RUNS, ['long']] : RUNS) {
    total = addTally(total, await runSuites(projects));
  }
  printSummary(total);
  process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
}

async function check(name: string, command: readonly string[]): Promise<Tally> {
  const start = performance.now();
  const status = await runNode(command);
  const verdict = status === 0 ? 'ok' : 'FAILED';
  process.stdout.write(
    `${name}: ${verdict} (${((performance.now() - start) / 1000).toFixed(1)} s)\n`,
  );
  return status === 0
    ? { ...emptyTally(), passed: 1 }
    : { ...emptyTally(), failed: 1, failures: [`npm run check: ${name}`] };
}

async function runSuites(projects: readonly string[]): Promise<Tally> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-report-'));
  try {
    const file = join(folder, 'report.json');
    const status = await runNode([
      'vitest/vitest.mjs',
      'run',
      '--passWithNoTests',
      ...projects.flatMap((each) => ['--project', each]),
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
      ...filters,
    ]);
    const report = await readFile(file, 'utf8').catch(() => undefined);
    return tallyReport(`vitest ${projects.join(' ')}`, report, status);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function printSummary({ passed, failed, skipped, failures, skips }: Tally): void {
  const place = (each: string): string => each.replace(`${ROOT}/`, '');
  for (const each of failures) process.stdout.write(`FAILED  ${place(each)}\n`);
  if (skips.length > 0) {
    process.stdout.write(`\n${'!'.repeat(78)}\nNOT RUN, so this result says nothing about:\n`);
    for (const each of skips) process.stdout.write(`SKIPPED ${place(each)}\n`);
    process.stdout.write(`${'!'.repeat(78)}\n`);
  }
  if (passed === 0) process.stdout.write('No test passed, so this run has failed.\n');
  process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped} skipped\n`);
}

/** Runs a tool of node_modules with this same Node; resolves to its exit status, 1 for a signal. */
async function runNode(command: readonly string[]): Promise<number> {
  const [tool = '', ...args] = command;
  const script = join(ROOT, 'node_modules', tool);
  const child = spawn(process.execPath, [script, ...args], { cwd: ROOT, stdio: 'inherit' });
  const stop = (): boolean => child.kill();
  const overdue = setTimeout(
    () => {
      process.stdout.write(`${tool}: stopped after ${RUN_MS_MAX / 60_000} minutes\n`);
      stop();
      setTimeout(() => child.kill('SIGKILL'), 10_000).unref();
    },
    options.long ? 2 ** 31 - 1 : RUN_MS_MAX,
  );
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', reject).on('close', (code) => resolve(code ?? 1));
    });
  } finally {
    clearTimeout(overdue);
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

await main();
