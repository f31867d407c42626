/**
 * What every adapter of the store must do, as one suite of tests. An adapter's test calls
 * `trustStoreContract` with a way to open it.
 */

import { equalBytes, OperatingFault, utf8 } from '@tidemark/canonical';
import { array, assert, asyncProperty, constantFrom, tuple, uint8Array } from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TrustStore } from './ports.ts';

export interface TrustStoreFactory {
  /** A new, empty store; the suite closes it. */
  readonly open: () => Promise<TrustStore>;
  /** Opens what `store` keeps, in another handle; absent where nothing is kept for longer than the handle. */
  readonly reopen?: (store: TrustStore) => Promise<TrustStore>;
}

export function trustStoreContract(name: string, factory: TrustStoreFactory): void {
  describe(`the contract of trust stores: ${name}`, () => {
    describe('bytes', () => keepsBytes(factory));
    describe('names', () => keepsNames(factory));
    describe('close', () => closes(factory));
    reopens(factory);
  });
}

/** Names that lead elsewhere if they are taken as paths, and that a file system, a URL or an object takes for its own. */
const NAMES: readonly string[] = [
  ['', '.', '..', '../x', '../../etc/passwd', '/x', 'x/', 'a/b', 'a\\b', '..\\x'],
  ['%', '%2e', '%2E%2E', '%2e.json', 'a%2Fb', '.hidden', '.tmp', '.tmp/0', '.lock.1', '.versions'],
  ['CON', 'nul.json', 'root.json', 'root.json.json', 'C:x', 'a:b', '*', '?', '-rf', '~', '@', ' '],
  ['x ', 'a\0b', 'a\nb', 'a"b', '__proto__', 'constructor', 'toString'],
  // Composed and not: two names.
  ['é', 'e\u0301', '\u202ex', '☃', '𝒳', '\uFFFF'],
  [250, 251, 255, 256, 300].map((length) => 'x'.repeat(length)),
  ['a', 'b'].map((end) => `${'x'.repeat(299)}${end}`),
  [27, 28, 200].map((length) => '☃'.repeat(length)),
].flat();

const LARGE = Uint8Array.from({ length: 2 << 20 }, (_, i) => (i * 7 + (i >> 8)) % 256);
const LONG = LARGE.subarray(0, 200_000);

function keepsBytes(factory: TrustStoreFactory): void {
  test('of what was never written there are none', async () => {
    await using opened = await openStore(factory);
    const { store } = opened;
    expect(await store.read('root')).toBeUndefined();
    await store.write('root', utf8('{}'));
    expect(await store.read('timestamp')).toBeUndefined();
    expect(await store.read('Root')).toBeUndefined();
  });

  test('come back as they were: every value, none, two megabytes', async () => {
    await using opened = await openStore(factory);
    const { store } = opened;
    const every = Uint8Array.from({ length: 256 }, (_, i) => i);
    const files = new Map([
      ['every', every],
      ['none', new Uint8Array()],
      ['inside', every.subarray(100, 110)],
      ['text', utf8('\uFEFF{"a":\r\n "é\\u00e9"}\n')],
      ['large', LARGE],
    ]);
    for (const [role, bytes] of files) await store.write(role, bytes);
    for (const [role, bytes] of files) await expectBytes(store, role, bytes);
  });

  test('are replaced as a whole, and those of others are not', async () => {
    await using opened = await openStore(factory);
    const { store } = opened;
    await store.write('snapshot', utf8('other'));
    for (const bytes of [utf8('long, at first'), LONG, utf8('short'), new Uint8Array()]) {
      await store.write('root', bytes);
      await expectBytes(store, 'root', bytes);
    }
    await expectBytes(store, 'snapshot', utf8('other'));
  });

  test('are the caller’s no more, and never become so', async () => {
    await using opened = await openStore(factory);
    const { store } = opened;
    for (const bytes of [utf8('one'), Buffer.from('one'), Buffer.from('a one').subarray(2)]) {
      await store.write('root', bytes);
      bytes.fill(0);
      await expectBytes(store, 'root', utf8('one'));
      (await store.read('root'))?.fill(0);
      await expectBytes(store, 'root', utf8('one'));
    }
  });

  test('of two writes at once are those of one of them, whole', async () => {
    await using opened = await openStore(factory);
    const { store } = opened;
    const versions = [LONG, utf8('short'), LONG.map((byte) => byte ^ 1)];
    const others = ['a', 'b', 'c'].map((role) => store.write(role, utf8(role)));
    await Promise.all([...versions.map((bytes) => store.write('root', bytes)), ...others]);
    const kept = (await store.read('root'))!;
    expect(versions.filter((bytes) => equalBytes(bytes, kept))).toHaveLength(1);
    for (const role of ['a', 'b', 'c']) await expectBytes(store, role, utf8(role));
  });
}

function keepsNames(factory: TrustStoreFactory): void {
  test('whatever they are, each has bytes of its own', async () => {
    let opened = await openStore(factory);
    for (const [i, name] of NAMES.entries()) {
      expect([name, await opened.store.read(name)]).toEqual([name, undefined]);
      await opened.store.write(name, utf8(`${i} ${name}`));
    }
    if (factory.reopen !== undefined) {
      await opened.store.close();
      opened = disposable(await factory.reopen(opened.store));
    }
    await using _ = opened;
    for (const [i, name] of NAMES.entries()) {
      await expectBytes(opened.store, name, utf8(`${i} ${name}`));
    }
  });

  test('any sequence of writes leaves the last of each', async () => {
    const write = tuple(constantFrom(...NAMES), uint8Array({ maxLength: 40 }));
    await assert(
      asyncProperty(array(write, { maxLength: 12 }), async (writes) => {
        await using opened = await openStore(factory);
        for (const [name, bytes] of writes) await opened.store.write(name, bytes);
        for (const [name, bytes] of new Map(writes)) {
          await expectBytes(opened.store, name, bytes);
        }
      }),
      { numRuns: 10 },
    );
  });
}

function closes(factory: TrustStoreFactory): void {
  test('ends once, and after it nothing is read or written', async () => {
    const store = await factory.open();
    await store.write('root', utf8('one'));
    await Promise.all([store.close(), store.close()]);
    await store.close();
    await refused(store.write('root', utf8('two')));
    await refused(store.read('root'));
  });
}

function reopens({ open, reopen }: TrustStoreFactory): void {
  if (reopen === undefined) return;
  describe('reopen', () => {
    test('what was written is there again, also what was under way at the end', async () => {
      const before = await open();
      await before.write('root', utf8('one'));
      await before.write('targets', LONG);
      await before.write('root', utf8('two'));
      let isWritten = false;
      const last = before.write('snapshot', LARGE).then(() => (isWritten = true));
      await before.close();
      expect(isWritten).toBe(true);
      await last;
      await using opened = disposable(await reopen(before));
      const { store } = opened;
      await expectBytes(store, 'root', utf8('two'));
      await expectBytes(store, 'targets', LONG);
      await expectBytes(store, 'snapshot', LARGE);
      expect(await store.read('timestamp')).toBeUndefined();
    });

    test('nobody else has it meanwhile; whoever asks afterwards does', async () => {
      const first = await open();
      await first.write('root', utf8('one'));
      await refused(reopen(first));
      await first.write('root', utf8('two'));
      await expectBytes(first, 'root', utf8('two'));
      await first.close();
      const second = await reopen(first);
      await first.close();
      await refused(reopen(second));
      await expectBytes(second, 'root', utf8('two'));
      await second.close();
    });

    test('stores of other names have nothing to do with it', async () => {
      await using one = await openStore({ open });
      await using other = await openStore({ open });
      await one.store.write('root', utf8('one'));
      expect(await other.store.read('root')).toBeUndefined();
    });
  });
}

type Disposable = AsyncDisposable & { readonly store: TrustStore };

const openStore = async (factory: TrustStoreFactory): Promise<Disposable> =>
  disposable(await factory.open());

function disposable(store: TrustStore): Disposable {
  return { store, [Symbol.asyncDispose]: () => store.close() };
}

async function refused(call: Promise<unknown>): Promise<void> {
  const failure = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(OperatingFault);
  expect(failure).toMatchObject({ code: 'client.store' });
}

/** Compared at once: vitest takes half a second for two megabytes, and is asked only for what to say. */
async function expectBytes(store: TrustStore, role: string, bytes: Uint8Array): Promise<void> {
  const kept = await store.read(role);
  if (kept !== undefined && equalBytes(kept, bytes)) return;
  expect([role, kept && Array.from(kept)]).toEqual([role, Array.from(bytes)]);
}
