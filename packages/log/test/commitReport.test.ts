/** What LevelDB's adapter tells of each group of appends: what shared an fsync, and what failed. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { OperatingFault } from '@tidemark/canonical';
import { commitReport } from '../src/commitReport.ts';
import { openLevelLogs, type CommitReport } from '../src/index.ts';

const bytes = (size: number): Uint8Array => new Uint8Array(size).fill(1);

test('appends that wait together are one report, whatever their topic', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-log-'));
  const reports: CommitReport[] = [];
  let clock = 0;
  await using logs = await openLevelLogs(folder, {
    partitions: 2,
    now: () => (clock += 5),
    onCommit: (report) => reports.push(report),
  });
  await Promise.all([
    logs.events.append(0, [bytes(10), bytes(20)]),
    logs.leaves.append(1, [bytes(30)]),
  ]);
  await logs.control.append(0, [bytes(1)]);
  expect(reports).toEqual([
    { appends: 2, records: 3, bytes: 60, ms: 5, code: undefined },
    { appends: 1, records: 1, bytes: 1, ms: 5, code: undefined },
  ]);
  await logs.close();
  await rm(folder, { recursive: true });
});

test.each([
  [new OperatingFault('log.full', 'no space left'), 'log.full'],
  [new TypeError('a defect'), 'program.defect'],
])('a group that failed with %s has the code %s', (failure, code) => {
  expect(commitReport([{ records: [bytes(4)] }], 2, failure)).toEqual({
    appends: 1,
    records: 1,
    bytes: 4,
    ms: 2,
    code,
  });
});
