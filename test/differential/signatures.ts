// Signatures: too few, by others, twice, oddly spelt; and keys and thresholds that are none or not as they should be.
import { fromHex } from '@tidemark/canonical';
import { keyJson } from '@tidemark/tuf';
import { FOREIGN, KEYS, keyOf, STRANGER, type TestKey } from './keys.ts';
import { raw, render } from './render.ts';
import { addRoot, newestRoot, type Loose, type LooseObject, type State } from './state.ts';
import {
  ask,
  at,
  before,
  pickRole,
  signedAs,
  today,
  withNew,
  writtenAs,
  type Attack,
  type Kind,
  type Scene,
} from './attack.ts';

export const SIGNATURES: readonly Kind[] = [
  {
    name: 'unsigned',
    mostly: 'refused',
    make: (scene) => writtenAs(scene, pickRole(scene), 'unsigned', { signers: () => [] }),
  },
  { name: 'one signature too few', mostly: 'refused', make: tooFew },
  {
    name: 'by a stranger',
    mostly: 'refused',
    make: (scene) =>
      writtenAs(scene, pickRole(scene), 'a stranger', {
        signers: (_, signers) => signers.map(() => STRANGER).slice(0, 1),
      }),
  },
  {
    name: 'forged',
    mostly: 'refused',
    make: (scene) =>
      writtenAs(scene, pickRole(scene), "a stranger under the signers' ids", {
        signers: (_, signers) => signers.map(({ id, key }) => ({ id, key, sign: STRANGER.sign })),
      }),
  },
  {
    name: 'of other content',
    mostly: 'refused',
    make: (scene) =>
      writtenAs(scene, pickRole(scene), 'changed after it was signed', {
        envelope: (_, envelope) => {
          const signed = at(envelope, 'signed');
          const field = scene.random.pick(['version', 'x-more', 'expires', 'spec_version']);
          signed[field] = { version: 5_000, expires: '2031-01-01T00:00:00Z' }[field] ?? '1.9';
        },
      }),
  },
  { name: 'by a removed key', mostly: 'refused', past: true, make: removedKey },
  { name: "by another role's key", mostly: 'refused', make: otherRole },
  {
    name: 'root signed by the old keys alone',
    mostly: 'refused',
    make: (scene) => halfRoot(scene, 0),
  },
  {
    name: 'root signed by the new keys alone',
    mostly: 'refused',
    make: (scene) => halfRoot(scene, 1),
  },
  {
    name: 'signed twice',
    mostly: 'refused',
    make: (scene) =>
      writtenAs(scene, pickRole(scene), 'a signature twice', {
        envelope: (_, envelope) => {
          const signatures = envelope['signatures'] as LooseObject[];
          envelope['signatures'] = [...signatures, { ...scene.random.pick(signatures) }];
        },
      }),
  },
  { name: 'one key under two ids', mostly: 'excused', make: twoIds },
  {
    name: 'signatures to spare',
    mostly: 'accepted',
    make: (scene) =>
      writtenAs(scene, pickRole(scene), 'to spare', {
        envelope: (_, envelope) => {
          const more: LooseObject[] = [
            { keyid: STRANGER.id, sig: '00' },
            { keyid: 'none', sig: '', 'x-extra': [1] },
            { keyid: '', sig: 'zz' },
          ];
          envelope['signatures'] = [...more, ...(envelope['signatures'] as LooseObject[])];
        },
      }),
  },
  {
    name: 'odd signature',
    mostly: 'refused',
    make: (scene) => oddSignature(scene, ODD_SIGNATURES),
  },
  {
    name: 'signature in capitals',
    mostly: 'accepted',
    make: (scene) => oddSignature(scene, [(sig) => sig.toUpperCase()]),
  },
  {
    name: 'signature with blanks',
    mostly: 'excused',
    make: (scene) =>
      oddSignature(scene, [(sig) => ` ${sig}\n`, (sig) => sig.replace(/../g, '$& ')]),
  },
  {
    name: 'signatures are none',
    mostly: 'refused',
    make: (scene) => {
      const odd: Loose[] = [
        {},
        null,
        'text',
        [null],
        ['text'],
        [{}],
        [{ keyid: 'x' }],
        [{ sig: '00' }],
      ];
      const signatures = scene.random.pick(odd);
      return writtenAs(scene, pickRole(scene), JSON.stringify(signatures), {
        envelope: (_, envelope) => (envelope['signatures'] = signatures),
      });
    },
  },
  { name: 'odd threshold', mostly: 'refused', make: oddThreshold },
  {
    name: 'unknown scheme',
    mostly: 'excused',
    make: (scene) =>
      withKey(scene, { keytype: 'falcon', scheme: 'falcon-512', keyval: { public: '00' } }),
  },
  { name: 'scheme of python-tuf alone', mostly: 'excused', make: otherScheme },
  { name: 'odd key', mostly: 'refused', make: oddKey },
  { name: 'key spelt otherwise', mostly: 'accepted', make: (scene) => keySpelt(scene, GOOD_KEYS) },
  { name: 'key spelt laxly', mostly: 'excused', make: (scene) => keySpelt(scene, LAX_KEYS) },
  { name: 'key spelt wrongly', mostly: 'refused', make: (scene) => keySpelt(scene, BAD_KEYS) },
  { name: 'key ids are names', mostly: 'accepted', make: namedIds },
];

/** Of a role whose threshold is above one: what one signer less makes of it. */
function tooFew(scene: Scene): Attack {
  const state = structuredClone(today(scene));
  const root = addRoot(state);
  const role = scene.random.pick(['timestamp', 'snapshot', 'targets', 'root'] as const);
  const keys = ['ed-0', 'ec-0', 'rsa-0', 'ed-1'].slice(0, scene.random.between(2, 4));
  root.roles[role] = { keys, threshold: keys.length };
  state.timestamp.version++;
  state.snapshot.version++;
  const targets = state.targets.get('targets')!;
  targets.version++;
  if (role === 'targets') Object.assign(targets, structuredClone(root.roles.targets));
  const missing = keyOf(scene.random.pick(keys)).id;
  const signers = (name: string, by: TestKey[]): TestKey[] =>
    name === role ? by.filter(({ id }) => id !== missing) : by;
  return { files: render(state, { signers }), note: `${role}: all but one of ${keys.length}` };
}

function removedKey(scene: Scene): Attack {
  const { random } = scene;
  const role = random.pick(['timestamp', 'snapshot', 'targets'] as const);
  const state = withNew(scene, role);
  const root = addRoot(state);
  const old = newestRoot(before(scene)).roles[role].keys;
  const fresh = [...KEYS.keys()].filter((name) => !old.includes(name));
  root.roles[role] = { keys: [random.pick(fresh)], threshold: 1 };
  const by = old.map(keyOf);
  const signers = (name: string, signers: TestKey[]): TestKey[] => (name === role ? by : signers);
  return { files: render(state, { signers }), note: `${role} by its keys of before` };
}

function otherRole(scene: Scene): Attack {
  const role = pickRole(scene);
  const root = newestRoot(today(scene));
  const own = ownKeys(today(scene), role);
  const others = Object.values(root.roles).flatMap(({ keys }) => keys);
  const foreign = others.filter((name) => !own.includes(name));
  return writtenAs(scene, role, "another role's keys", {
    signers: () => [...new Set(foreign)].map(keyOf),
  });
}

function ownKeys(state: State, role: string): readonly string[] {
  if (role === 'root' || role === 'timestamp' || role === 'snapshot') {
    return newestRoot(state).roles[role].keys;
  }
  return state.targets.get(role)!.keys;
}

function halfRoot(scene: Scene, half: 0 | 1): Attack {
  const state = structuredClone(today(scene));
  const old = newestRoot(state).roles.root.keys;
  const fresh = [...KEYS.keys()].filter((name) => !old.includes(name)).slice(0, 2);
  const root = addRoot(state);
  root.roles.root = { keys: fresh, threshold: 2 };
  state.timestamp.version++;
  const keys = [old, fresh][half]!.map(keyOf);
  const signers = (name: string, by: TestKey[]): TestKey[] => (name === 'root' ? keys : by);
  return { files: render(state, { signers }), note: 'root' };
}

/** A threshold of two, and one key that would reach it alone. */
function twoIds(scene: Scene): Attack {
  const state = structuredClone(today(scene));
  const root = addRoot(state);
  const role = scene.random.pick(['timestamp', 'snapshot', 'targets'] as const);
  const [, name] = scene.random.pick([
    ['ed25519', 'ed-3'],
    ['ecdsa', 'ec-1'],
    ['rsa', 'rsa-1'],
  ] as const);
  root.roles[role] = { keys: [name], threshold: 2 };
  state.timestamp.version++;
  state.snapshot.version++;
  state.targets.get('targets')!.version++;
  const { id, key, sign } = keyOf(name);
  const files = render(state, {
    signed: (of, signed) => {
      if (of !== 'root') return;
      at(signed, 'keys')['other'] = keyJson(key) as LooseObject;
      at(signed, 'roles', role)['keyids'] = [id, 'other'];
    },
    signers: (of, by) => {
      return of === role
        ? [
            { id, key, sign },
            { id: 'other', key, sign },
          ]
        : by;
    },
  });
  return { files, note: `${role}: ${name} twice` };
}

const ODD_SIGNATURES: readonly ((sig: string) => Loose)[] = [
  () => '',
  () => '00',
  (sig) => sig.slice(0, -2),
  (sig) => sig.slice(1),
  (sig) => `${sig}00`,
  (sig) => `0x${sig}`,
  (sig) => Buffer.from(fromHex(sig)).toString('base64'),
  () => 7,
  () => null,
  (sig) => [sig],
];

function oddSignature(scene: Scene, spellings: readonly ((sig: string) => Loose)[]): Attack {
  const spell = scene.random.pick(spellings);
  return writtenAs(scene, pickRole(scene), String(spell), {
    envelope: (_, envelope) => {
      for (const signature of envelope['signatures'] as LooseObject[]) {
        signature['sig'] = spell(signature['sig'] as string);
      }
    },
  });
}

function oddThreshold(scene: Scene): Attack {
  const thresholds: Loose[] = [0, -1, 99, '1', null, raw('1.0'), 2 ** 40];
  const threshold = scene.random.pick(thresholds);
  const role = scene.random.pick(['root', 'timestamp', 'snapshot', 'targets']);
  return signedAs(scene, 'root', `threshold of ${role} ${JSON.stringify(threshold)}`, (signed) => {
    at(signed, 'roles', role)['threshold'] = threshold;
  });
}

/** Root lists one more key for targets, of which it needs none. */
function withKey(scene: Scene, key: LooseObject): Attack {
  return signedAs(scene, 'root', JSON.stringify(key), (signed) => {
    at(signed, 'keys')['more'] = key;
    (at(signed, 'roles', 'targets')['keyids'] as Loose[]).push('more');
  });
}

/** The timestamp is signed by a key of such a scheme alone. */
function otherScheme(scene: Scene): Attack {
  const foreign = scene.random.pick(FOREIGN);
  return { ...byKey(scene, foreign), note: foreign.key.scheme };
}

/** A new root, in which one key alone is to sign the timestamp, and which does. */
function byKey(scene: Scene, { id, key, sign }: TestKey): Attack {
  const state = structuredClone(today(scene));
  addRoot(state).roles.timestamp = { keys: [], threshold: 1 };
  state.timestamp.version++;
  const files = render(state, {
    signed: (of, signed) => {
      if (of !== 'root') return;
      const keys = Object.entries(signed['keys'] as LooseObject);
      signed['keys'] = Object.fromEntries([...keys, [id, keyJson(key) as LooseObject]]);
      at(signed, 'roles', 'timestamp')['keyids'] = [id];
    },
    signers: (of, by) => (of === 'timestamp' ? [{ id, key, sign }] : by),
  });
  return { files, note: id, ...ask(state, 'targets') };
}

function oddKey(scene: Scene): Attack {
  const odd: LooseObject[] = [
    { keyval: {} },
    { keyval: null },
    { keyval: { public: 5 } },
    { keytype: null },
    { scheme: null },
    { keyval: 'text' },
  ];
  const good = keyJson(keyOf('ed-9').key) as LooseObject;
  return withKey(scene, { ...good, ...scene.random.pick(odd) });
}

/** The one key of the timestamp, as other tools might spell it. */
function keySpelt(scene: Scene, spellings: readonly Spelling[]): Attack {
  const [name, spell] = scene.random.pick(spellings);
  const { key, ...rest } = keyOf(name);
  const keyval = { public: spell(key.keyval.public) };
  return {
    ...byKey(scene, { ...rest, key: { ...key, keyval } }),
    note: `${name}: ${String(spell)}`,
  };
}

type Spelling = readonly [name: string, spell: (text: string) => string];
const GOOD_KEYS: readonly Spelling[] = [
  ['ed-5', (text) => text.toUpperCase()],
  ['ec-2', (text) => text.trimEnd()],
  ['rsa-1', (text) => `${text}\n`],
];
const LAX_KEYS: readonly Spelling[] = [
  ['ed-5', (text) => text.replace(/../g, '$& ')],
  ['ec-2', (text) => text.replaceAll('\n', '\r\n')],
  ['ec-2', (text) => `\n${text}`],
  ['rsa-1', (text) => `A key:\n${text}`],
];
const BAD_KEYS: readonly Spelling[] = [
  ['ed-5', (text) => text.slice(2)],
  ['ed-5', (text) => `${text}00`],
  ['ec-2', (text) => text.replace('PUBLIC KEY', 'PUBLIC')],
  ['rsa-1', () => keyOf('ec-2').key.keyval.public],
  ['ec-2', () => keyOf('rsa-1').key.keyval.public],
  ['ed-5', () => ''],
];

/** Ids that are no hashes: nobody has to compute them. */
function namedIds(scene: Scene): Attack {
  const id = scene.random.pick(['my key', '😀', '__proto__', 'constructor', '']);
  return byKey(scene, { ...keyOf('ed-6'), id });
}
