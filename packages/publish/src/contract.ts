/**
 * What every adapter of the port must do, as one suite of tests. An adapter's test calls
 * `publicationStoreContract` with a way to open it.
 */

import {
  BrokenInvariant,
  OperatingFault,
  RejectedInput,
  fromUtf8,
  utf8,
} from '@tidemark/canonical';
import { describe, expect, test } from 'vitest';
import type { PublicationStore } from './store.ts';

export interface PublicationStoreFactory {
  /** A new, empty store; the suite closes it. */
  open(): Promise<PublicationStore>;
  /** Opens again, in a new handle, what `store` stored; `store` was closed before. */
  reopen(store: PublicationStore): Promise<PublicationStore>;
}

export function publicationStoreContract(name: string, factory: PublicationStoreFactory): void {
  describe(`the contract of publication stores: ${name}`, () => {
    describe('immutable names', () => immutableNames(factory));
    describe('advancing names', () => advancingNames(factory));
    describe('names', () => names(factory));
    describe('retention', () => retention(factory));
    describe('close', () => closes(factory));
  });
}

function immutableNames(factory: PublicationStoreFactory): void {
  test('hold what was put, however deep, also after opening again', async () => {
    const files = new Map([
      ['1.root.json', utf8('{}')],
      ['tile/0/x001/067', Uint8Array.from({ length: 8192 }, (_, i) => i % 251)],
      ['tile/0/x001/068.p/3', new Uint8Array()],
      ['metadata/%C3%A9/a~b+c@d=_.json', Uint8Array.of(0, 255, 10, 13)],
    ]);
    const store = await factory.open();
    for (const [name, bytes] of files) await store.putImmutable(name, bytes);
    await store.close();
    await using again = await factory.reopen(store);
    for (const [name, bytes] of files) expect(bytesOf(await again.get(name))).toEqual(bytes);
    expect(await again.list()).toEqual([...files.keys()].sort());
  });

  test('may be put again with equal bytes, never with others', async () => {
    await using store = await factory.open();
    await store.putImmutable('a', utf8('one'));
    await store.putImmutable('a', utf8('one'));
    await refused(store.putImmutable('a', utf8('two')), BrokenInvariant, 'publish.conflict');
    await refused(store.putImmutable('a', utf8('')), BrokenInvariant, 'publish.conflict');
    expect(await textOf(store, 'a')).toBe('one');
  });

  test('of two at once with other bytes one wins, and the other halts', async () => {
    await using store = await factory.open();
    const puts = await Promise.allSettled(
      ['x', 'y'].map((it) => store.putImmutable('a', utf8(it))),
    );
    const won = puts.findIndex(({ status }) => status === 'fulfilled');
    expect(puts.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await textOf(store, 'a')).toBe(['x', 'y'][won]);
  });

  test('the caller’s buffer may be used again', async () => {
    await using store = await factory.open();
    const bytes = utf8('one');
    await store.putImmutable('a', bytes);
    bytes.fill(0);
    expect(await textOf(store, 'a')).toBe('one');
    (await store.get('a'))?.fill(0);
    expect(await textOf(store, 'a')).toBe('one');
  });
}

function advancingNames(factory: PublicationStoreFactory): void {
  test('follow the highest version, never backwards, also after opening again', async () => {
    const store = await factory.open();
    expect(await store.advance('timestamp.json', 3, utf8('three'))).toBe('advanced');
    expect(await store.advance('timestamp.json', 2, utf8('two'))).toBe('behind');
    expect(await textOf(store, 'timestamp.json')).toBe('three');
    expect(await store.advance('timestamp.json', 7, utf8('seven'))).toBe('advanced');
    await store.close();
    await using again = await factory.reopen(store);
    expect(await again.advance('timestamp.json', 3, utf8('three'))).toBe('behind');
    expect(await again.advance('timestamp.json', 6, utf8('six'))).toBe('behind');
    expect(await textOf(again, 'timestamp.json')).toBe('seven');
    expect(await again.advance('timestamp.json', 8, utf8('eight'))).toBe('advanced');
    expect(await textOf(again, 'timestamp.json')).toBe('eight');
    expect(await again.list()).toEqual(['timestamp.json']);
  });

  test('a version has one content', async () => {
    await using store = await factory.open();
    expect(await store.advance('log/checkpoint', 0, utf8('empty'))).toBe('advanced');
    expect(await store.advance('log/checkpoint', 0, utf8('empty'))).toBe('advanced');
    const other = store.advance('log/checkpoint', 0, utf8('other'));
    await refused(other, BrokenInvariant, 'publish.conflict');
    expect(await textOf(store, 'log/checkpoint')).toBe('empty');
  });

  test('a new version may have the old content, and the version counts', async () => {
    await using store = await factory.open();
    await store.advance('a', 1, utf8('same'));
    expect(await store.advance('a', 2, utf8('same'))).toBe('advanced');
    expect(await store.advance('a', 1, utf8('same'))).toBe('behind');
  });

  test('many at once leave the highest', async () => {
    await using store = await factory.open();
    const versions = Array.from({ length: 20 }, (_, i) => (i * 7) % 20);
    await Promise.all(versions.map((n) => store.advance('a', n, utf8(`v${n}`))));
    expect(await textOf(store, 'a')).toBe('v19');
  });

  test('a name is immutable or advancing, not both', async () => {
    await using store = await factory.open();
    await store.putImmutable('a', utf8('one'));
    await refused(store.advance('a', 9, utf8('nine')), BrokenInvariant, 'publish.conflict');
    await store.advance('b', 1, utf8('one'));
    await refused(store.putImmutable('b', utf8('two')), BrokenInvariant, 'publish.conflict');
    expect([await textOf(store, 'a'), await textOf(store, 'b')]).toEqual(['one', 'one']);
  });

  test.each([-1, 1.5, Number.NaN, 2 ** 53])('%d is no version', async (version) => {
    await using store = await factory.open();
    await refused(store.advance('a', version, utf8('x')), BrokenInvariant, 'publish.version');
    expect(await store.list()).toEqual([]);
  });
}

/** Every one of these, taken as a path, leads outside or to what an adapter keeps for itself. */
const UNSAFE = [
  '',
  '.',
  '..',
  '../a',
  'a/../../b',
  'a/..',
  'a/./b',
  '/a',
  'a/',
  'a//b',
  '.lock.1',
  '.tmp/0',
  '.versions/a',
  'a/.b',
  'a\\b',
  '..\\a',
  'C:a',
  'a\0b',
  'a\nb',
  'a b',
  'é',
  '-a',
  'a?b',
  'a#b',
  'x'.repeat(241),
  Array.from({ length: 17 }, () => 'a').join('/'),
  ['x', 'y', 'z'].map((it) => it.repeat(200)).join('/'),
];

function names(factory: PublicationStoreFactory): void {
  test('what could lead elsewhere is refused by every method', async () => {
    await using store = await factory.open();
    for (const name of UNSAFE) {
      const bytes = utf8('x');
      const calls = [
        () => store.putImmutable(name, bytes),
        () => store.advance(name, 1, bytes),
        () => store.get(name),
        () => store.remove(name),
      ];
      for (const call of calls) await refused(call(), RejectedInput, 'publish.name');
    }
    expect(await store.list()).toEqual([]);
  });

  test('what is not there is undefined', async () => {
    await using store = await factory.open();
    await store.putImmutable('a/b', utf8('x'));
    for (const name of ['c', 'a', 'a/c', 'a/b/c']) expect(await store.get(name)).toBeUndefined();
  });
}

function retention(factory: PublicationStoreFactory): void {
  test('removes old versions of roles, harmlessly twice', async () => {
    await using store = await factory.open();
    const kept = '8.bin-0f.json';
    const gone = ['7.bin-0f.json', 'metadata/12.targets.json', '3.root.bar.json'];
    for (const name of [kept, ...gone]) await store.putImmutable(name, utf8('x'));
    for (const name of [...gone, ...gone]) await store.remove(name);
    expect(await store.list()).toEqual([kept]);
    expect(await store.get('7.bin-0f.json')).toBeUndefined();
  });

  test.each(['1.root.json', 'metadata/12.root.json', 'tile/0/000', 'timestamp.json', 'checkpoint'])(
    'never removes %s',
    async (name) => {
      await using store = await factory.open();
      await store.putImmutable(name, utf8('x'));
      await refused(store.remove(name), BrokenInvariant, 'publish.not_removable');
      expect(await textOf(store, name)).toBe('x');
    },
  );
}

function closes(factory: PublicationStoreFactory): void {
  test('everything fails afterwards; closing again is harmless', async () => {
    const store = await factory.open();
    await store.close();
    await store.close();
    const calls = [
      () => store.putImmutable('a', utf8('x')),
      () => store.advance('a', 1, utf8('x')),
      () => store.get('a'),
      () => store.list(),
      () => store.remove('1.a.json'),
    ];
    for (const call of calls) await refused(call(), OperatingFault, 'publish.closed');
  });
}

type FailureClass = typeof RejectedInput | typeof OperatingFault | typeof BrokenInvariant;

async function refused(call: Promise<unknown>, type: FailureClass, code: string): Promise<void> {
  const failure = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(type);
  expect(failure).toMatchObject({ code });
}

async function textOf(store: PublicationStore, name: string): Promise<string | undefined> {
  const bytes = await store.get(name);
  return bytes === undefined ? undefined : fromUtf8(bytes);
}

/** As a plain Uint8Array, which is what tests compare with. */
function bytesOf(bytes: Uint8Array | undefined): Uint8Array | undefined {
  return bytes === undefined ? undefined : Uint8Array.from(bytes);
}
