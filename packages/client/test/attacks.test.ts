/** What an attacker may serve: each is refused, nothing that was trusted is lost, and the honest repository goes on. */
import { fromUtf8, utf8 } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import { targetsSigned } from '@tidemark/tuf';
import { describe, expect, test } from 'vitest';
import { memoryStore } from '../src/index.ts';
import {
  DAY,
  downloaded,
  NOW,
  repository,
  ROLES,
  versionsIn,
  type Repository,
} from './repository.ts';

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

function flip(repo: Repository, path: string): void {
  const bytes = repo.files.get(path)!.slice();
  bytes[10]! ^= 1;
  repo.files.set(path, bytes);
}
