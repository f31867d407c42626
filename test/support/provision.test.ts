// Provisioning: built once even when asked twice at the same time, kept when good, remade when not.
import { access, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { findComponent } from './component.ts';
import { temporaryFolder } from './files.ts';
import { provide } from './provision.ts';

let cache: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  cache = await temporaryFolder();
  vi.stubEnv('TIDEMARK_CACHE', cache.path);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await cache[Symbol.asyncDispose]();
});

const present = async (folder: string): Promise<void> => await access(join(folder, 'good'));

function builder(): {
  readonly build: (folder: string) => Promise<void>;
  readonly built: string[];
} {
  const built: string[] = [];
  const build = async (folder: string): Promise<void> => {
    const { mkdir } = await import('node:fs/promises');
    built.push(folder);
    await mkdir(folder);
    await writeFile(join(folder, 'good'), String(built.length));
  };
  return { build, built };
}

test('parallel callers share one build, later callers keep it', async () => {
  const { build, built } = builder();
  const folders = await Promise.all([1, 2, 3].map(() => provide('thing', build, present)));
  folders.push(await provide('thing', build, present));
  expect(new Set(folders)).toEqual(new Set([join(cache.path, 'thing')]));
  expect(built).toHaveLength(1);
  expect(await readdir(cache.path)).toEqual(['thing']);
});

test('a broken one is made anew', async () => {
  const { build, built } = builder();
  const isSecond = async (folder: string): Promise<void> => {
    if ((await readFile(join(folder, 'good'), 'utf8')) === '1' && built.length > 1)
      throw new Error();
  };
  const folder = await provide('thing', build, isSecond);
  built.push('pretend that the first one broke');
  await provide('thing', build, isSecond);
  expect(await readFile(join(folder, 'good'), 'utf8')).toBe('3');
});

test('a failed build leaves nothing and says why', async () => {
  const failing = async (): Promise<void> => {
    throw new Error('no network');
  };
  await expect(provide('thing', failing, present)).rejects.toThrow('no network');
  expect(await readdir(cache.path)).toEqual([]);
  const component = await findComponent('thing', async () => await provide('t', failing, present));
  expect(component).toEqual({ name: 'thing', missing: 'no network' });
});

test('the lock of a process that died is taken over', async () => {
  const { build, built } = builder();
  await writeFile(join(cache.path, 'thing.lock'), '4194305');
  await provide('thing', build, present);
  expect(built).toHaveLength(1);
  expect(await readdir(cache.path)).toEqual(['thing']);
});
