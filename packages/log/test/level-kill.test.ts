/** Processes killed while they append: what they were told is stored is there. */

import { spawn } from 'node:child_process';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openLevelLogs } from '../src/index.ts';
import type { Topic } from '../src/index.ts';
import { readAll } from '../src/contract.ts';

// I1, no acknowledged event lost, at the lowest level.
test('ten times killed while appending, no acknowledged record is lost or changed', async () => {
  const root = await mkdtemp(join(tmpdir(), 'tidemark-kill-'));
  const location = join(root, 'logs');
  const acknowledged = new Map<string, Map<number, string>>();
  for (let run = 0; run < 10; run++) {
    const output = join(root, `${run}.txt`);
    await appendAndKill(location, run, output);
    const lines = (await readFile(output, 'utf8')).split('\n').slice(1, -1);
    expect(lines.length).toBeGreaterThan(10);
    for (const line of lines) {
      const [topic, partition, offset, text] = line.split(' ');
      const lane = `${topic} ${partition}`;
      const records = acknowledged.get(lane) ?? new Map<number, string>();
      acknowledged.set(lane, records);
      expect(records.has(Number(offset))).toBe(false);
      records.set(Number(offset), text ?? '');
    }
  }

  const logs = await openLevelLogs(location, { partitions: 2, tailBytesMax: 0 });
  let lost = 0;
  for (const [lane, records] of acknowledged) {
    const [topic, partition] = lane.split(' ') as [Topic, string];
    const found = await readAll(logs[topic], Number(partition));
    for (const [offset, text] of records) {
      if (new TextDecoder().decode(found[offset]) !== text) lost += 1;
    }
  }
  expect(lost).toBe(0);
  expect([...acknowledged.keys()].sort()).toEqual([
    'control 0',
    'events 0',
    'events 1',
    'leaves 1',
  ]);
  await logs.close();
  await rm(root, { recursive: true });
});

/** A file instead of a pipe: what the child has written is there even if nobody reads yet. */
async function appendAndKill(location: string, run: number, output: string): Promise<void> {
  const file = await open(output, 'w');
  const script = new URL('./fixtures/appender.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, location, `${run}`], {
    stdio: ['ignore', file.fd, 'inherit'],
  });
  const exited = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  // At a random moment, but not before there is something to lose, however slow the machine is.
  while ((await readFile(output, 'utf8')).split('\n').length < 15) await sleep(5);
  await sleep(5 + 25 * run);
  child.kill('SIGKILL');
  expect(await exited).toBe('SIGKILL');
  await file.close();
}
