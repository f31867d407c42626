/** Keys and roots that change: before an update, in the midst of one, and after versions were driven up. */
import { describe, expect, test } from 'vitest';
import { memoryStore } from '../src/index.ts';
import { FIRST, trustedIn, withstood } from './attack.ts';
import { downloaded, repository, type Repository, versionsIn } from './repository.ts';

type RoleName = keyof Repository['keys'];
const ONLINE: readonly RoleName[] = ['timestamp', 'snapshot', 'targets'];

describe.each(ONLINE)('a new key of %s', (role) => {
  test('is followed by the next root', async () => {
    const repo = repository();
    const store = memoryStore();
    await (await repo.client({ store })).refresh();
    rotate(repo, role);
    expect(await downloaded(await repo.client({ store }), FIRST)).toBe(`content of ${FIRST}`);
    expect(await versionsIn(store)).toEqual([2, 2, 2, 2]);
  });

  test('does not count before root states it, nor the old one afterwards', async () => {
    const moved = { timestamp: [], snapshot: ['timestamp'], targets: ['snapshot', 'timestamp'] };
    await withstood({
      spoil: (repo) => {
        rotate(repo, role);
        repo.files.delete('metadata/2.root.json');
      },
      code: 'tuf.threshold',
      moved: moved[role as keyof typeof moved],
    });
    const repo = repository();
    rotate(repo, role);
    await withstood({
      repo,
      spoil: () => {
        repo.keys[role] = [role];
        publishAll(repo);
      },
      code: 'tuf.threshold',
      moved: moved[role as keyof typeof moved],
    });
  });

  test.each(['timestamp.json', '2.snapshot.json', '2.targets.json'])(
    'whose root comes just before %s is asked for: refused or done, and done the next time',
    async (file) => {
      const repo = repository();
      const store = memoryStore();
      await (await repo.client({ store })).refresh();
      // So that there is something to ask for.
      publishAll(repo);
      let isDone = false;
      repo.onAsked = (path) => {
        if (isDone || path !== `metadata/${file}`) return;
        isDone = true;
        rotate(repo, role);
      };
      const before = await trustedIn(store, repo);
      const outcome = await (await repo.client({ store })).refresh().then(
        () => 'done',
        (error: { code: string }) => error.code,
      );
      expect(isDone).toBe(true);
      // Files that were published before keep their names; only the timestamp is another.
      const isSeen = file === 'timestamp.json';
      expect(outcome).toBe(isSeen ? 'tuf.threshold' : 'done');
      if (isSeen && role === 'timestamp') expect(await trustedIn(store, repo)).toEqual(before);
      expect(await downloaded(await repo.client({ store }), FIRST)).toBe(`content of ${FIRST}`);
      expect(await versionsIn(store)).toEqual([2, 3, 3, 3]);
    },
  );
});

describe('a new root', () => {
  test('of which an intermediate one is missing or forged: nothing behind it is believed', async () => {
    await withstood({
      spoil: (repo) => {
        repo.publishRoot();
        repo.publishRoot(['root-1', 'mallory']);
      },
      code: 'tuf.threshold',
      moved: ['root'],
    });
  });
});

describe('versions that a stolen key has driven up', () => {
  test.each([[['timestamp']], [['snapshot']], [['timestamp', 'snapshot']]] as const)(
    'with new keys for %j',
    async (replaced) => {
      const repo = repository();
      const store = memoryStore();
      Object.assign(repo.versions, { timestamp: 900, snapshot: 900 });
      repo.publish({ meta: (meta) => void meta.set('other', { version: 900 }) });
      await (await repo.client({ store })).refresh();
      const driven = await trustedIn(store, repo);
      Object.assign(repo.versions, { timestamp: 5, snapshot: 5 });
      for (const role of replaced) repo.keys[role] = [`${role}-new`];
      repo.publishRoot();
      repo.publish();
      const again = (await repo.client({ store })).refresh();
      // A timestamp of the old key still bounds the snapshot, and a snapshot of the old key what it lists.
      if (replaced.length === 1) {
        await expect(again).rejects.toMatchObject({ code: 'client.rollback' });
        const { root: _, ...others } = await trustedIn(store, repo);
        if (replaced[0] === 'snapshot') expect(driven).toMatchObject(others);
      } else {
        await again;
        expect(await versionsIn(store)).toEqual([2, 6, 6, 1]);
      }
    },
  );

  test('of targets: with a new key for snapshot and timestamp', async () => {
    const repo = repository();
    const store = memoryStore();
    repo.versions['targets'] = 900;
    repo.publishTargets('targets');
    repo.publish();
    await (await repo.client({ store })).refresh();
    repo.versions['targets'] = 1;
    repo.keys.timestamp = ['timestamp-new'];
    repo.keys.snapshot = ['snapshot-new'];
    repo.keys.targets = ['targets-new'];
    repo.publishRoot();
    publishAll(repo);
    await (await repo.client({ store })).refresh();
    expect(await versionsIn(store)).toEqual([2, 3, 3, 2]);
  });
});

/** A new key for a role, and a version of everything. */
function rotate(repo: Repository, role: RoleName): void {
  repo.keys[role] = [`${role}-new`];
  repo.publishRoot();
  publishAll(repo);
}

function publishAll(repo: Repository): void {
  repo.publishTargets('targets');
  repo.publish();
}
