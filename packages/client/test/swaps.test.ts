/** Files of the right signers in the wrong place: another bin's, or another file of the same version. */
import type { JsonObject } from '@tidemark/canonical';
import { binRoleName } from '@tidemark/tuf';
import { describe, expect, test } from 'vitest';
import { memoryStore } from '../src/index.ts';
import { FIRST, trustedIn, versionsOnly, withstood } from './attack.ts';
import { Ledger } from './ledger.ts';
import { downloaded, repository, type Repository, versionsIn } from './repository.ts';

const PATH = 'demo/in-a-bin';

describe.each(['succinct', 'prefixes'] as const)(
  'a bin’s file served as another’s (%s)',
  (form) => {
    test.each([
      ['the newest of both', (repo: Ledger) => newer(repo)],
      ['of one length', () => undefined],
    ])('%s: its hash says so', async (_, before) => {
      const repo = binned(form);
      await withstood({
        repo,
        path: PATH,
        spoil: () => {
          before(repo);
          touch(repo);
          swap(repo);
        },
        code: 'client.hash',
        moved: ['snapshot', 'timestamp'],
      });
    });

    test('where only versions are stated, but each is used once: its version says so', async () => {
      const repo = binned(form);
      repo.alter = unhashed;
      touch(repo);
      await withstood({
        repo,
        path: PATH,
        spoil: () => {
          touch(repo);
          const other = otherBin(repo);
          repo.versions[other] = repo.versions[other]! + 1;
          repo.publishTargets(other);
          repo.publish();
          swap(repo);
        },
        code: 'client.version',
        moved: ['snapshot', 'timestamp'],
      });
    });

    // Nothing in a file says whose it is: https://theupdateframework.github.io/specification/latest/#file-formats-targets
    test('where only versions are stated, and two share one: nothing can tell, and nothing false is listed', async () => {
      const repo = binned(form);
      repo.alter = unhashed;
      touch(repo);
      const honest = repo.files.get(fileOf(repo, repo.binOf(PATH)))!;
      swap(repo);
      const store = memoryStore();
      expect(await (await repo.client({ store, merkle: 'unused' })).target(PATH)).toBeUndefined();
      repo.files.set(fileOf(repo, repo.binOf(PATH)), honest);
      touch(repo);
      expect((await (await repo.client({ store, merkle: 'unused' })).target(PATH))?.path).toBe(
        PATH,
      );
    });
  },
);

describe('another file of a version that was seen', () => {
  test('timestamp: the one that was seen stays', async () => {
    await stays('timestamp', (repo) => {
      repo.versions['timestamp']!--;
      repo.publishTargets('targets');
      repo.publish();
      repo.versions['timestamp']!--;
      repo.publish();
    });
  });

  test('snapshot, by a newer timestamp: the one that was seen stays', async () => {
    await stays('snapshot', (repo) => {
      repo.versions['snapshot']!--;
      repo.publish({ meta: (meta) => void meta.set('other', { version: 1 }) });
    });
  });

  test('targets, where only versions are stated: the one that was seen stays', async () => {
    const repo = repository();
    repo.alter = unhashed;
    repo.publishTargets('targets');
    repo.publish();
    await stays(
      'targets',
      () => {
        repo.targets.get('targets')!.delete(FIRST);
        repo.versions['targets']!--;
        repo.publishTargets('targets');
        repo.publish();
      },
      repo,
    );
  });

  test('targets, stated with the hash of the one that was seen, to who has lost it', async () => {
    const repo = repository();
    const store = memoryStore();
    await (await repo.client({ store })).refresh();
    const seen = repo.files.get('metadata/1.targets.json')!;
    repo.versions['targets'] = 0;
    repo.alter = (_, signed) => ({ ...signed, other: 1 });
    repo.publishTargets('targets');
    repo.files.set(
      'metadata/1.targets.json',
      padded(repo.files.get('metadata/1.targets.json')!, seen),
    );
    await store.write('targets', new Uint8Array());
    await expect((await repo.client({ store })).refresh()).rejects.toMatchObject({
      code: 'client.length',
    });
    expect(await store.read('targets')).toEqual(new Uint8Array());
    repo.files.set('metadata/1.targets.json', seen);
    await (await repo.client({ store })).refresh();
    expect(await store.read('targets')).toEqual(seen);
  });

  test('targets, stated with another hash: both were signed, and the one that is listed now counts', async () => {
    const repo = repository();
    const store = memoryStore();
    await (await repo.client({ store })).refresh();
    repo.versions['targets'] = 0;
    repo.add('targets', 'demo/b');
    repo.publishTargets('targets');
    repo.publish();
    expect(await downloaded(await repo.client({ store }), 'demo/b')).toBe('content of demo/b');
    expect(await versionsIn(store)).toEqual([1, 2, 2, 1]);
  });

  test('root: a version that is trusted is not asked for, and does not follow itself', async () => {
    await withstood({
      spoil: (repo) => {
        repo.keys.targets = ['mallory'];
        repo.versions['root'] = 0;
        repo.publishRoot();
        repo.files.set('metadata/2.root.json', repo.files.get('metadata/1.root.json')!);
      },
      code: 'tuf.root_version',
    });
  });
});

/** A role's trusted bytes stay what they were, and the target is still had. */
async function stays(
  role: string,
  swapped: (repo: Repository) => void,
  repo: Repository = repository(),
): Promise<void> {
  const store = memoryStore();
  await (await repo.client({ store })).refresh();
  const before = await trustedIn(store, repo);
  swapped(repo);
  const client = await repo.client({ store });
  expect(await downloaded(client, FIRST)).toBe(`content of ${FIRST}`);
  expect((await trustedIn(store, repo))[role]).toBe(before[role]);
}

function binned(form: Ledger['form']): Ledger {
  const repo = new Ledger();
  // What is listed by snapshot.json; the map has its own tests.
  repo.tidemark = undefined;
  repo.form = form;
  repo.publishRoot();
  repo.publishBins();
  repo.upload(PATH);
  repo.publish();
  return repo;
}

/** A new version of both bins, the same. */
function touch(repo: Ledger): void {
  const bins = [repo.binOf(PATH), otherBin(repo)];
  const version = Math.max(...bins.map((bin) => repo.versions[bin]!));
  for (const bin of bins) repo.versions[bin] = version;
  repo.publishTargets(...bins);
  repo.publish();
}

/** Both bins come to list a target of the same length. */
function newer(repo: Ledger): void {
  const other = otherBin(repo);
  repo.add(other, PATH.replace('-a-', '-b-'));
}

function otherBin(repo: Ledger): string {
  return binRoleName(
    'bin',
    repo.bits,
    repo.binOf(PATH) === binRoleName('bin', repo.bits, 0) ? 1 : 0,
  );
}

/** Serves the other bin's file as the one that lists the path. */
function swap(repo: Ledger): void {
  const file = fileOf(repo, repo.binOf(PATH));
  const honest = repo.files.get(file)!;
  const others = repo.files.get(fileOf(repo, otherBin(repo)))!;
  repo.files.set(file, others.length < honest.length ? padded(others, honest) : others);
}

/** With blanks behind it, which no signature covers. */
function padded(bytes: Uint8Array, as: Uint8Array): Uint8Array {
  return Buffer.concat([bytes, Buffer.alloc(Math.max(0, as.length - bytes.length), ' ')]);
}

function fileOf(repo: Repository, role: string): string {
  return `metadata/${repo.versions[role]}.${role}.json`;
}

function unhashed(role: string, signed: JsonObject): JsonObject {
  return role === 'snapshot' ? versionsOnly(signed) : signed;
}
