/** The workflow: what is asked for, what is believed, what stays trusted after an attack. */
import { fromUtf8, utf8 } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import { ed25519Key, succinctDelegations, targetsSigned } from '@tidemark/tuf';
import { describe, expect, test } from 'vitest';
import { memoryStore, type Client, type TrustStore } from '../src/index.ts';
import { DAY, NOW, repository, type Repository, signerOf, targetsUrl } from './repository.ts';

const ROLES = ['root', 'timestamp', 'snapshot', 'targets'];

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
});

/** An attack: how the repository is spoilt, and what the client says. It has seen version 2 of everything but root. */
const ATTACKS: readonly (readonly [
  what: string,
  code: string,
  spoil: (repo: Repository) => void,
])[] = [
  ['a root of one key where two are needed', 'tuf.threshold', (r) => r.publishRoot(['root-1'])],
  [
    'a root that leaves a version out',
    'tuf.root_version',
    (r) => {
      r.versions['root']!++;
      r.publishRoot();
      r.files.set('metadata/2.root.json', r.files.get('metadata/3.root.json')!);
    },
  ],
  [
    'a root that has expired',
    'client.expired',
    (r) => {
      r.expires = NOW;
      r.publishRoot();
    },
  ],
  [
    'an older timestamp',
    'client.rollback',
    (r) => {
      r.versions['timestamp'] = 0;
      r.publish();
    },
  ],
  [
    'a timestamp of an older snapshot',
    'client.rollback',
    (r) => {
      const bytes = r.files.get('metadata/1.snapshot.json')!;
      r.publishTimestamp({ version: 1, length: bytes.length, sha256: sha256HexNative(bytes) });
    },
  ],
  [
    'a timestamp that has expired',
    'client.expired',
    (r) => {
      r.expires = NOW - 1000;
      r.publish();
    },
  ],
  [
    'a timestamp of a stranger',
    'tuf.threshold',
    (r) => {
      r.keys.timestamp = ['stranger'];
      r.publish();
    },
  ],
  ['no timestamp', 'client.missing', (r) => void r.files.delete('metadata/timestamp.json')],
  [
    'a timestamp without end',
    'client.length',
    (r) => {
      r.files.set('metadata/timestamp.json', new Uint8Array(16_385));
    },
  ],
  [
    'a snapshot of other bytes',
    'client.hash',
    (r) => {
      r.publish();
      flip(r, 'metadata/3.snapshot.json');
    },
  ],
  [
    'a longer snapshot',
    'client.length',
    (r) => {
      r.publish();
      const bytes = r.files.get('metadata/3.snapshot.json')!;
      r.files.set('metadata/3.snapshot.json', utf8(`${fromUtf8(bytes)} `));
    },
  ],
  [
    'a snapshot of a stranger',
    'tuf.threshold',
    (r) => {
      r.keys.snapshot = ['stranger'];
      r.publish();
    },
  ],
  [
    'a snapshot in which a role falls back',
    'client.rollback',
    (r) => {
      r.publish({ meta: (meta) => void meta.set('targets', { version: 1 }) });
    },
  ],
  [
    'a snapshot in which a role is gone',
    'client.rollback',
    (r) => {
      r.publish({ meta: (meta) => void meta.delete('targets') });
    },
  ],
  [
    'another snapshot’s file under the name',
    'client.version',
    (r) => {
      r.publish();
      const bytes = r.files.get('metadata/3.snapshot.json')!;
      r.publishTimestamp({ version: 4, length: bytes.length, sha256: sha256HexNative(bytes) });
      r.files.set('metadata/4.snapshot.json', bytes);
    },
  ],
  [
    'targets of other bytes',
    'client.hash',
    (r) => {
      r.publishTargets('targets');
      r.publish();
      flip(r, 'metadata/3.targets.json');
    },
  ],
  [
    'targets of a stranger',
    'tuf.threshold',
    (r) => {
      r.versions['targets']!++;
      const signed = targetsSigned({ version: 3, expiresMs: r.expires });
      r.serveTargets('targets', 3, r.sign('targets', signed, ['stranger']));
      r.publish();
    },
  ],
  [
    'targets that have expired',
    'client.expired',
    (r) => {
      const { expires } = r;
      r.expires = NOW - 1000;
      r.publishTargets('targets');
      r.expires = expires;
      r.publish();
    },
  ],
  [
    'targets of another version than stated',
    'client.version',
    (r) => {
      r.publishTargets('targets');
      r.publish({ meta: (meta) => void meta.set('targets', { version: 4 }) });
      r.files.set('metadata/4.targets.json', r.files.get('metadata/3.targets.json')!);
    },
  ],
  [
    'targets that are not there',
    'client.missing',
    (r) => {
      r.publishTargets('targets');
      r.publish();
      r.files.delete('metadata/3.targets.json');
    },
  ],
];

describe('attacks: honest, attack, refused, nothing lost, honest again', () => {
  test.each(ATTACKS)('%s: %s', async (_what, code, spoil) => {
    const repo = repository();
    repo.publishTargets('targets');
    repo.publish();
    const store = memoryStore();
    await (await repo.client({ store })).refresh();
    const before = await versionsIn(store);
    const honest = {
      files: new Map(repo.files),
      versions: { ...repo.versions },
      expires: repo.expires,
      keys: structuredClone(repo.keys),
    };
    spoil(repo);
    // Another process: what it knows is what was kept.
    await expect(repo.client({ store }).then((client) => client.refresh())).rejects.toMatchObject({
      code,
    });
    const after = await versionsIn(store);
    for (const [i, version] of after.entries()) expect(version).toBeGreaterThanOrEqual(before[i]!);
    expect(after[3]).toBe(before[3]);
    repo.files.clear();
    for (const [path, bytes] of honest.files) repo.files.set(path, bytes);
    Object.assign(repo.keys, honest.keys);
    repo.expires = NOW + 60 * DAY;
    // The honest repository goes on beyond what the attack burnt.
    for (const [i, role] of ROLES.entries())
      repo.versions[role] = Math.max(honest.versions[role]!, after[i]!) + 5 * Math.sign(i);
    if (after[0]! > honest.versions['root']!) return;
    repo.add('targets', 'demo/later');
    repo.publishTargets('targets');
    repo.publish();
    const client = await repo.client({ store });
    expect(await downloaded(client, 'demo/later')).toBe('content of demo/later');
  });

  test('a timestamp of the same version changes nothing, whatever it says', async () => {
    const repo = repository();
    const store = memoryStore();
    const client = await repo.client({ store });
    await client.refresh();
    repo.versions['timestamp']!--;
    repo.publishTimestamp({ version: 100, length: 1, sha256: '0'.repeat(64) });
    await client.refresh();
    expect(await versionsIn(store)).toEqual([1, 1, 1, 1]);
  });

  test('roots without end', async () => {
    const repo = repository();
    for (let i = 0; i < 5; i++) repo.publishRoot();
    await expect((await repo.client({ limits: { roots: 4 } })).refresh()).rejects.toMatchObject({
      code: 'client.roots',
    });
    await (await repo.client({ limits: { roots: 5 } })).refresh();
  });

  test('a target of other bytes, longer or cut off', async () => {
    const repo = repository();
    const client = await repo.client();
    const [path] = [...repo.files.keys()].filter((each) => each.startsWith('targets/'));
    const honest = repo.files.get(path!)!;
    for (const [bytes, code] of [
      [utf8(`${fromUtf8(honest)}x`), 'client.length'],
      [honest.subarray(1), 'client.length'],
      [utf8('X' + fromUtf8(honest).slice(1)), 'client.hash'],
    ] as const) {
      repo.files.set(path!, bytes);
      await expect(downloaded(client, 'demo/a.tar.gz')).rejects.toMatchObject({ code });
    }
    repo.files.delete(path!);
    await expect(downloaded(client, 'demo/a.tar.gz')).rejects.toMatchObject({
      code: 'client.missing',
    });
  });
});

describe('delegations', () => {
  test('are searched depth first, in order, until one terminates', async () => {
    const repo = repository();
    repo.delegate('targets', { name: 'a', paths: ['*'] }, { name: 'b', paths: ['*'] });
    repo.delegate(
      'a',
      { name: 'c', paths: ['x*'] },
      { name: 'd', paths: ['y*'], terminating: true },
    );
    for (const [role, path] of [
      ['b', 'x1'],
      ['c', 'x2'],
      ['b', 'y1'],
      ['d', 'y2'],
    ] as const) {
      repo.add(role, path);
    }
    repo.publishTargets('a', 'b', 'c', 'd', 'targets');
    repo.publish();
    const found = async (path: string): Promise<string | undefined> =>
      (await (await repo.client()).target(path))?.role;
    expect(await found('x1')).toBe('b');
    expect(await found('x2')).toBe('c');
    expect(await found('y2')).toBe('d');
    expect(await found('y1')).toBeUndefined();
    expect(repo.asked.filter((file) => /[abcd]\.json/.test(file)).slice(-2)).toEqual([
      '1.a.json',
      '1.d.json',
    ]);
  });

  test('lead through a bin to one file, whatever the number of bins', async () => {
    const repo = repository();
    const key = ed25519Key(signerOf('bin').publicKey);
    repo.delegate('targets', { name: 'bins', paths: ['*/*'] });
    repo.delegations.set('bins', succinctDelegations({ key, bits: 8, prefix: 'bin' }));
    repo.publishTargets('bins', 'targets');
    for (let i = 0; i < 256; i++) {
      const role = `bin-${i.toString(16).padStart(2, '0')}`;
      repo.serveTargets(
        role,
        1,
        repo.sign(role, targetsSigned({ version: 1, expiresMs: repo.expires }), ['bin']),
      );
    }
    repo.publish();
    const client = await repo.client();
    expect(await client.target('demo/none')).toBeUndefined();
    expect(repo.asked.at(-1)).toBe(`1.bin-${sha256HexNative(utf8('demo/none')).slice(0, 2)}.json`);
    expect(repo.asked).toHaveLength(6);
  });

  test('of circles and of too many end', async () => {
    const repo = repository();
    const names = Array.from({ length: 40 }, (_, i) => `r${i}`);
    repo.delegate('targets', ...names.map((name) => ({ name, paths: ['*'] })));
    for (const name of names) repo.delegate(name, { name: 'r1', paths: ['*'] });
    repo.publishTargets(...names, 'targets');
    repo.publish();
    await expect((await repo.client()).target('x')).rejects.toMatchObject({
      code: 'client.delegations',
    });
    expect(await (await repo.client({ limits: { roles: 41 } })).target('x')).toBeUndefined();
  });

  test('to one name by two: each by its own keys', async () => {
    const repo = repository();
    repo.delegate(
      'targets',
      { name: 'a', paths: ['a*'] },
      { name: 'shared', paths: ['b*'], key: 'other' },
    );
    repo.delegate('a', { name: 'shared', paths: ['a*'], key: 'shared' });
    repo.add('shared', 'a1');
    repo.add('shared', 'b1');
    repo.publishTargets('shared', 'a', 'targets');
    repo.publish();
    const client = await repo.client();
    expect((await client.target('a1'))?.role).toBe('shared');
    await expect(client.target('b1')).rejects.toMatchObject({ code: 'tuf.threshold' });
  });

  test.each(['root', 'timestamp', 'snapshot', 'targets'])(
    'to a role called %s are refused',
    async (name) => {
      const repo = repository();
      const store = memoryStore();
      repo.delegate('targets', { name, paths: ['*'], key: 'x' });
      repo.publishTargets('targets');
      repo.publish();
      const client = await repo.client({ store });
      await expect(client.target('x')).rejects.toMatchObject({ code: 'client.role_name' });
      expect((await versionsIn(store))[ROLES.indexOf(name)]).toBeGreaterThan(0);
    },
  );

  test('to a role that the snapshot does not list', async () => {
    const repo = repository();
    repo.delegate('targets', { name: 'a', paths: ['*'] });
    repo.publishTargets('targets');
    repo.publish();
    await expect((await repo.client()).target('x')).rejects.toMatchObject({
      code: 'client.unlisted',
    });
  });
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

async function downloaded(client: Client, path: string): Promise<string> {
  const target = await client.target(path);
  const chunks: Uint8Array[] = [];
  for await (const chunk of client.download(target!, targetsUrl)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function versionsIn(store: TrustStore): Promise<number[]> {
  const versions: number[] = [];
  for (const role of ROLES) {
    const bytes = await store.read(role);
    const file = bytes && (JSON.parse(fromUtf8(bytes)) as { signed: { version: number } });
    versions.push(file?.signed.version ?? 0);
  }
  return versions;
}

function flip(repo: Repository, path: string): void {
  const bytes = repo.files.get(path)!.slice();
  bytes[10]! ^= 1;
  repo.files.set(path, bytes);
}
