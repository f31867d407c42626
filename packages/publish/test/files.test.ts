/** The store in files: contract, locks, full disks. */
import { BrokenInvariant, OperatingFault, fromUtf8, utf8 } from '@tidemark/canonical';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openFiles } from '../src/index.ts';
import type { PublicationStore } from '../src/index.ts';
import { publicationStoreContract } from '../src/contract.ts';
import { faultyFileSystem, systemError } from './faulty.ts';

let parent = '';
let folders = 0;
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'publish-'));
});
afterAll(() => rm(parent, { recursive: true }));
const newFolder = (): string => join(parent, `store-${folders++}`, 'in', 'some', 'depth');

const folderOf = new WeakMap<PublicationStore, string>();

async function openIn(folder: string): Promise<PublicationStore> {
  const store = await openFiles(folder);
  folderOf.set(store, folder);
  return store;
}

publicationStoreContract('files', {
  open: () => openIn(newFolder()),
  reopen: (store) => openIn(folderOf.get(store) ?? newFolder()),
});

async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    if (error instanceof OperatingFault || error instanceof BrokenInvariant) return error.code;
    throw error;
  }
  return 'resolved';
}

test('files lie under their names, with nothing around the bytes', async () => {
  const folder = newFolder();
  await using store = await openIn(folder);
  await store.putImmutable('tile/0/000', Uint8Array.of(1, 2, 3));
  await store.advance('timestamp.json', 1, utf8('{}'));
  expect([...(await readFile(join(folder, 'tile/0/000')))]).toEqual([1, 2, 3]);
  expect(await readFile(join(folder, 'timestamp.json'), 'utf8')).toBe('{}');
});

describe('the lock', () => {
  test('a folder is open once; after closing it can be opened again', async () => {
    const folder = newFolder();
    const store = await openIn(folder);
    expect(await codeOf(openFiles(folder))).toBe('publish.locked');
    await store.putImmutable('a', utf8('x'));
    await store.close();
    await using again = await openIn(folder);
    expect(await again.list()).toEqual(['a']);
    expect(await codeOf(openFiles(folder))).toBe('publish.locked');
  });

  test('a living process keeps it, a killed one does not', async () => {
    const folder = newFolder();
    const url = new URL('../src/index.ts', import.meta.url).href;
    const script = `
      const { openFiles } = await import(${JSON.stringify(url)});
      globalThis.store = await openFiles(${JSON.stringify(folder)});
      console.log('open');
      setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ['--input-type=module', '-e', script]);
    await once(holder.stdout, 'data');
    expect(await codeOf(openFiles(folder))).toBe('publish.locked');
    holder.kill('SIGSTOP');
    expect(await codeOf(openFiles(folder))).toBe('publish.locked');
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    await using store = await openIn(folder);
    expect(await store.list()).toEqual([]);
  });

  test('of many who find a dead holder’s lock, one gets it', async () => {
    const folder = newFolder();
    for (let round = 0; round < 20; round++) {
      const racers = await Promise.allSettled(Array.from({ length: 8 }, () => openFiles(folder)));
      const winners = racers.flatMap((it) => (it.status === 'fulfilled' ? [it.value] : []));
      expect(winners.length).toBe(1);
      await winners[0]?.close();
    }
    // Only the last holder's remains: numbers go on from there.
    const left = (await readdir(folder)).filter((name) => name.startsWith('.lock'));
    expect(left).toEqual(['.lock.20']);
  });
});

describe('faults of the file system', () => {
  /** A store on which every effect matching `where` fails with `code` while `on` is set. */
  async function openFaulty(code: string, where: RegExp) {
    const folder = newFolder();
    const fault = { on: false, hits: 0 };
    const fs = faultyFileSystem((effect) => {
      if (!fault.on || !where.test(effect)) return;
      fault.hits++;
      throw systemError(code, effect);
    });
    const store = await openFiles(folder, { fs });
    await store.advance('timestamp.json', 1, utf8('one'));
    fault.on = true;
    return { store, folder, fault };
  }

  test.each(['ENOSPC', 'EDQUOT'])(
    '%s is publish.full; nothing stays; later it works',
    async (code) => {
      const { store, folder, fault } = await openFaulty(code, /write the second half/);
      expect(await codeOf(store.putImmutable('1.a.json', utf8('abc')))).toBe('publish.full');
      expect(await codeOf(store.advance('timestamp.json', 2, utf8('two')))).toBe('publish.full');
      expect(fault.hits).toBe(2);
      expect(await store.list()).toEqual(['timestamp.json']);
      expect(fromUtf8((await store.get('timestamp.json')) ?? utf8(''))).toBe('one');
      expect(await readdir(join(folder, '.tmp'))).toEqual([]);
      fault.on = false;
      await store.putImmutable('1.a.json', utf8('abc'));
      expect(await store.advance('timestamp.json', 2, utf8('two'))).toBe('advanced');
      await store.close();
    },
  );

  // Every kind of effect: none may be dropped, above all not the sync of a folder.
  test.each([
    ['mkdir', /^mkdir new$/],
    ['create', /^create/],
    ['write', /^write/],
    ['sync of the file', /^sync \d+$/],
    ['rename', /^rename/],
    ['sync of the new folder’s parent', /^sync depth$/],
    ['sync of the folder', /^sync new$/],
  ])('EIO in %s is reported, and repeating completes it', async (_, where) => {
    const { store, fault } = await openFaulty('EIO', where);
    expect(await codeOf(store.putImmutable('new/1.a.json', utf8('abc')))).toBe('publish.io');
    expect(await codeOf(store.advance('new/checkpoint', 1, utf8('abc')))).toBe('publish.io');
    expect(fault.hits).toBe(2);
    const hits = fault.hits;
    expect(await codeOf(store.putImmutable('new/1.a.json', utf8('abc')))).toBe('publish.io');
    expect(fault.hits).toBe(hits + 1);
    fault.on = false;
    await store.putImmutable('new/1.a.json', utf8('abc'));
    expect(await store.advance('new/checkpoint', 1, utf8('abc'))).toBe('advanced');
    expect(await store.list()).toEqual(['new/1.a.json', 'new/checkpoint', 'timestamp.json']);
    await store.close();
  });

  test('a failed rename after the version was written: the old file stays, the version is not reused', async () => {
    const folder = newFolder();
    const store = await openFiles(folder);
    await store.advance('timestamp.json', 1, utf8('one'));
    await store.close();
    // The first of the two renames is the version's.
    let renames = 0;
    const fs = faultyFileSystem((effect) => {
      if (effect === 'rename timestamp.json' && ++renames === 2) throw systemError('EIO', effect);
    });
    const faulty = await openFiles(folder, { fs });
    expect(await codeOf(faulty.advance('timestamp.json', 2, utf8('two')))).toBe('publish.io');
    expect(fromUtf8((await faulty.get('timestamp.json')) ?? utf8(''))).toBe('one');
    expect(await codeOf(faulty.advance('timestamp.json', 2, utf8('TWO')))).toBe('publish.conflict');
    expect(await faulty.advance('timestamp.json', 1, utf8('one'))).toBe('behind');
    expect(await faulty.advance('timestamp.json', 2, utf8('two'))).toBe('advanced');
    expect(fromUtf8((await faulty.get('timestamp.json')) ?? utf8(''))).toBe('two');
    await faulty.close();
  });

  test('opening reports faults too, and leaves no lock behind', async () => {
    const folder = newFolder();
    const fs = faultyFileSystem((effect) => {
      if (effect === 'mkdir .tmp') throw systemError('EROFS', effect);
    });
    expect(await codeOf(openFiles(folder, { fs }))).toBe('publish.io');
    await using store = await openIn(folder);
    expect(await store.list()).toEqual([]);
  });
});

describe('what others did to the folder', () => {
  test('a published file that was altered is written anew by repeating the advance', async () => {
    const folder = newFolder();
    await using store = await openIn(folder);
    await store.advance('timestamp.json', 1, utf8('one'));
    await writeFile(join(folder, 'timestamp.json'), 'torn');
    expect(await store.advance('timestamp.json', 1, utf8('one'))).toBe('advanced');
    expect(fromUtf8((await store.get('timestamp.json')) ?? utf8(''))).toBe('one');
  });

  test.each(['', '{', 'null', '[]', '{"version":"1","sha256":""}'])(
    'a damaged version halts: %j',
    async (text) => {
      const folder = newFolder();
      await using store = await openIn(folder);
      await store.advance('timestamp.json', 1, utf8('one'));
      await writeFile(join(folder, '.versions', 'timestamp.json'), text);
      expect(await codeOf(store.advance('timestamp.json', 2, utf8('two')))).toBe('publish.damaged');
      expect(fromUtf8((await store.get('timestamp.json')) ?? utf8(''))).toBe('one');
    },
  );

  test('a file whose version is lost is adopted if equal, and a conflict if not', async () => {
    const folder = newFolder();
    const store = await openIn(folder);
    await store.advance('timestamp.json', 1, utf8('one'));
    await store.close();
    await rm(join(folder, '.versions'), { recursive: true });
    await using again = await openIn(folder);
    expect(await codeOf(again.advance('timestamp.json', 2, utf8('two')))).toBe('publish.conflict');
    expect(await again.advance('timestamp.json', 1, utf8('one'))).toBe('advanced');
    expect(await again.advance('timestamp.json', 2, utf8('two'))).toBe('advanced');
  });
});
