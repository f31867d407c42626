// Many simulated lives on all cores: threads that are given a few seeds at a time.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Edit } from './edit.ts';
import { sumOf } from './tally.ts';
import type { Answer, Task } from './thread.ts';

const SEEDS_AT_ONCE = 25;
/** Short-lived objects are nearly all there are: with this much room few of them are ever copied. */
const YOUNG_MB = 64;

/**
 * Runs a task's seeds; the results are in their order, whatever the number of threads.
 * @param edits what the threads run in place of the sources
 */
export async function simulateMany(
  task: Task,
  threads: number = availableParallelism(),
  edits: readonly Edit[] = [],
): Promise<Answer> {
  const tasks: Task[] = [];
  const end = task.from + task.runs;
  for (let from = task.from; from < end; from += SEEDS_AT_ONCE) {
    tasks.push({ ...task, from, runs: Math.min(SEEDS_AT_ONCE, end - from) });
  }
  const answers = await simulateEach(tasks, threads, edits);
  return {
    runs: answers.reduce((sum, { runs }) => sum + runs, 0),
    tally: sumOf(answers.map(({ tally }) => tally)),
    results: answers.flatMap(({ results }) => results),
  };
}

/** Runs tasks, each in one thread; after one that ends at what it has found none is begun. */
export async function simulateEach(
  tasks: readonly Task[],
  threads: number = availableParallelism(),
  edits: readonly Edit[] = [],
): Promise<Answer[]> {
  const answers: Answer[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    const thread = startThread(edits);
    try {
      while (next < tasks.length) {
        const at = next++;
        const answer = await ask(thread, tasks[at]!);
        answers[at] = answer;
        const { until } = tasks[at]!;
        const isFound = answer.results.some(({ violation }) => until?.includes(violation!.rule));
        if (isFound) next = tasks.length;
      }
    } finally {
      await thread.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(threads, tasks.length) }, work));
  return answers;
}

/** A thread with modules and memory of its own. */
function startThread(edits: readonly Edit[]): Worker {
  return new Worker(new URL('./thread.ts', import.meta.url), {
    // What the tests' own process was started with is none of its business.
    execArgv: [],
    workerData: edits,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
}

async function ask(thread: Worker, task: Task): Promise<Answer> {
  return new Promise((resolve, reject) => {
    thread.once('error', reject);
    thread.once('message', (answer: Answer) => {
      thread.off('error', reject);
      resolve(answer);
    });
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has none
    thread.postMessage(task);
  });
}
