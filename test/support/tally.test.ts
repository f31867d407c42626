// The sum under a test run: every way in which a run can fail shows in it.
import { expect, test } from 'vitest';
import { addTally, emptyTally, tallyReport } from './tally.ts';

const report = (...testResults: readonly object[]): string => JSON.stringify({ testResults });
const file = (status: string, ...tests: readonly string[]): object => ({
  name: 'a.test.ts',
  status,
  message: 'SyntaxError: x\n at y',
  assertionResults: tests.map((each) => ({ status: each, fullName: `it is ${each}` })),
});

test('counts and names tests by state', () => {
  const text = report(
    file('failed', 'passed', 'failed', 'pending'),
    file('passed', 'passed', 'todo'),
  );
  const tally = {
    passed: 2,
    failed: 1,
    skipped: 2,
    failures: ['a.test.ts: it is failed'],
    skips: ['a.test.ts: it is pending', 'a.test.ts: it is todo'],
  };
  expect(tallyReport('run', text, 1)).toEqual(tally);
  expect(addTally(tally, tally)).toMatchObject({ passed: 4, failed: 2, skipped: 4 });
});

test('a file that did not load is a failure', () => {
  expect(tallyReport('run', report(file('failed')), 1)).toMatchObject({
    failed: 1,
    failures: ['a.test.ts: did not load: SyntaxError: x'],
  });
});

test('an exit status without a failed test is a failure', () => {
  expect(tallyReport('run', report(file('passed', 'passed')), 1)).toMatchObject({
    passed: 1,
    failed: 1,
    failures: ['run: ended with 1 although no test failed'],
  });
  expect(tallyReport('run', undefined, 134)).toMatchObject({ passed: 0, failed: 1 });
  expect(tallyReport('run', report(), 0)).toEqual(emptyTally());
});
