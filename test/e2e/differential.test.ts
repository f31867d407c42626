// python-tuf and our client on made-up repositories and attacks on them: the same verdicts, or a difference that
// docs/client.md explains. TIDEMARK_SEED gives other cases than the usual ones.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeCase } from '../differential/cases.ts';
import { outline, tooRare } from '../differential/distribution.ts';
import { EXCUSES } from '../differential/excuses.ts';
import { runDifferential, type Report } from '../differential/run.ts';
import { requireComponent } from '../support/component.ts';
import { providePythonTuf } from '../support/provision.ts';

const CASES = 500;
const SEED = Number(process.env['TIDEMARK_SEED'] ?? 1);

await requireComponent('python-tuf', providePythonTuf, 'differential', (interpreter) => {
  let report: Report;
  beforeAll(async () => {
    const start = performance.now();
    report = await runDifferential(interpreter, SEED, { from: 0, to: CASES });
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    process.stdout.write(`${CASES} repositories in ${seconds} s, TIDEMARK_SEED=${SEED}\n`);
  });

  test('python-tuf says the same, or the difference is one that we mean', () => {
    expect(report.unexplained).toEqual([]);
  });

  test('attacks attack, honest repositories are accepted, and every excuse is needed', () => {
    expect(tooRare(report, CASES)).toEqual([]);
  });
});

describe('what is compared', () => {
  test('a seed is a case', () => {
    for (const index of [0, 7, 19]) {
      expect(outline(makeCase(SEED, index))).toEqual(outline(makeCase(SEED, index)));
    }
    expect(outline(makeCase(SEED, 0))).not.toEqual(outline(makeCase(SEED, 5)));
  });

  test('every difference is explained, and nothing else', async () => {
    const text = await readFile(join(import.meta.dirname, '../../docs/client.md'), 'utf8');
    const [, section = ''] = text.split('\n## Where it differs from python-tuf\n');
    const rows = section
      .split('\n## ')[0]!
      .split('\n')
      .filter((line) => line.startsWith('| '));
    const [, , ...explained] = rows.map((row) => row.split('|')[1]!.trim());
    expect(explained.toSorted()).toEqual(EXCUSES.map(({ name }) => name).toSorted());
  });
});
