// python-tuf's verdicts on many cases, all by one process, which is told of each as it is made.
import { join } from 'node:path';
import { runPython } from '../clients/python.ts';
import type { Case } from './cases.ts';
import { ROOTS_MAX } from './delegations.ts';
import type { Verdict } from './verdict.ts';

const SCRIPT = join(import.meta.dirname, 'python-tuf.py');
const FAULT = -1;
const ENDLESS = -2;

/** @param interpreter from providePythonTuf */
export async function theirVerdicts(
  interpreter: string,
  cases: AsyncIterable<Case>,
): Promise<Verdict[][]> {
  const output = await runPython(interpreter, [SCRIPT], linesOf(cases));
  const lines = output.trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Verdict[]);
}

async function* linesOf(cases: AsyncIterable<Case>): AsyncGenerator<string> {
  for await (const each of cases) yield `${lineOf(each)}\n`;
}

/** A case as JSON; the same bytes in several visits are written once. */
function lineOf({ root, visits }: Case): string {
  const blobs: string[] = [];
  const known = new Map<string, number>();
  const indexOf = (bytes: Uint8Array): number => {
    const blob = Buffer.from(bytes).toString('base64');
    const index = known.get(blob) ?? blobs.length;
    if (index === blobs.length) known.set(blob, blobs.push(blob) - 1);
    return index;
  };
  const asked = visits.map(({ now, files, paths }) => ({
    now,
    paths,
    files: [...files].map(([name, served]) => [
      name,
      served === 'fault' ? FAULT : served === 'endless' ? ENDLESS : indexOf(served),
    ]),
  }));
  const first = indexOf(root);
  return JSON.stringify({ roots: ROOTS_MAX, root: first, blobs, visits: asked });
}
