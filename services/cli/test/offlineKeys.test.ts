// The search for offline keys is bounded; what it finds is in test/e2e/cli.test.ts.
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ledgerFolder, type LedgerFolder } from '../src/folder/ledgerFolder.ts';
import { demandNoneOf, demandNoOfflineKeys } from '../src/folder/offlineKeys.ts';

let place: string;
let folder: LedgerFolder;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'tidemark-'));
  folder = ledgerFolder(join(place, 'index'));
  await mkdir(folder.root);
});
afterEach(() => rm(place, { recursive: true }));

const keyText = (purpose: string, key = 'aa'): string =>
  JSON.stringify({ purpose, public: key, ciphertext: '' });
const put = async (path: string, text = ''): Promise<void> => {
  await mkdir(join(folder.root, path, '..'), { recursive: true });
  await writeFile(join(folder.root, path), text);
};

test('so many files and no more are looked at; the ledger’s documents and objects are not', async () => {
  for (let i = 1; i <= 5; i++) await put(`${i}`);
  for (let i = 1; i <= 20; i++) {
    await put(`metadata/${i}.bin-0a.json`, keyText('root-1'));
    await put(`objects/aa/${'a'.repeat(62)}${i + 10}`, keyText('root-1'));
    await put(`objects/.${crypto.randomUUID()}.part`, keyText('root-1'));
  }
  // With metadata, objects and objects/aa.
  expect(await demandNoOfflineKeys(folder, 8)).toEqual([]);
  await expect(demandNoOfflineKeys(folder, 7)).rejects.toMatchObject({
    code: 'keys.too_many_files',
  });
});

test.each(['7.bin-0a.json', 'a'.repeat(64)])('%s anywhere else is looked at', async (name) => {
  await put(`backup/${name}`, keyText('root-1'));
  await expect(demandNoOfflineKeys(folder)).rejects.toMatchObject({ code: 'keys.offline_inside' });
});

test('a link that leads out of the folder to everything is bounded, too', async () => {
  await symlink('/', join(folder.root, 'all'));
  await expect(demandNoOfflineKeys(folder, 500)).rejects.toMatchObject({
    code: 'keys.too_many_files',
  });
});

test.each([
  ['longer than a key file', keyText('root-1') + ' '.repeat(4096)],
  ['an array', `[${keyText('root-1')}]`],
  ['no JSON', 'root-1'],
  ['without a ciphertext', '{"purpose":"root-1","public":"aa"}'],
  ['empty', ''],
])('%s is no key', async (_, text) => {
  await put('file', text);
  expect(await demandNoOfflineKeys(folder)).toEqual([]);
});

test('keys of other purposes are told, and refused where they are named', async () => {
  await put('keys/timestamp.key.json', keyText('timestamp', 'bb'));
  const found = await demandNoOfflineKeys(folder);
  expect(found).toEqual([{ path: join(folder.keys, 'timestamp.key.json'), public: 'bb' }]);
  demandNoneOf(found, ['aa']);
  expect(() => demandNoneOf(found, ['aa', 'bb'])).toThrow('is an offline key');
});
