// A ledger's folder is made whole or not at all.
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { planLedger } from '../src/folder/ceremony.ts';
import { createLedger, ledgerFolder, readLedgerFile } from '../src/folder/ledgerFolder.ts';

const plan = planLedger(
  { name: 'index', bins: 2, partitions: 1, delegation: 'succinct' },
  randomBytes,
  0,
);
let place: string;
let directory: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'tidemark-'));
  directory = join(place, 'index');
});
afterEach(() => rm(place, { recursive: true }));
const create = (at = directory): Promise<void> =>
  createLedger(at, join(place, 'offline'), plan, 'passphrase', randomBytes);

test('what came to its place meanwhile stays, and nothing else does', async () => {
  await mkdir(directory);
  await writeFile(join(directory, 'file'), '');
  await expect(create()).rejects.toMatchObject({ name: 'RejectedInput', code: 'init.exists' });
  expect(await readdir(place, { recursive: true })).toEqual(['index', 'index/file']);
});

test('where it cannot be moved to its place, nothing stays', async () => {
  await writeFile(directory, 'a file');
  await expect(create()).rejects.toMatchObject({ name: 'OperatingFault', code: 'init.place' });
  await expect(create(join(directory, 'below'))).rejects.toMatchObject({ code: 'init.place' });
  expect(await readdir(place)).toEqual(['index']);
});

test('what a crash left is removed', async () => {
  await mkdir(join(place, '.index.making', 'keys'), { recursive: true });
  await writeFile(join(place, '.index.making', 'keys', 'timestamp.key.json'), 'half');
  await create();
  expect(await readdir(place)).toEqual(['index']);
  expect(await readLedgerFile(ledgerFolder(directory))).toMatchObject({ name: 'index' });
});

const FILE = {
  format: 1,
  name: 'index',
  ledger: 'ab'.repeat(16),
  partitions: 4,
  offline_keys: '/media/usb/keys',
};

test('ledger.json is read as it was written', async () => {
  await mkdir(directory);
  await writeFile(join(directory, 'ledger.json'), JSON.stringify(FILE));
  expect(await readLedgerFile(ledgerFolder(directory))).toEqual(FILE);
});

test.each<[string, string]>([
  ['', 'ledger.damaged'],
  ['[]', 'ledger.damaged'],
  ['null', 'ledger.damaged'],
  ['{"format":1', 'ledger.damaged'],
  ['{"format":1}', 'ledger.damaged'],
  [JSON.stringify({ ...FILE, format: '2' }), 'ledger.damaged'],
  [JSON.stringify({ ...FILE, partitions: '4' }), 'ledger.damaged'],
  [JSON.stringify({ ...FILE, partitions: 1e9 }), 'ledger.damaged'],
  [JSON.stringify({ ...FILE, more: 1 }), 'ledger.damaged'],
  ['{"format":2,"else":1}', 'ledger.format'],
])('a ledger.json of %j is a fault: %s', async (text, code) => {
  await mkdir(directory);
  await writeFile(join(directory, 'ledger.json'), text);
  const read = readLedgerFile(ledgerFolder(directory));
  await expect(read).rejects.toMatchObject({ name: 'OperatingFault', code });
});

test('where there is none it is absent; one that cannot be read is a fault', async () => {
  const read = (at: string): Promise<unknown> => readLedgerFile(ledgerFolder(at));
  await expect(read(directory)).rejects.toMatchObject({ code: 'ledger.absent' });
  await mkdir(join(directory, 'ledger.json'), { recursive: true });
  await expect(read(directory)).rejects.toMatchObject({ code: 'file.read' });
});
