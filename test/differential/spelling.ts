// JSON as it may be, must not be, and never should be written; and what files say of each other's bytes.
import { digest, raw, render } from './render.ts';
import { newestRoot, type Loose, type LooseObject } from './state.ts';
import {
  ask,
  at,
  before,
  nameOf,
  pickRole,
  servedAs,
  signedAs,
  today,
  withNew,
  writtenAs,
  type Attack,
  type Kind,
  type Scene,
} from './attack.ts';

export const SPELLING: readonly Kind[] = [
  {
    name: 'members twice',
    mostly: 'excused',
    make: (scene) => {
      const member = scene.random.pick(['version', 'expires', '_type']);
      return writtenAs(scene, pickRole(scene), `${member} twice`, {
        text: (_, text) => text.replace(`"${member}":`, `"${member}": 7, "${member}":`),
      });
    },
  },
  {
    name: 'spelt otherwise',
    mostly: 'accepted',
    make: (scene) => {
      const [how, spell] = scene.random.pick<[string, (text: string) => string]>([
        ['tabs', (text) => JSON.stringify(JSON.parse(text), null, '\t')],
        ['turned round', (text) => JSON.stringify(turned(JSON.parse(text) as Loose))],
        ['escapes', (text) => text.replace(/e/g, '\\u0065').replace(/\//g, '\\/')],
        ['white space', (text) => ` \r\n\t${text}\n`],
      ]);
      return writtenAs(scene, pickRole(scene), how, { text: (_, text) => spell(text) });
    },
  },
  {
    name: 'not JSON',
    mostly: 'refused',
    make: (scene) => {
      const [how, spell] = scene.random.pick<[string, (text: string) => string]>([
        ['byte-order mark', (text) => `\ufeff${text}`],
        ['trailing comma', (text) => text.replace(/\}(\s*)$/, ',}$1')],
        ['single quotes', (text) => text.replaceAll('"', "'")],
        ['comment', (text) => `/* */${text}`],
        ['raw newline', (text) => text.replace('"_type"', '"_type\n"')],
        ['leading zero', (text) => text.replace(/"version": ?/, '"version":0')],
        ['plus', (text) => text.replace(/"version": ?/, '"version":+')],
      ]);
      return writtenAs(scene, pickRole(scene), how, { text: (_, text) => spell(text) });
    },
  },
  {
    name: 'not UTF-8',
    mostly: 'refused',
    make: (scene) =>
      servedAs(scene, pickRole(scene), 'not UTF-8', (bytes) => {
        const text = Buffer.from(bytes).toString('latin1').replace('{', '{"x":"\xff\xfe",');
        return Buffer.from(text, 'latin1');
      }),
  },
  {
    name: 'fractions, signed',
    mostly: 'refused',
    make: (scene) => {
      const number = raw(
        scene.random.pick(['1.5', '1.0', '1e3', '-0.0', '1E400', 'NaN', 'Infinity']),
      );
      return signedAs(scene, pickRole(scene), number, (signed) => (signed['x-number'] = number));
    },
  },
  {
    name: 'large integers, signed',
    mostly: 'excused',
    make: (scene) => {
      const number = scene.random.pick([
        raw('9007199254740992'),
        raw('-9007199254740993'),
        raw('-0', '0'),
        raw('123456789012345678901234567890'),
      ]);
      return signedAs(scene, pickRole(scene), number, (signed) => (signed['x-number'] = number));
    },
  },
  {
    name: 'numbers, not signed',
    mostly: 'excused',
    make: (scene) => {
      const number = scene.random.pick(['1.5', '1e3', '-0', '9007199254740993', 'NaN']);
      return writtenAs(scene, pickRole(scene), number, {
        text: (_, text) => text.replace('{', `{"x-number":${number},`),
      });
    },
  },
  {
    name: 'lone surrogate',
    mostly: 'mixed',
    make: (scene) => {
      const isSigned = scene.random.chance(0.5);
      return writtenAs(scene, pickRole(scene), isSigned ? 'signed' : 'not signed', {
        text: (_, text) =>
          isSigned
            ? text.replace(/"signed": ?\{/, '$&"x":"\\ud800",')
            : text.replace('{', '{"x":"\\ud800",'),
      });
    },
  },
  {
    name: 'nested deeply',
    mostly: 'excused',
    make: (scene) => {
      const depth = scene.random.pick([40, 200]);
      return signedAs(scene, pickRole(scene), `${depth} deep`, (signed) => {
        let value: Loose = [];
        for (let i = 0; i < depth; i++) value = [value];
        signed['x-deep'] = value;
      });
    },
  },
  { name: 'missing from meta', mostly: 'refused', make: missing },
  { name: 'lower in meta', mostly: 'refused', past: true, make: lowerMeta },
  { name: 'other version in meta', mostly: 'refused', make: otherVersion },
  { name: 'wrong length or hash', mostly: 'refused', make: wrong },
  { name: 'wrong length or hash of a target', mostly: 'refused', make: wrongTarget },
  {
    name: 'more in timestamp meta',
    mostly: 'refused',
    make: (scene) =>
      signedAs(scene, 'timestamp', 'another file', (signed) => {
        at(signed, 'meta')['root.json'] = { version: 1 };
      }),
  },
  {
    name: 'hash of an unknown algorithm beside another',
    mostly: 'excused',
    make: (scene) => oddHashes(scene, (hashes) => ({ ...hashes, 'sha-9': '00' })),
  },
  {
    name: 'hash of python-tuf alone',
    mostly: 'excused',
    make: (scene) => {
      const algorithm = scene.random.pick(['sha384', 'sha1', 'blake2s256', 'sha3-256']);
      return oddHashes(scene, () => ({
        [algorithm.replace('blake2s256', 'blake2s')]: digest(algorithm, Buffer.from('stated')),
      }));
    },
  },
  {
    name: 'hash of an unknown algorithm alone',
    mostly: 'refused',
    make: (scene) => oddHashes(scene, () => ({ 'sha-9': '00', __proto: '00' })),
  },
  {
    name: 'hashes are none',
    mostly: 'refused',
    make: (scene) => {
      const odd = scene.random.pick<Loose>([{}, [], null, 'x', { sha256: 5 }, { sha256: null }]);
      return oddHashes(scene, () => odd);
    },
  },
  {
    name: 'hash in capitals',
    mostly: 'excused',
    make: (scene) =>
      oddHashes(scene, (hashes) => {
        return JSON.parse(JSON.stringify(hashes).toUpperCase().replaceAll('SHA', 'sha')) as Loose;
      }),
  },
];

function turned(json: Loose): Loose {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map(turned);
  return Object.fromEntries(
    Object.entries(json)
      .toReversed()
      .map(([name, value]) => [name, turned(value)]),
  );
}

function missing(scene: Scene): Attack {
  const role = pickRole(scene, ['targets']);
  const attack = signedAs(scene, 'snapshot', `${role} is missing`, (signed) => {
    delete at(signed, 'meta')[`${role}.json`];
  });
  return { ...attack, ...ask(today(scene), role) };
}

function lowerMeta(scene: Scene): Attack {
  const role = scene.random.pick([...before(scene).targets.keys()]);
  return signedAs(scene, 'snapshot', `${role} is lower`, (signed) => {
    at(signed, 'meta', `${role}.json`)['version'] = before(scene).targets.get(role)!.version - 1;
  });
}

function otherVersion(scene: Scene): Attack {
  const role = pickRole(scene, ['snapshot', 'targets']);
  const by = role === 'snapshot' ? 'timestamp' : 'snapshot';
  const state = withNew(scene, role);
  const version =
    (scene.random.chance(0.8) ? 1 : 100) + Number(/\d+/.exec(nameOf(state, role))?.[0] ?? 1);
  const files = render(state, {
    signed: (name, signed) => {
      if (name === by) at(signed, 'meta', `${role}.json`)['version'] = version;
    },
  });
  // The same bytes under the name that is asked for.
  const root = newestRoot(state);
  if (root.consistent)
    files.set(`metadata/${version}.${role}.json`, files.get(nameOf(state, role))!);
  return {
    files,
    note: `${role} ${version} is stated`,
    paths: [...(state.targets.get(role)?.targets.keys() ?? [])],
  };
}

function wrong(scene: Scene): Attack {
  const { random } = scene;
  const role = pickRole(scene, ['snapshot', 'targets']);
  const by = role === 'snapshot' ? 'timestamp' : 'snapshot';
  const state = withNew(scene, role);
  const odd = random.pick<LooseObject>([
    { hashes: { sha256: '0'.repeat(64) } },
    { hashes: { sha512: 'f'.repeat(128) } },
    { hashes: { sha256: '' } },
    { length: 1 },
    { length: 0 },
    { length: 100_000 },
    { length: -1 },
  ]);
  const files = render(state, {
    signed: (name, signed) => {
      if (name === by) Object.assign(at(signed, 'meta', `${role}.json`), structuredClone(odd));
    },
  });
  const paths = [...(state.targets.get(role)?.targets.keys() ?? [])];
  return { files, note: `${role}: ${JSON.stringify(odd).slice(0, 40)}`, paths };
}

function wrongTarget(scene: Scene): Attack {
  const odd = scene.random.pick<LooseObject>([
    { hashes: { sha256: '0'.repeat(64) } },
    { length: 1 },
    { length: 1000 },
    { length: -1 },
  ]);
  const attack = withTarget(scene, (target) => Object.assign(target, odd));
  return { ...attack, note: JSON.stringify(odd).slice(0, 40) };
}

/** What is stated of a target, or of targets.json, by hashes of other names and spellings. */
function oddHashes(scene: Scene, change: (hashes: LooseObject) => Loose): Attack {
  return withTarget(scene, (target) => {
    target['hashes'] = change(target['hashes'] as LooseObject);
  });
}

/** targets.json lists one target, which is there, and of which something is stated. */
function withTarget(scene: Scene, change: (target: LooseObject) => void): Attack {
  const state = withNew(scene, 'targets');
  const path = 'dir/stated';
  const target = { content: 'stated', algorithms: ['sha256'] };
  state.targets.get('targets')!.targets.set(path, target);
  const stated: LooseObject[] = [];
  const files = render(state, {
    signed: (name, signed) => {
      if (name !== 'targets') return;
      const entry = at(signed, 'targets', path);
      change(entry);
      stated.push(entry);
    },
  });
  // Under every name that might be asked for.
  const hashes = stated[0]?.['hashes'];
  const names = typeof hashes === 'object' && hashes !== null ? Object.values(hashes) : [];
  for (const hash of names) {
    if (typeof hash === 'string') files.set(`targets/dir/${hash}.stated`, Buffer.from('stated'));
  }
  return { files, note: JSON.stringify(hashes)?.slice(0, 60) ?? '', paths: [path] };
}
