/** Trust kept in files: byte for byte, whole or not at all, for one process at a time. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256Hex, utf8 } from '@tidemark/canonical';
import { afterAll, expect, test } from 'vitest';
import { trustStoreContract } from '../src/contract.ts';
import { openTrustFiles } from '../src/files.ts';
import { encodeRole } from '../src/names.ts';
import type { TrustStore } from '../src/ports.ts';
import { repository } from './repository.ts';

const folder = await mkdtemp(join(tmpdir(), 'tidemark-client-'));
afterAll(() => rm(folder, { recursive: true }));

const folders = new Map<TrustStore, string>();
const opened = async (directory: string): Promise<TrustStore> => {
  const store = await openTrustFiles(directory);
  folders.set(store, directory);
  return store;
};
trustStoreContract('files', {
  open: () => opened(join(folder, 'contract', String(folders.size))),
  reopen: (store) => opened(folders.get(store)!),
});

test('what is trusted lies there under the names of the roles, as it was served', async () => {
  const directory = join(folder, 'a', 'trusted');
  const repo = repository();
  const store = await openTrustFiles(directory);
  await (await repo.client({ store })).refresh();
  await store.close();
  const names = (await readdir(directory)).filter((name) => name.endsWith('.json'));
  expect(names.toSorted()).toEqual([
    'root.json',
    'snapshot.json',
    'targets.json',
    'timestamp.json',
  ]);
  const timestamp = repo.files.get('metadata/timestamp.json')!;
  expect(await readFile(join(directory, 'timestamp.json'))).toEqual(Buffer.from(timestamp));
});

test('a role’s name stays one file in the folder', async () => {
  const directory = join(folder, 'c');
  await withStore(directory, async (store) => {
    for (const role of ['../up', 'a/b', '.', '..', 'ü', '*', 'a%2Fb', 'x'.repeat(251)]) {
      await store.write(role, utf8(role));
    }
  });
  expect((await readdir(folder)).toSorted()).toEqual(['a', 'c', 'contract']);
  const files = (await readdir(directory)).filter((name) => !/^\.(lock|tmp)/.test(name));
  const long = `@${sha256Hex(utf8('x'.repeat(251)))}.json`;
  expect(new Set(files)).toEqual(
    new Set(
      ['..%2Fup', 'a%2Fb', '.', '..', '%C3%BC', '%2A', 'a%252Fb'].map((name) => `${name}.json`),
    ).add(long),
  );
});

test('what a crash left half written is not read', async () => {
  const directory = join(folder, 'd');
  await withStore(directory, (store) => store.write('root', utf8('whole')));
  await writeFile(join(directory, '.tmp', '0'), 'half');
  await withStore(directory, async (store) => {
    expect(await store.read('root')).toEqual(Buffer.from('whole'));
    expect(await store.read('timestamp')).toBeUndefined();
  });
  expect(await readdir(join(directory, '.tmp'))).toEqual([]);
});

test('a role’s name in a URL is what Python’s quote makes of it', () => {
  expect(encodeRole("a!'(b)* /é~")).toBe('a%21%27%28b%29%2A%20%2F%C3%A9~');
});

async function withStore(
  directory: string,
  act: (store: TrustStore) => Promise<unknown>,
): Promise<void> {
  const store = await openTrustFiles(directory);
  try {
    await act(store);
  } finally {
    await store.close();
  }
}
