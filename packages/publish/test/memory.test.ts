/** The store in memory: contract and injected faults. */
import { OperatingFault, fromUtf8, utf8 } from '@tidemark/canonical';
import { expect, test } from 'vitest';
import { memoryFiles, openMemory } from '../src/index.ts';
import type { Fault, MemoryFiles, PublicationStore } from '../src/index.ts';
import { publicationStoreContract } from '../src/contract.ts';

const filesOf = new WeakMap<PublicationStore, MemoryFiles>();

function openOn(files: MemoryFiles): Promise<PublicationStore> {
  const store = openMemory(files);
  filesOf.set(store, files);
  return Promise.resolve(store);
}

publicationStoreContract('memory', {
  open: () => openOn(memoryFiles()),
  reopen: (store) => openOn(filesOf.get(store) ?? memoryFiles()),
});

const io = expect.objectContaining({ code: 'publish.io' });

test('a failed write stores nothing, or stores and does not tell; repeating it is right either way', async () => {
  for (const fault of ['fail', 'fail-but-stored'] as const) {
    const files = memoryFiles();
    const plan: Fault[] = [fault, fault];
    const store = openMemory(files, () => plan.pop());
    const stored = fault === 'fail' ? [] : ['1.root.json', 'timestamp.json'];
    await expect(store.putImmutable('1.root.json', utf8('r'))).rejects.toThrow(io);
    await expect(store.advance('timestamp.json', 4, utf8('t'))).rejects.toThrow(io);
    expect(await store.list()).toEqual(stored);
    await store.putImmutable('1.root.json', utf8('r'));
    expect(await store.advance('timestamp.json', 4, utf8('t'))).toBe('advanced');
    expect(await store.list()).toEqual(['1.root.json', 'timestamp.json']);
  }
});

test('the plan is asked for every operation, with its name', async () => {
  const asked: string[] = [];
  const store = openMemory(memoryFiles(), (operation, name) => {
    asked.push(`${operation} ${name}`);
    return undefined;
  });
  await store.putImmutable('1.a.json', utf8('x'));
  await store.advance('b', 1, utf8('x'));
  await store.get('b');
  await store.list();
  await store.remove('1.a.json');
  expect(asked).toEqual(['put 1.a.json', 'advance b', 'get b', 'list ', 'remove 1.a.json']);
});

test('clients share the files, and none goes backwards', async () => {
  const files = memoryFiles();
  const [one, two] = [openMemory(files), openMemory(files)];
  expect(await one.advance('timestamp.json', 2, utf8('two'))).toBe('advanced');
  expect(await two.advance('timestamp.json', 1, utf8('one'))).toBe('behind');
  expect(fromUtf8((await two.get('timestamp.json')) ?? utf8(''))).toBe('two');
});

test('a crash cuts a client off, also from what it has under way; the others go on', async () => {
  const files = memoryFiles();
  const [one, two] = [openMemory(files), openMemory(files)];
  const late = one.putImmutable('a', utf8('x'));
  one.crash();
  await expect(late).rejects.toThrow(OperatingFault);
  await expect(one.get('a')).rejects.toThrow(expect.objectContaining({ code: 'publish.closed' }));
  expect(await two.list()).toEqual([]);
  await two.putImmutable('a', utf8('y'));
  expect(await two.list()).toEqual(['a']);
});
