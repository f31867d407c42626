// A thread of simulated lives: it is sent seeds and answers with what came of them.
//
// What it may run edited is loaded only after the edits are in place.
import { parentPort, workerData } from 'node:worker_threads';
import { installEdits, type Edit } from './edit.ts';
import type { Options, Result } from './simulation.ts';
import type { Tally } from './tally.ts';

/** Consecutive seeds. */
export interface Task {
  readonly from: number;
  readonly runs: number;
  /** Ends at the first violation of one of these. */
  readonly until?: readonly string[];
  readonly steps?: number;
  readonly often?: readonly string[];
  readonly policy?: NonNullable<Options['policy']>;
  readonly ending?: NonNullable<Options['ending']>;
  readonly lines?: number;
  /** A rule of cuts that is left out. */
  readonly without?: string;
}

export interface Answer {
  readonly runs: number;
  readonly tally: Tally;
  /** Those that broke a rule; of a task with `lines`, all. */
  readonly results: readonly Result[];
}

installEdits(workerData as readonly Edit[]);
const { CUT_RULES } = await import('@tidemark/ledger');
const { simulate } = await import('./simulation.ts');
const { sumOf } = await import('./tally.ts');

parentPort!.on('message', (task: Task) => {
  void answer(task).then((result) => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has none
    parentPort!.postMessage(result);
  });
});

async function answer({ from, runs, until, without, ...rest }: Task): Promise<Answer> {
  const rules = CUT_RULES.filter(({ name }) => name !== without);
  const options = { ...rest, ...(without === undefined ? {} : { rules }) };
  const tallies: Tally[] = [];
  const results: Result[] = [];
  for (let i = 0; i < runs; i++) {
    const result = await simulate(from + i, options);
    tallies.push(result.tally);
    if (result.violation !== undefined || rest.lines !== undefined) results.push(result);
    if (until?.includes(result.violation?.rule ?? '') === true) break;
  }
  return { runs: tallies.length, tally: sumOf(tallies), results };
}
