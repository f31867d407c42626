/** A store killed between any two effects. */
import { equalBytes } from '@tidemark/canonical';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openFiles } from '../src/index.ts';
import { NEW, OLD } from './fixtures/files.ts';

const PUBLISHER = new URL('fixtures/publish.ts', import.meta.url).pathname;
const { immutable, advancing } = NEW;

/** Publishes in a process that is killed before effect number n; says before which, or undefined if it finished. */
function publishAndDie(folder: string, n: number): string | undefined {
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    [PUBLISHER, folder, String(n)],
    { encoding: 'utf8' },
  );
  if (status === 0) return undefined;
  if (signal !== 'SIGKILL') expect.fail(`${signal} ${status}: ${stderr}`);
  return stdout;
}

test('SIGKILL between any two effects leaves the old or the new, whole, and publishing goes on', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'publish-'));
  const seen: string[] = [];
  try {
    for (let n = 0; ; n++) {
      const root = join(folder, String(n));
      const before = await openFiles(root);
      await before.advance(OLD.name, OLD.version, OLD.bytes);
      await before.close();

      const death = publishAndDie(root, n);

      await using store = await openFiles(root);
      const put = await store.get(immutable.name);
      const now = await store.get(OLD.name);
      const isOld = now !== undefined && equalBytes(now, OLD.bytes);
      const isNew = now !== undefined && equalBytes(now, advancing.bytes);
      if (!isOld && !isNew) expect.fail(`torn ${OLD.name}, ${death}`);
      if (put !== undefined && !equalBytes(put, immutable.bytes)) expect.fail(`torn, ${death}`);
      // The order of publishing: whoever sees the new version finds what it refers to.
      if (isNew && put === undefined) expect.fail(`${OLD.name} ahead of its files, ${death}`);
      seen.push(`${put ? 'put' : '-'} ${isNew ? 'new' : 'old'}`);
      expect(await readdir(join(root, '.tmp'))).toEqual([]);

      await store.putImmutable(immutable.name, immutable.bytes);
      expect(await store.advance(advancing.name, 5, advancing.bytes)).toBe('advanced');
      expect(await store.advance(OLD.name, OLD.version, OLD.bytes)).toBe('behind');
      expect(equalBytes((await store.get(OLD.name)) ?? OLD.bytes, advancing.bytes)).toBe(true);
      expect(await store.list()).toEqual([immutable.name, OLD.name].sort());
      if (death === undefined) break;
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  // All three states occur, in this order, and the last run was not killed at all.
  expect([...new Set(seen)]).toEqual(['- old', 'put old', 'put new']);
  expect(seen.length).toBeGreaterThan(25);
});
