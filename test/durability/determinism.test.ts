// The same logs give the same bytes: whatever the number of shards, the memory, the run (I5).
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../support/files.ts';
import { makeHistory, type History } from './history.ts';
import { differences, everythingServed, type Served } from './served.ts';
import { copyLedger, Server, makePassphraseFile, type ServeSettings } from './support.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let passphraseFile: string;
let history: History;
let recorded: Served;

beforeAll(async () => {
  folder = await temporaryFolder();
  passphraseFile = await makePassphraseFile(folder.path);
  history = await makeHistory(folder.path, { passphraseFile, shards: 2 });
  recorded = await servedFrom(history.ledger, { passphraseFile });
});
afterAll(() => folder[Symbol.asyncDispose]());

test('the history has a bit of everything', () => {
  const numbers = [...recorded.keys()].filter((path) => path.endsWith('.timestamp.json'));
  expect(numbers.length).toBeGreaterThan(20);
  const versions = [...recorded.keys()].filter((path) => path.endsWith('.bin-00.json'));
  // Changed by events, and renewed while nothing changed.
  expect(versions.length).toBeGreaterThan(15);
  expect([...recorded].filter(([, answer]) => answer.length !== 64)).toEqual([]);
});

test.each([
  { shards: 1, memory: '64K', run: 1 },
  { shards: 1, memory: '64K', run: 2 },
  { shards: 2, memory: '1G', run: 1 },
  { shards: 4, memory: '64K', run: 1 },
  { shards: 4, memory: '1G', run: 1 },
])('rebuilt from the logs by $shards shards in $memory, run $run', async (settings) => {
  const copy = join(folder.path, 'copy');
  await copyLedger(history.ledger, copy, ['state', 'metadata']);
  const rebuilt = await servedFrom(copy, { ...settings, passphraseFile });
  await rm(copy, { recursive: true });
  expect(differences(recorded, rebuilt)).toEqual([]);
});

async function servedFrom(ledger: string, settings: ServeSettings): Promise<Served> {
  await using server = new Server(ledger, settings);
  const timestamps = recorded === undefined ? 1 : newestOf(recorded);
  await server.ready(timestamps);
  const { paths, receipts } = history;
  return await everythingServed(server, { paths, receipts: receipts.slice(-200) });
}

function newestOf(served: Served): number {
  const numbers = Array.from(served.keys(), (path) =>
    Number(/\/(\d+)\.timestamp\.json$/.exec(path)?.[1] ?? 0),
  );
  return Math.max(...numbers);
}
