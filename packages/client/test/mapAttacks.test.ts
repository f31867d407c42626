/**
 * Lies about the Merkle map: by whoever serves it, and by whoever holds the timestamp's key. Honest, attack, refused, what
 * was trusted is unchanged, honest again.
 */
import { type JsonObject, parseCanonical, parseJson, utf8 } from '@tidemark/canonical';
import { targetsSigned } from '@tidemark/tuf';
import { describe, expect, test } from 'vitest';
import type { Client } from '../src/index.ts';
import { A, B, edited, ledger, Ledger, watchedStore } from './ledger.ts';
import { downloaded, NOW } from './repository.ts';

const BIN = ledger().binOf(A);
const OTHER = ledger().binOf(B);

/** Where a client stands when it is lied to. */
type Standing = 'new' | 'knows the path' | 'knows targets';

interface Attack {
  readonly code: string;
  readonly spoil: (repo: Ledger) => void;
  /** What a role's file was replaced with before it was refused: nothing, where nothing is said. */
  readonly kept?: readonly string[];
}

/** Does something to the proof of a role, also where it comes with others. */
function file(role: string, change: (repo: Ledger, root: string) => Uint8Array) {
  return (repo: Ledger): void => {
    repo.lies.proof = (bytes, path) => {
      const [, root = '', name] = path.split('/');
      // Together with others it is refused as well, and then asked for alone.
      if (name === 'proofs') return utf8('{}');
      return name === `${role}.json` ? change(repo, root) : bytes;
    };
  };
}

function change(role: string, edit: (json: JsonObject) => JsonObject) {
  return file(role, (repo, root) => edited(repo.proofFile(root, role), edit));
}

/** A new timestamp whose map is a lie. */
function map(lie: NonNullable<Ledger['lies']['map']>, before?: (repo: Ledger) => void) {
  return (repo: Ledger): void => {
    before?.(repo);
    repo.lies.map = lie;
    repo.publish();
  };
}

const member = (json: JsonObject, name: string): JsonObject => json[name] as JsonObject;
const steps = (json: JsonObject, edit: (each: JsonObject) => JsonObject): JsonObject => ({
  ...json,
  merkle_path: edit(member(json, 'merkle_path')),
  path_directions: edit(member(json, 'path_directions')),
});
const shorter = (each: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(each).filter(([level]) => level !== '7'));
const longer = (each: JsonObject): JsonObject => ({ ...each, 8: each['0']! });
const META = { hashes: { sha256: 'c'.repeat(64) }, length: 9, version: 9 };

/** By whoever serves: a mirror, a cache, whoever is on the line. */
const SERVED: Record<string, Attack> = {
  'another slot’s proof': {
    code: 'tap16.foreign_role',
    spoil: file(BIN, (repo, root) => repo.proofFile(root, OTHER)),
  },
  'the proof of an empty slot': {
    code: 'tap16.directions',
    spoil: file(BIN, (repo, root) => repo.proofFile(root, 'no-such-role')),
  },
  'a path that is a step short': {
    code: 'tap16.path',
    spoil: change(BIN, (json) => steps(json, shorter)),
  },
  'a path that is a step long': {
    code: 'tap16.path',
    spoil: change(BIN, (json) => steps(json, longer)),
  },
  'a direction turned': {
    code: 'tap16.directions',
    spoil: change(BIN, (json) => ({
      ...json,
      path_directions: {
        ...member(json, 'path_directions'),
        0: -Number(member(json, 'path_directions')['0']),
      },
    })),
  },
  'a foreign role in the leaf': {
    code: 'tap16.foreign_role',
    spoil: change(BIN, (json) => ({
      ...json,
      leaf_contents: { ...member(json, 'leaf_contents'), 'stranger.json': META },
    })),
  },
  'more roles than a slot has': {
    code: 'tap16.roles_max',
    spoil: change(BIN, (json) => ({
      ...json,
      leaf_contents: { 'a.json': META, 'b.json': META, 'c.json': META, 'd.json': META },
    })),
  },
  'an older version of the role': {
    code: 'tap16.root',
    spoil: change(BIN, (json) => ({
      ...json,
      leaf_contents: { [`${BIN}.json`]: { ...META, version: 1 } },
    })),
  },
  'no such role, where there is one': {
    code: 'tap16.root',
    spoil: change(BIN, (json) => ({ ...json, leaf_contents: {} })),
  },
  'a leaf that is not canonical': {
    code: 'tap16.not_canonical',
    spoil: file(BIN, (repo, root) => {
      const text = Buffer.from(repo.proofFile(root, BIN)).toString();
      return utf8(text.replace('{', '{ '));
    }),
  },
  'the proof under an older root': {
    code: 'tap16.root',
    spoil: file(BIN, (repo) => repo.proofFile(repo.roots.at(-2)!, BIN)),
  },
  'a proof that is no JSON': {
    code: 'tap16.not_canonical',
    spoil: file(BIN, () => utf8('<html>')),
  },
  'a proof without end': {
    code: 'client.length',
    spoil: file(BIN, () => new Uint8Array(100_000)),
  },
  'a proof that is withheld': {
    code: 'client.missing',
    spoil: (repo) => {
      repo.lies.proof = (bytes, path) => (path.endsWith(`/${BIN}.json`) ? undefined : bytes);
    },
  },
  'another bin’s file': {
    code: 'client.hash',
    spoil: (repo) => {
      const bytes = repo.files.get(`metadata/2.${OTHER}.json`)!;
      repo.files.set(`metadata/2.${BIN}.json`, bytes);
    },
  },
  'the bin’s file of another version': {
    code: 'client.length',
    spoil: (repo) => {
      repo.files.set(`metadata/2.${BIN}.json`, repo.files.get(`metadata/1.${BIN}.json`)!);
    },
  },
  'a proof of targets for those of the bins': {
    code: 'tap16.foreign_role',
    spoil: file('bins', (repo, root) => repo.proofFile(root, 'targets')),
  },
};

describe.each(Object.entries(SERVED))('served: %s', (_, { code, spoil }) => {
  test(code, async () => {
    const repo = ledger();
    const { store, contents } = watchedStore();
    await (await repo.client({ store })).refresh();
    const before = await contents();
    const files = new Map(repo.files);
    spoil(repo);
    const attacked = await repo.client({ store, merkle: 'demanded' });
    await expect(attacked.target(A)).rejects.toMatchObject({ code });
    const after = await contents();
    // The way to the lie was honest.
    const { bins, ...rest } = after;
    expect(rest).toEqual(before);
    expect([undefined, Buffer.from(repo.files.get('metadata/1.bins.json')!).toString()]).toContain(
      bins,
    );
    repo.lies = {};
    for (const [path, bytes] of files) repo.files.set(path, bytes);
    await honestAgain(repo, await repo.client({ store, merkle: 'demanded' }));
  });
});

/** By whoever holds the timestamp's key: the roots lead to it. */
const SIGNED: Record<string, Attack & { readonly standing: Standing }> = {
  'a bin that goes back': {
    standing: 'knows the path',
    code: 'client.rollback',
    spoil: map((slots) => {
      slots.set(slotOf(BIN), { [`${BIN}.json`]: { ...META, version: 1 } });
    }),
  },
  'a bin that is no more': {
    standing: 'knows the path',
    code: 'client.rollback',
    spoil: map((slots) => void slots.delete(slotOf(BIN))),
  },
  'a bin of the same version with other bytes': {
    standing: 'knows the path',
    code: 'client.equivocation',
    spoil: map((slots) => {
      slots.set(slotOf(BIN), { [`${BIN}.json`]: { ...META, version: 2 } });
    }),
  },
  'another bin in place of this one': {
    standing: 'knows the path',
    code: 'client.equivocation',
    spoil: (repo) => {
      map((slots) => void slots.set(slotOf(BIN), { [`${BIN}.json`]: repo.entry(OTHER) }))(repo);
    },
  },
  'a bin that was never there': {
    standing: 'new',
    code: 'client.unlisted',
    spoil: map((slots) => void slots.delete(slotOf(BIN))),
  },
  'targets that go back': {
    standing: 'knows targets',
    code: 'client.rollback',
    spoil: map(
      (slots) => void slots.delete(slotOf('targets')),
      (repo) => repo.publishTargets('targets'),
    ),
  },
  'a stranger in the slot of targets': {
    standing: 'new',
    code: 'tap16.foreign_role',
    spoil: map((slots) => {
      slots.set(slotOf('targets'), { ...slots.get(slotOf('targets')), 'stranger.json': META });
    }),
  },
  'a bin in the slot of targets, which is known once the bins are': {
    standing: 'new',
    code: 'tap16.foreign_role',
    spoil: map((slots) => {
      slots.set(slotOf('targets'), { ...slots.get(slotOf('targets')), [`${BIN}.json`]: META });
    }),
  },
  'a bin in another’s slot': {
    standing: 'knows targets',
    code: 'tap16.foreign_role',
    spoil: map((slots) => {
      slots.set(slotOf(BIN), { ...slots.get(slotOf(BIN)), [`${OTHER}.json`]: META });
    }),
  },
  'a bin that nobody signed': {
    standing: 'new',
    code: 'client.hash',
    spoil: map((slots) => {
      const { length } = slots.get(slotOf(BIN))![`${BIN}.json`] as { length: number };
      slots.set(slotOf(BIN), { [`${BIN}.json`]: { ...META, version: 2, length } });
    }),
  },
  'a bin that its key did not sign': {
    standing: 'knows the path',
    code: 'tuf.threshold',
    spoil: (repo) => {
      repo.add(BIN, 'demo/evil');
      const { binKey } = repo;
      repo.binKey = 'evil';
      repo.publishTargets(BIN);
      repo.binKey = binKey;
      repo.publish();
    },
  },
  'a bin that has expired': {
    standing: 'knows the path',
    code: 'client.expired',
    spoil: (repo) => {
      const { expires } = repo;
      repo.expires = NOW - 1000;
      repo.publishTargets(BIN);
      repo.expires = expires;
      repo.publish();
    },
  },
  'a bin whose file has another version than the map states': {
    standing: 'knows the path',
    code: 'client.version',
    spoil: (repo) => {
      const signed = targetsSigned({ version: 3, expiresMs: repo.expires });
      const bytes = repo.sign(BIN, signed);
      repo.serveTargets(BIN, 4, bytes);
      repo.publish();
    },
  },
};

function slotOf(role: string): number {
  return ledger().slotOf(role);
}

describe.each(Object.entries(SIGNED))('signed: %s', (_, { code, spoil, standing }) => {
  test(code, async () => {
    const repo = ledger();
    const { store, contents } = watchedStore();
    const honest = await repo.client({ store });
    if (standing === 'knows the path') await honest.target(A);
    else await honest.refresh();
    const before = await contents();
    spoil(repo);
    const attacked = await repo.client({ store, merkle: 'demanded' });
    await expect(attacked.target(A)).rejects.toMatchObject({ code });
    const after = await contents();
    for (const [role, text] of Object.entries(before)) {
      // What the attacker could sign is kept: what comes next may not fall behind it.
      if (role !== 'timestamp') expect([role, after[role]]).toEqual([role, text]);
    }
    expect(after[BIN]).toBe(before[BIN]);
    repo.lies = {};
    repo.publishTargets(BIN, 'targets', 'bins');
    repo.publish();
    await honestAgain(repo, await repo.client({ store, merkle: 'demanded' }));
  });
});

test('an older timestamp, with all of its proofs', async () => {
  const repo = ledger();
  const old = repo.files.get('metadata/timestamp.json')!;
  repo.publish();
  const { store, contents } = watchedStore();
  await (await repo.client({ store })).target(A);
  const before = await contents();
  const honest = repo.files.get('metadata/timestamp.json')!;
  repo.files.set('metadata/timestamp.json', old);
  const attacked = await repo.client({ store });
  await expect(attacked.target(A)).rejects.toMatchObject({ code: 'client.rollback' });
  expect(await contents()).toEqual(before);
  repo.files.set('metadata/timestamp.json', honest);
  await honestAgain(repo, await repo.client({ store }));
});

test('two timestamps of one version: the one that was seen first stays, with its map', async () => {
  const repo = ledger();
  const { store, contents } = watchedStore();
  await (await repo.client({ store })).target(A);
  const before = await contents();
  repo.versions['timestamp']!--;
  repo.upload(A);
  repo.publish();
  expect(repo.roots.at(-1)).not.toBe(repo.roots.at(-2));
  await (await repo.client({ store })).target(A);
  expect(await contents()).toEqual(before);
  expect(repo.asked.at(-1)).toContain(repo.roots.at(-2));
});

test('a timestamp that states no map any more', async () => {
  const repo = ledger();
  const { store, contents } = watchedStore();
  await (await repo.client({ store, merkle: 'demanded' })).target(A);
  const before = await contents();
  const plain = new Proxy(repo, {
    get: (target, key) =>
      key === 'merkleRoot' ? () => undefined : (Reflect.get(target, key) as unknown),
  });
  plain.publish();
  const attacked = await repo.client({ store, merkle: 'demanded' });
  await expect(attacked.target(A)).rejects.toMatchObject({ code: 'client.merkle' });
  expect({ ...(await contents()), timestamp: '' }).toEqual({ ...before, timestamp: '' });
  repo.publish();
  await honestAgain(repo, await repo.client({ store, merkle: 'demanded' }));
});

test('versions driven up with a stolen key bound nobody once the key is replaced', async () => {
  const repo = ledger();
  const { store } = watchedStore();
  await (await repo.client({ store })).target(A);
  repo.versions[BIN] = 2 ** 52;
  repo.upload(A);
  repo.publish();
  await (await repo.client({ store })).target(A);
  repo.versions[BIN] = 2;
  repo.upload(A);
  repo.publish();
  const refused = await repo.client({ store });
  await expect(refused.target(A)).rejects.toMatchObject({ code: 'client.rollback' });
  repo.binKey = 'another';
  repo.publishBins();
  repo.upload(A);
  repo.publish();
  await honestAgain(repo, await repo.client({ store, merkle: 'demanded' }));
});

test('proofs together, spoilt in any byte, are not believed', async () => {
  const repo = ledger();
  const { store, contents } = watchedStore();
  await (await repo.client({ store })).target(A);
  const before = await contents();
  const honest = repo.multiproof(repo.roots.at(-1)!, ['targets', 'bins', BIN]);
  parseCanonical(honest);
  for (let at = 0; at < honest.length; at += 7) {
    repo.lies.proof = (bytes, path) => {
      const spoilt = bytes.slice();
      if (path.endsWith('/proofs')) spoilt[at]! ^= 1;
      else spoilt[0]! ^= 1;
      return spoilt;
    };
    const attacked = await repo.client({ store });
    await expect(attacked.target(A)).rejects.toMatchObject({
      code: expect.stringMatching(/^tap16\./),
    });
    expect(await contents()).toEqual(before);
  }
  repo.lies = {};
  await honestAgain(repo, await repo.client({ store }));
});

async function honestAgain(repo: Ledger, client: Client): Promise<void> {
  expect(await downloaded(client, A)).toBe(`content of ${A}`);
  expect(await client.target('demo/none')).toBeUndefined();
  expect(parseJson(repo.proofFile(repo.roots.at(-1)!, BIN))).toBeDefined();
}
