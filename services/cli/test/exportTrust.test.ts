// What an export believes: a chain from the first root on, and nothing that has expired or is not signed for.
import { fromHex, sha256Hex, utf8, type JsonObject } from '@tidemark/canonical';
import { createSigner, type Signer } from '@tidemark/canonical/native';
import {
  ed25519Key,
  rootSigned,
  signMetadata,
  snapshotSigned,
  timestampSigned,
  type Key,
} from '@tidemark/tuf';
import { describe, expect, test } from 'vitest';
import type { Access } from '../src/access/access.ts';
import { trustedTree, type Trusted } from '../src/commands/exportTrust.ts';

const NOW = Date.UTC(2027, 0, 1);
const DAY_MS = 86_400_000;
const FILE = { version: 9, length: 3, sha256: 'c0'.repeat(32) };

interface Flaws {
  /** Who signs a role in place of who should. */
  readonly signer?: Readonly<Record<string, string>>;
  /** Of a role, in days from now. */
  readonly days?: Readonly<Record<string, number>>;
  readonly meta?: JsonObject;
  /** Fields of what is signed, by role. */
  readonly edit?: Readonly<Record<string, JsonObject>>;
}

const signerOf = (name: string): Signer => createSigner(fromHex(sha256Hex(utf8(`key ${name}`))));
const keyOf = (name: string): Key => ed25519Key(signerOf(name).publicKey);

/** Two roots, the second with other keys; a timestamp and a snapshot under the second. */
function filesWith({ signer = {}, days = {}, meta, edit = {} }: Flaws): Map<string, Uint8Array> {
  const expires = (role: string) => ({ expiresMs: NOW + (days[role] ?? 1) * DAY_MS });
  const role = (name: string) => ({ keys: [keyOf(name)], threshold: 1 });
  const sign = (file: string, signed: JsonObject, ...names: string[]): Uint8Array => {
    const own = signer[file] === undefined ? names : [signer[file]];
    return signMetadata({ ...signed, ...edit[file] }, own.map(signerOf));
  };
  const root = (version: number, suffix: string): JsonObject =>
    rootSigned({
      version,
      ...expires(`root${version}`),
      roles: {
        root: role(`root${suffix}`),
        timestamp: role(`timestamp${suffix}`),
        snapshot: role(`snapshot${suffix}`),
        targets: role('targets'),
      },
    });
  const roles = new Map([['bins', FILE]]);
  const stated = snapshotSigned({ version: 4, ...expires('snapshot'), meta: roles });
  const snapshot = sign('snapshot', meta === undefined ? stated : { ...stated, meta }, 'snapshotB');
  const timestamp = timestampSigned({
    version: 5,
    ...expires('timestamp'),
    snapshot: { version: 4, length: snapshot.length, sha256: sha256Hex(snapshot) },
  });
  return new Map([
    ['1.root.json', sign('root1', root(1, 'A'), 'rootA')],
    ['2.root.json', sign('root2', root(2, 'B'), 'rootA', 'rootB')],
    ['timestamp.json', sign('timestamp', timestamp, 'timestampB')],
    ['4.snapshot.json', snapshot],
  ]);
}

async function treeFrom(
  files: ReadonlyMap<string, Uint8Array>,
  held: ReadonlyMap<string, Uint8Array> = new Map(),
  now: number | 'never' = NOW,
): Promise<Trusted> {
  const ask: Access['ask'] = async (_, path) => {
    const body = files.get(path.replace('/metadata/', ''));
    return body === undefined ? { status: 404, body: utf8('') } : { status: 200, body };
  };
  const firstRoot = files.get('1.root.json')!;
  return trustedTree({ ask } as Access, {
    firstRoot,
    nowMs: now === 'never' ? undefined : now,
    held: async (name) => held.get(name),
  });
}

test('a chain of roots, a timestamp and a snapshot that fit', async () => {
  const files = filesWith({});
  const { roots, timestamp, snapshot, roles } = await treeFrom(files);
  expect([...roots.keys()]).toEqual(['1.root.json', '2.root.json']);
  expect(roots.get('2.root.json')).toEqual(files.get('2.root.json'));
  expect(timestamp).toEqual({ version: 5, bytes: files.get('timestamp.json') });
  expect(snapshot.name).toBe('4.snapshot.json');
  expect(roles).toEqual([{ name: '9.bins.json', length: 3, sha256: FILE.sha256 }]);
});

describe('refused', () => {
  test.each<[string, Flaws, string]>([
    ['a root that the one before did not sign', { signer: { root2: 'rootB' } }, 'export.signature'],
    ['a root that does not sign itself', { signer: { root2: 'rootA' } }, 'export.signature'],
    [
      'a timestamp by the key of an older root',
      { signer: { timestamp: 'timestampA' } },
      'export.signature',
    ],
    [
      'a snapshot by the timestamp’s key',
      { signer: { snapshot: 'timestampB' } },
      'export.signature',
    ],
    ['an expired root', { days: { root2: -1 } }, 'export.expired'],
    ['an expired timestamp', { days: { timestamp: -1 } }, 'export.expired'],
    ['an expired snapshot', { days: { snapshot: -1 } }, 'export.expired'],
    ['a snapshot of another version', { edit: { snapshot: { version: 3 } } }, 'export.version'],
    ['a timestamp of another kind', { edit: { timestamp: { _type: 'root' } } }, 'export.form'],
    ['a role without length and hash', { meta: { 'bins.json': { version: 9 } } }, 'export.form'],
    [
      'a role whose name leads elsewhere',
      {
        meta: { '../x.json': { version: 9, length: 3, hashes: { sha256: FILE.sha256 } } },
      },
      'export.form',
    ],
  ])('%s', async (_, flaws, code) => {
    await expect(treeFrom(filesWith(flaws))).rejects.toMatchObject({ code });
  });

  test.each<[string, JsonObject]>([
    ['a later timestamp was shown', { version: 6 }],
    ['another one of this version was shown', { expires: '2027-01-09T00:00:00Z' }],
    [
      'a later snapshot was shown',
      {
        version: 4,
        meta: { 'snapshot.json': { version: 5, length: 1, hashes: { sha256: FILE.sha256 } } },
      },
    ],
  ])('where %s already', async (_, timestamp) => {
    const held = filesWith({ edit: { timestamp } });
    await expect(treeFrom(filesWith({}), held)).rejects.toMatchObject({ code: 'export.rollback' });
  });
});

test('an older root that has expired may lead to one that has not', async () => {
  const files = filesWith({ days: { root1: -100 } });
  expect((await treeFrom(files)).roots.size).toBe(2);
});

test('of our own ledger what has expired is taken', async () => {
  const files = filesWith({ days: { root2: -1, timestamp: -1, snapshot: -1 } });
  expect((await treeFrom(files, new Map(), 'never')).roots.size).toBe(2);
});

test('roots that the tree has are not asked for, and not believed unseen', async () => {
  const files = filesWith({});
  const held = new Map([['2.root.json', files.get('2.root.json')!]]);
  const less = new Map([...files].filter(([name]) => name !== '2.root.json'));
  expect((await treeFrom(less, held)).roots.size).toBe(2);
  const forged = new Map([
    ['2.root.json', filesWith({ signer: { root2: 'rootB' } }).get('2.root.json')!],
  ]);
  await expect(treeFrom(less, forged)).rejects.toMatchObject({ code: 'export.signature' });
});
