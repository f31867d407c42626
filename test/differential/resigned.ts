// Attacks and mistakes by those who hold a role's keys: what is signed is wrong, and everything about it is signed.
import { raw, render, written } from './render.ts';
import { addRoot, DAY, newestRoot, type Loose, type LooseObject } from './state.ts';
import {
  ask,
  at,
  before,
  pickObject,
  pickRole,
  signedAs,
  today,
  withNew,
  writtenOf,
  type Attack,
  type Kind,
  type Scene,
} from './attack.ts';

export const RESIGNED: readonly Kind[] = [
  { name: 'lower version', mostly: 'refused', past: true, make: lower },
  { name: 'same version', mostly: 'mixed', past: true, make: same },
  {
    name: 'renewed under the same version',
    mostly: 'accepted',
    past: true,
    make: renewedSame,
  },
  {
    name: 'version left out',
    mostly: 'mixed',
    make: (scene) => {
      const role = pickRole(scene);
      const more = scene.random.pick([1, 1000, 2 ** 31, 2 ** 52]);
      if (role === 'root') return signedAs(scene, role, `plus ${more}`, ofVersion(1 + more));
      const state = withNew(scene, role);
      writtenOf(state, role).version += more;
      return { files: render(state), note: `${role} leaps`, ...ask(state, role) };
    },
  },
  {
    name: 'root out of turn',
    mostly: 'refused',
    make: (scene) => {
      const next = newestRoot(today(scene)).version + 1;
      const version = scene.random.pick([1, 2, -1, 1000].map((more) => next + more));
      return signedAs(scene, 'root', `${version} for ${next}`, ofVersion(version));
    },
  },
  {
    name: 'odd version',
    mostly: 'refused',
    make: (scene) => {
      const version = scene.random.pick<Loose>(['1', null, 0, -1, -7, [2], raw('2.0'), raw('3.5')]);
      return signedAs(scene, pickRole(scene), `version ${JSON.stringify(version)}`, (signed) => {
        signed['version'] = version;
      });
    },
  },
  {
    name: 'version beyond doubles',
    mostly: 'excused',
    make: (scene) => {
      const version = raw(
        scene.random.pick(['9007199254740993', '1000000000000000000000000000000']),
      );
      const roles = ['timestamp', 'snapshot', 'targets'];
      return signedAs(scene, pickRole(scene, roles), version, (signed) => {
        signed['version'] = version;
      });
    },
  },
  {
    name: 'expired',
    mostly: 'refused',
    make: (scene) => {
      const role = pickRole(scene);
      const state = withNew(scene, role);
      writtenOf(state, role).expires = state.now - scene.random.pick([0, 0, 1000, DAY, 4000 * DAY]);
      return { files: render(state), note: `${role} expired`, ...ask(state, role) };
    },
  },
  {
    name: 'expires at the second',
    mostly: 'accepted',
    make: (scene) => {
      const role = pickRole(scene);
      const state = withNew(scene, role);
      writtenOf(state, role).expires = state.now + 1000;
      return { files: render(state), note: `${role} expires in a second`, ...ask(state, role) };
    },
  },
  { name: 'odd expires', mostly: 'refused', make: oddExpires },
  {
    name: 'other type',
    mostly: 'refused',
    make: (scene) => {
      const role = pickRole(scene);
      const types = ['root', 'timestamp', 'snapshot', 'targets', 'Targets', 'mirrors', '', null, 1];
      const own = today(scene).targets.has(role) ? 'targets' : role;
      const type = scene.random.pick(types.filter((each) => each !== own));
      return signedAs(scene, role, `_type ${type}`, (signed) => (signed['_type'] = type));
    },
  },
  {
    name: 'odd spec_version',
    mostly: 'refused',
    make: (scene) => {
      const odd = [
        '2.0.0',
        '1',
        '1.',
        '1.0.0.0',
        '0.9',
        '1.x',
        'v1.0',
        '',
        ' 1.0',
        '1.0\n',
        '01.0',
      ];
      const spec = scene.random.pick<Loose>([...odd, 1, raw('1.0'), null, '1.-1']);
      return signedAs(scene, pickRole(scene), `spec_version ${JSON.stringify(spec)}`, (signed) => {
        signed['spec_version'] = spec;
      });
    },
  },
  {
    name: 'spec_version in other digits',
    mostly: 'excused',
    make: (scene) => {
      const spec = scene.random.pick(['1.٣', '1.0.²', '1.０']);
      return signedAs(scene, pickRole(scene), spec, (signed) => (signed['spec_version'] = spec));
    },
  },
  {
    name: 'expired before 1970',
    mostly: 'excused',
    make: (scene) => {
      const state = withNew(scene, 'timestamp');
      // Of no use, but on the way to the next.
      addRoot(state).expires = -DAY;
      addRoot(state).expires = state.now + DAY;
      return { files: render(state), note: 'a root on the way' };
    },
  },
  { name: 'field left out', mostly: 'refused', make: leftOut },
  {
    name: 'null or other type',
    mostly: 'refused',
    make: (scene) => {
      const value = scene.random.pick<Loose>([null, [], {}, 'text', [[]]]);
      return signedAs(scene, pickRole(scene), `a field is ${JSON.stringify(value)}`, (signed) => {
        const [object, field] = pickField(scene, signed);
        // Another object or list may well be what belongs there.
        if (object[field] !== null && typeof object[field] === 'object') object[field] = null;
        else object[field] = value;
      });
    },
  },
  { name: 'loose types', mostly: 'excused', make: looseType },
  {
    name: 'odd custom',
    mostly: 'excused',
    make: (scene) => {
      const custom = scene.random.pick<Loose>(['text', 1, [], null, true]);
      return signedAs(scene, 'targets', `custom ${JSON.stringify(custom)}`, (signed) => {
        at(signed, 'targets')['a.txt'] = { length: 0, hashes: { sha256: '0' }, custom };
      });
    },
  },
  {
    name: 'unknown fields',
    mostly: 'accepted',
    make: (scene) =>
      signedAs(scene, pickRole(scene), 'unknown fields', (signed) => {
        const { random } = scene;
        for (let i = 0; i < 3; i++) {
          const [object] = pickField(scene, signed);
          // Where names are others' to choose, a field would be one of those.
          const isListing = 'snapshot' in object || 'snapshot.json' in object;
          (isListing ? signed : object)[`x-${random.hex(3)}`] = {
            é: [random.below(9), null, '😀'],
          };
        }
      }),
  },
];

function lower(scene: Scene): Attack {
  const role = scene.random.pick([
    'root',
    'timestamp',
    'snapshot',
    ...before(scene).targets.keys(),
  ]);
  const old = writtenOf(before(scene), role).version;
  const version = old - scene.random.below(2) - 1;
  // Under the name of the next root, as no other is asked for.
  if (role === 'root') return signedAs(scene, role, `version ${version}`, ofVersion(version));
  const state = withNew(scene, role);
  writtenOf(state, role).version = version;
  return { files: render(state), note: `${role} goes back`, ...ask(state, role) };
}

function ofVersion(version: number): (signed: LooseObject) => void {
  return (signed) => (signed['version'] = version);
}

/** Something else under a version that the client has seen. */
function same(scene: Scene): Attack {
  const role = scene.random.pick(['timestamp', 'snapshot', ...before(scene).targets.keys()]);
  const state = structuredClone(before(scene));
  state.timestamp.version += role === 'timestamp' ? 0 : 1;
  const written = writtenOf(state, role);
  written.extra = { changed: scene.random.hex(8) };
  const { targets } = state.targets.get('targets')!;
  if (scene.random.chance(0.5)) targets.set('a.txt', { content: 'evil', algorithms: ['sha256'] });
  return { files: render(state), note: `another ${role}`, paths: ['a.txt'] };
}

/** A snapshot or a file of targets that expires later, under the version that has expired by now. */
function renewedSame(scene: Scene): Attack {
  const role = scene.random.pick(['snapshot', 'targets']);
  const state = structuredClone(before(scene));
  const now = before(scene).now + 400 * DAY;
  for (const each of state.targets.values()) each.expires = now + DAY;
  state.snapshot.expires = now + DAY;
  newestRoot(state).expires = now + DAY;
  const root = structuredClone(newestRoot(state));
  root.version++;
  state.roots.push(root);
  state.timestamp.version++;
  state.timestamp.expires = now + DAY;
  return { files: render(state), note: `${role} renewed under its version`, now };
}

function oddExpires(scene: Scene): Attack {
  const in2030 = Date.UTC(2030, 1, 3, 4, 5, 6);
  const good = written(in2030);
  const expires = scene.random.pick<Loose>([
    good.replace('Z', ''),
    good.replace('Z', '+00:00'),
    good.replace('Z', '.5Z'),
    good.toLowerCase(),
    '2030-2-3T4:5:6Z',
    '2030-02-30T00:00:00Z',
    '2030-01-01',
    'never',
    '',
    '2030-13-01T00:00:00Z',
    '2030-01-01T24:00:00Z',
    '2030-01-01T00:00:60Z',
    '10000-01-01T00:00:00Z',
    '٢030-01-01T00:00:00Z',
    in2030,
    null,
    good.replace('T', ' '),
    ` ${good}`,
    `${good}\n`,
  ]);
  return signedAs(scene, pickRole(scene), `expires ${JSON.stringify(expires)}`, (signed) => {
    signed['expires'] = expires;
  });
}

const FIELDS: ReadonlySet<string> = new Set([
  '_type',
  'version',
  'spec_version',
  'expires',
  'keys',
  'roles',
  'meta',
  'targets',
  'length',
  'hashes',
  'keyids',
  'threshold',
  'keytype',
  'scheme',
  'keyval',
  'public',
  'name',
  'terminating',
  'bit_length',
  'name_prefix',
  'snapshot.json',
  'timestamp',
  'snapshot',
  'root',
]);
/** Those that may be left out. */
const OPTIONAL: ReadonlySet<string> = new Set(['length', 'hashes']);

function leftOut(scene: Scene): Attack {
  let what = '';
  const attack = signedAs(scene, pickRole(scene), 'left out', (signed) => {
    const [object, field] = pickField(scene, signed);
    what = field;
    delete object[field];
  });
  return { ...attack, note: `${attack.note} ${what}` };
}

/** A field that the specification knows. */
function pickField({ random }: Scene, signed: LooseObject): [LooseObject, string] {
  for (let i = 0; i < 20; i++) {
    const object = random.chance(0.3) ? signed : pickObject(random, signed);
    const isListing = object === signed['targets'] || object === signed['meta'];
    const fields = Object.keys(object).filter(
      (field) => FIELDS.has(field) && !isListing && !(OPTIONAL.has(field) && 'version' in object),
    );
    if (fields.length > 0) return [object, random.pick(fields)];
  }
  return [signed, 'version'];
}

/** What Python takes for a number, a list or a truth value. */
function looseType(scene: Scene): Attack {
  const { random } = scene;
  const [role, note, change] = random.pick<[string, string, (signed: LooseObject) => void]>([
    [
      'snapshot',
      'version true in meta',
      // Of a role that nobody asks for, so that no file has to agree.
      (signed) => (at(signed, 'meta')['nobody.json'] = { version: true }),
    ],
    [
      'root',
      'consistent_snapshot 1 or 0',
      (signed) => (signed['consistent_snapshot'] = Number(signed['consistent_snapshot'] === true)),
    ],
    [
      'root',
      'threshold true',
      (signed) => {
        const role = at(signed, 'roles', 'timestamp');
        role['threshold'] = true;
      },
    ],
    ['targets', 'terminating "yes"', (signed) => delegateLoosely(signed, { terminating: 'yes' })],
    ['targets', 'name a number', (signed) => delegateLoosely(signed, { name: 5 })],
    ['targets', 'paths a string', (signed) => delegateLoosely(signed, { paths: 'ab' })],
    ['targets', 'length true', (signed) => listLoosely(signed, { length: true })],
  ]);
  return signedAs(scene, role, note, change);
}

function delegateLoosely(signed: LooseObject, odd: LooseObject): void {
  const role = { name: 'loose', keyids: [], threshold: 1, terminating: false, paths: ['none'] };
  signed['delegations'] = { keys: {}, roles: [{ ...role, ...odd }] };
}

function listLoosely(signed: LooseObject, odd: LooseObject): void {
  at(signed, 'targets')['loose'] = { length: 1, hashes: { sha256: '0' }, ...odd };
}
