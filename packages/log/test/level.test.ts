/** The LevelDB adapter: the contract, its opening and its queue. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openLevelLogs } from '../src/index.ts';
import type { LevelLogsOptions, Logs } from '../src/index.ts';
import { logsContract, readAll } from '../src/contract.ts';

const root = await mkdtemp(join(tmpdir(), 'tidemark-log-'));
afterAll(() => rm(root, { recursive: true }));

let folders = 0;
const newFolder = (): string => join(root, `${folders++}`);
const places = new WeakMap<Logs, string>();

async function openAt(location: string, options: Partial<LevelLogsOptions> = {}): Promise<Logs> {
  const logs = await openLevelLogs(location, { partitions: 2, ...options });
  places.set(logs, location);
  return logs;
}

function contractWith(name: string, options: Partial<LevelLogsOptions>): void {
  logsContract(name, {
    open: () => openAt(newFolder(), options),
    reopen: (logs) => openAt(places.get(logs) ?? newFolder(), options),
  });
}

contractWith('LevelDB', {});
contractWith('LevelDB, all reads from disk', { tailBytesMax: 0, compression: false });
contractWith('LevelDB, a memory too small for the tail', { tailBytesMax: 100_000 });

const bytes = (size: number, fill = 1): Uint8Array => new Uint8Array(size).fill(fill);

describe('opening', () => {
  test('the number of partitions is fixed when the database is made', async () => {
    const place = newFolder();
    await (await openAt(place)).close();
    const refused = { name: 'OperatingFault', code: 'log.partitions' };
    await expect(openAt(place, { partitions: 4 })).rejects.toMatchObject(refused);
    await (await openAt(place)).close();
  });

  test('only one process can have it', async () => {
    const place = newFolder();
    await using logs = await openAt(place);
    const refused = { name: 'OperatingFault', code: 'log.locked' };
    await expect(openAt(place)).rejects.toMatchObject(refused);
    expect(await logs.events.append(0, [bytes(1)])).toBe(0);
  });
});

describe('the queue', () => {
  test('what does not fit is refused as busy, and was not stored', async () => {
    await using logs = await openAt(newFolder(), { queueBytesMax: 250_000 });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, (_, i) => logs.events.append(0, [bytes(60_000, i)])),
    );
    const accepted = outcomes.filter((outcome) => outcome.status === 'fulfilled');
    expect(accepted.map((outcome) => outcome.value)).toEqual([0, 1, 2, 3]);
    for (const outcome of outcomes.slice(4)) {
      expect(outcome).toMatchObject({ reason: { name: 'OperatingFault', code: 'log.busy' } });
    }
    expect((await readAll(logs.events, 0)).map((record) => record[0])).toEqual([0, 1, 2, 3]);
    expect(await logs.events.append(0, [bytes(60_000, 9)])).toBe(4);
  });

  test('an append larger than the queue is taken when nothing else waits', async () => {
    await using logs = await openAt(newFolder(), { queueBytesMax: 1000 });
    expect(await logs.events.append(0, [bytes(60_000)])).toBe(0);
  });
});

test('a read that starts before the tail in memory goes on into it', async () => {
  await using logs = await openAt(newFolder(), { tailBytesMax: 50_000, bytesPerChunk: 20_000 });
  const all = Array.from({ length: 200 }, (_, i) => bytes(1000, i));
  for (const record of all) await logs.events.append(0, [record]);
  const read = await readAll(logs.events, 0);
  expect(read.map((record) => record[0])).toEqual(all.map((record) => record[0]));
  expect(Math.max(...read.map((record) => record.length))).toBe(1000);
});
