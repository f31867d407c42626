/** Progress on a terminal and in a log. */
import { PassThrough } from 'node:stream';

import { expect, test } from 'vitest';

import { createProgress } from '../src/progress.ts';

function setUp(isTTY: boolean, total?: number, columns = 120) {
  const output = Object.assign(new PassThrough(), { isTTY, columns });
  const clock = { ms: 1000 };
  const progress = createProgress({
    label: 'importing',
    unit: 'targets',
    ...(total === undefined ? {} : { total }),
    output,
    now: () => clock.ms,
  });
  const written = (): string => (output.read() as Buffer | null)?.toString() ?? '';
  return { progress, clock, written };
}

test('a log gets a line every five seconds, with share, rate and time left', () => {
  const { progress, clock, written } = setUp(false, 60_000);
  for (const [ms, done] of [
    [2000, 100],
    [5999, 9000],
    [6000, 10_000],
    [6001, 10_001],
    [11_000, 30_000],
  ] as const) {
    clock.ms = ms;
    progress.update(done);
  }
  expect(written()).toBe(
    'importing [###-----------------] 16% 10,000 / 60,000 targets, 2,000/s, 25 s left\n' +
      'importing [##########----------] 50% 30,000 / 60,000 targets, 3,000/s, 10 s left\n',
  );
  clock.ms = 21_000;
  progress.update(60_000);
  written();
  progress.finish();
  expect(written()).toBe('importing: 60,000 targets in 20 s (3,000/s)\n');
});

test('a terminal gets one line, redrawn at most ten times a second and never wrapped', () => {
  const { progress, clock, written } = setUp(true, 1000, 40);
  clock.ms = 1050;
  progress.update(1);
  expect(written()).toBe('');
  clock.ms = 1100;
  progress.update(500);
  expect(written()).toBe('\r\u001b[Kimporting [##########----------] 50% 50');
});

test('the rate is that of the last seconds', () => {
  const { progress, clock, written } = setUp(true, 1_000_000, 200);
  for (let second = 1; second <= 30; second++) {
    clock.ms += 1000;
    progress.update(second <= 15 ? second * 10_000 : 150_000 + (second - 15) * 10);
  }
  expect(written().split('\r').at(-1)).toContain(', 10/s,');
});

test('an unknown total, with the share of the bytes or without', () => {
  const { progress, clock, written } = setUp(false);
  clock.ms = 6000;
  progress.update(500, 0.25);
  clock.ms = 200_000;
  progress.update(1000);
  progress.finish();
  expect(written()).toBe(
    'importing [#####---------------] 25% 500 targets, 100/s, 15 s left\n' +
      'importing 1,000 targets, 5/s, 3 min 19 s\n' +
      'importing: 1,000 targets in 3 min 19 s (5/s)\n',
  );
});

test('a failure half-way says how far it came', () => {
  const { progress, clock, written } = setUp(false, 10);
  progress.update(4);
  clock.ms = 1500;
  progress.finish();
  expect(written()).toBe('importing: 4 of 10 targets in 500 ms (8/s)\n');
});
