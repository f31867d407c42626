// Adds up vitest's JSON reports. A report can lie by omission (a file that failed to load has no tests,
// an error outside tests has no entry), so the exit status and the files' states count as well.

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** One line for each failure: file and full name. */
  readonly failures: readonly string[];
  /** One line for each skipped test: file and full name. */
  readonly skips: readonly string[];
}

export function emptyTally(): Tally {
  return { passed: 0, failed: 0, skipped: 0, failures: [], skips: [] };
}

export function addTally(a: Tally, b: Tally): Tally {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
    failures: [...a.failures, ...b.failures],
    skips: [...a.skips, ...b.skips],
  };
}

/**
 * @param name of the run, for failures that belong to no test
 * @param report text of vitest's JSON report, undefined when none was written
 * @param status vitest's exit status
 */
export function tallyReport(name: string, report: string | undefined, status: number): Tally {
  if (report === undefined) return failure(`${name}: ended with ${status} and wrote no report`);
  let total = emptyTally();
  for (const file of (JSON.parse(report) as VitestReport).testResults) {
    const tally = tallyFile(file);
    const unexplained = file.status === 'failed' && tally.failed === 0;
    const why = (file.message ?? '').split('\n')[0];
    total = addTally(total, tally);
    if (unexplained) total = addTally(total, failure(`${file.name}: did not load: ${why}`));
  }
  return status !== 0 && total.failed === 0
    ? addTally(total, failure(`${name}: ended with ${status} although no test failed`))
    : total;
}

interface VitestReport {
  readonly testResults: readonly VitestFile[];
}

interface VitestFile {
  readonly name: string;
  readonly status: string;
  readonly message?: string;
  readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
}

function tallyFile(file: VitestFile): Tally {
  const named = (wanted: (status: string) => boolean): string[] =>
    file.assertionResults
      .filter(({ status }) => wanted(status))
      .map(({ fullName }) => `${file.name}: ${fullName}`);
  const failures = named((status) => status === 'failed');
  const skips = named((status) => status !== 'passed' && status !== 'failed');
  const passed = file.assertionResults.length - failures.length - skips.length;
  return { passed, failed: failures.length, skipped: skips.length, failures, skips };
}

function failure(line: string): Tally {
  return { ...emptyTally(), failed: 1, failures: [line] };
}
