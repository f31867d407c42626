/** The workflow against honest repositories: what is asked for, what is kept, and what a damaged store comes to. */
import { utf8 } from '@tidemark/canonical';
import { describe, expect, test } from 'vitest';
import { memoryStore } from '../src/index.ts';
import { DAY, downloaded, NOW, repository, ROLES, versionsIn } from './repository.ts';

describe('an honest repository', () => {
  test('a first refresh asks for each file once, a second for what can be new', async () => {
    const repo = repository();
    const client = await repo.client();
    await client.refresh();
    const all = ['2.root.json', 'timestamp.json', '1.snapshot.json', '1.targets.json'];
    expect(repo.asked.splice(0)).toEqual(all);
    await client.refresh();
    expect(repo.asked.splice(0)).toEqual(['2.root.json', 'timestamp.json']);
    repo.add('targets', 'demo/b');
    repo.publishTargets('targets');
    repo.publish();
    expect((await client.target('demo/b'))?.length).toBeUndefined();
    await client.refresh();
    expect((await client.target('demo/b'))?.length).toBe('content of demo/b'.length);
  });

  test('a target’s bytes are those that are listed, whole', async () => {
    const repo = repository();
    const client = await repo.client();
    const target = await client.target('demo/a.tar.gz');
    expect(target).toMatchObject({ path: 'demo/a.tar.gz', role: 'targets' });
    expect(await downloaded(client, 'demo/a.tar.gz')).toBe('content of demo/a.tar.gz');
    expect(await client.target('demo/none')).toBeUndefined();
  });

  test('what is kept is what was served, to the byte', async () => {
    const repo = repository();
    const store = memoryStore();
    await (await repo.client({ store })).refresh();
    for (const [role, file] of [
      ['root', '1.root.json'],
      ['timestamp', 'timestamp.json'],
      ['snapshot', '1.snapshot.json'],
      ['targets', '1.targets.json'],
    ] as const) {
      expect(await store.read(role)).toEqual(repo.files.get(`metadata/${file}`));
    }
  });

  test('all roots are followed, and new keys reset what the old ones signed', async () => {
    const repo = repository();
    const store = memoryStore();
    const client = await repo.client({ store });
    await client.refresh();
    repo.versions['timestamp'] = 900;
    repo.versions['snapshot'] = 900;
    repo.publish();
    await client.refresh();
    // Keys that were stolen ran far ahead; their successors begin anew.
    repo.keys.timestamp = ['timestamp-new'];
    repo.keys.snapshot = ['snapshot-new'];
    repo.versions['timestamp'] = 3;
    repo.versions['snapshot'] = 3;
    repo.publishRoot();
    repo.publishRoot();
    repo.publish();
    await client.refresh();
    expect(await versionsIn(store)).toEqual([3, 4, 4, 1]);
  });

  test('a snapshot that expired is asked for again, under the version it had', async () => {
    const repo = repository();
    const store = memoryStore();
    let now = NOW;
    const client = await repo.client({ store, now: () => now });
    await client.refresh();
    now = repo.expires;
    repo.expires = now + DAY;
    repo.publishRoot();
    repo.publishTargets('targets');
    repo.versions['snapshot']!--;
    repo.publish();
    await client.refresh();
    expect(await versionsIn(store)).toEqual([2, 2, 1, 2]);
    now = repo.expires;
    repo.expires += DAY;
    repo.publishRoot();
    repo.publishTimestamp({ version: 1, length: 1, sha256: '0'.repeat(64) });
    await expect(client.refresh()).rejects.toMatchObject({ code: 'client.length' });
    repo.files.delete('metadata/1.snapshot.json');
    await expect(client.refresh()).rejects.toMatchObject({ code: 'client.missing' });
    expect(await versionsIn(store)).toEqual([3, 3, 1, 2]);
  });
});

test('what is asked at once is done in turn: each file is fetched once', async () => {
  const repo = repository();
  repo.delegate('targets', { name: 'a', paths: ['a/*'] });
  repo.add('a', 'a/1');
  repo.publishTargets('a', 'targets');
  repo.publish();
  const client = await repo.client();
  const [listed, delegated, absent] = await Promise.all([
    ...['demo/a.tar.gz', 'a/1', 'a/2'].map((path) => client.target(path)),
    client.refresh(),
  ]);
  expect([listed?.role, delegated?.role, absent]).toEqual(['targets', 'a', undefined]);
  expect(repo.asked.filter((file) => /snapshot|targets|a\.json/.test(file))).toEqual([
    '2.snapshot.json',
    '2.targets.json',
    '1.a.json',
  ]);
  repo.files.delete('metadata/timestamp.json');
  const refused = client.refresh();
  const afterwards = client.target('a/1');
  await expect(refused).rejects.toMatchObject({ code: 'client.missing' });
  await expect(afterwards).rejects.toMatchObject({ code: 'client.missing' });
  repo.publish();
  expect((await client.target('a/1'))?.role).toBe('a');
  await client.refresh();
});

describe('the store', () => {
  test('keeps no root that is none, and nobody begins without one', async () => {
    const repo = repository();
    const store = memoryStore();
    const begun = repo.client({ store, root: utf8('{}') });
    await expect(begun).rejects.toMatchObject({ code: 'tuf.envelope' });
    expect(await store.read('root')).toBeUndefined();
    repo.files.delete('metadata/1.root.json');
    await expect(repo.client({ store })).rejects.toMatchObject({ code: 'client.no_root' });
  });

  test.each(ROLES.slice(1))(
    'with a %s that was damaged is mended by the next refresh',
    async (role) => {
      const repo = repository();
      const store = memoryStore();
      await (await repo.client({ store })).refresh();
      const kept = await store.read(role);
      await store.write(role, utf8('{"signed":{'));
      await (await repo.client({ store })).refresh();
      expect(await store.read(role)).toEqual(kept);
    },
  );
});
