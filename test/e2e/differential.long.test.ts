// The same as differential.test.ts on very many repositories, others each time.
import { expect, test } from 'vitest';
import { tooRare } from '../differential/distribution.ts';
import { runDifferential } from '../differential/run.ts';
import { requireComponent } from '../support/component.ts';
import { providePythonTuf } from '../support/provision.ts';
import { seededRandom } from '../support/random.ts';

const CASES = 20_000;

await requireComponent('python-tuf', providePythonTuf, 'long differential', (interpreter) => {
  test('python-tuf says the same, or the difference is one that we mean', async () => {
    const { seed } = seededRandom('differential');
    const report = await runDifferential(interpreter, seed, { from: 0, to: CASES });
    expect(report.unexplained).toEqual([]);
    expect(tooRare(report, CASES)).toEqual([]);
  });
});
