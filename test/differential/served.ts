// Attacks by somebody who holds no key: a mirror that alters, withholds, exchanges and goes back.
import { STRANGER } from './keys.ts';
import { render, targetNames, type Served } from './render.ts';
import { newestRoot } from './state.ts';
import {
  ask,
  before,
  nameOf,
  pickRole,
  servedAs,
  today,
  withNew,
  type Attack,
  type Kind,
  type Scene,
} from './attack.ts';

export const SERVED: readonly Kind[] = [
  {
    name: 'bit flipped',
    mostly: 'refused',
    make: (scene) =>
      servedAs(scene, pickRole(scene), 'a bit', (bytes) => {
        const flipped = Uint8Array.from(bytes);
        flipped[scene.random.below(bytes.length)]! ^= 1 << scene.random.below(8);
        return flipped;
      }),
  },
  {
    name: 'cut off',
    mostly: 'refused',
    make: (scene) =>
      servedAs(scene, pickRole(scene), 'cut off', (bytes) => {
        return bytes.subarray(0, scene.random.below(bytes.length));
      }),
  },
  {
    name: 'appended',
    mostly: 'refused',
    make: (scene) => {
      const more = scene.random.pick([' ', '\n', '\0', '{}', ',', ' '.repeat(600_000)]);
      return servedAs(scene, pickRole(scene), JSON.stringify(more.slice(0, 5)), (bytes) => {
        return Buffer.concat([bytes, Buffer.from(more)]);
      });
    },
  },
  {
    name: 'no metadata',
    mostly: 'refused',
    make: (scene) => {
      const text = scene.random.pick([
        '',
        '{}',
        '[]',
        'null',
        '"x"',
        '<html></html>',
        '{"signed":{}}',
      ]);
      return servedAs(scene, pickRole(scene), text, () => Buffer.from(text));
    },
  },
  {
    name: 'dropped',
    mostly: 'refused',
    make: (scene) => servedAs(scene, pickRole(scene), 'dropped', () => undefined),
  },
  {
    name: 'server at fault',
    mostly: 'refused',
    make: (scene) => servedAs(scene, pickRole(scene), 'fault', () => 'fault'),
  },
  {
    name: 'endless',
    mostly: 'refused',
    make: (scene) => servedAs(scene, pickRole(scene), 'endless', () => 'endless'),
  },
  { name: 'exchanged', mostly: 'refused', make: exchanged },
  { name: 'an old file', mostly: 'refused', past: true, make: oldFile },
  { name: 'freeze', mostly: 'refused', past: true, make: freeze },
  { name: 'mix and match', mostly: 'refused', past: true, make: mix },
  { name: 'first root', mostly: 'mixed', make: firstRoot },
  { name: 'target altered', mostly: 'refused', make: targetAltered },
];

/** One role's file under the name of another. */
function exchanged(scene: Scene): Attack {
  const role = pickRole(scene);
  const state = withNew(scene, role);
  const files = render(state);
  const others = ['root', 'timestamp', 'snapshot', ...state.targets.keys()];
  const other = scene.random.pick(others.filter((name) => name !== role));
  files.set(nameOf(state, role), files.get(nameOf(state, other))!);
  return { files, note: `${other} as ${role}`, ...ask(state, role) };
}

function oldFile(scene: Scene): Attack {
  const role = pickRole(scene, ['timestamp', 'snapshot', 'targets']);
  const state = today(scene);
  const files = render(state);
  const old = render(before(scene));
  const bytes = old.get(nameOf(before(scene), before(scene).targets.has(role) ? role : 'targets'))!;
  files.set(
    nameOf(state, role),
    role === 'timestamp' || role === 'snapshot' ? old.get(nameOf(before(scene), role))! : bytes,
  );
  return { files, note: `${role} of before`, ...ask(state, role) };
}

function freeze(scene: Scene): Attack {
  const now = today(scene).now + scene.random.between(21, 500) * 86_400_000;
  return { files: render(before(scene)), note: 'everything of before, for long', now };
}

function mix(scene: Scene): Attack {
  const state = today(scene);
  const files = render(state);
  const old = render(before(scene));
  for (const role of before(scene).targets.keys()) {
    files.set(nameOf(state, role), old.get(nameOf(before(scene), role))!);
  }
  return { files, note: 'all targets of before', ...ask(state, 'targets') };
}

/** Where trust begins: a root that is none, or that is older than it looks. */
function firstRoot(scene: Scene): Attack {
  const state = structuredClone(today(scene));
  const first = state.roots[0]!;
  if (scene.random.chance(0.3)) first.expires = state.now - 1000;
  state.roots = [first];
  const files = render(state, scene.random.chance(0.3) ? { signers: () => [STRANGER] } : {});
  const root = Uint8Array.from(files.get(nameOf(state, 'root')) as Uint8Array);
  if (scene.random.chance(0.3)) root[scene.random.below(root.length)]! ^= 1;
  return { files: render(today(scene)), note: 'first root', root };
}

function targetAltered(scene: Scene): Attack {
  const { random } = scene;
  const state = structuredClone(today(scene));
  const targets = state.targets.get('targets')!;
  const [path = 'a.txt', target = { content: 'honest', algorithms: ['sha256'] }] =
    [...targets.targets][0] ?? [];
  targets.targets.set(path, target);
  targets.version += 1;
  state.snapshot.version += 1;
  state.timestamp.version += 1;
  const files = render(state);
  const { content } = target;
  const [note, served] = random.pick<readonly [string, Served | undefined]>([
    ['other bytes', Buffer.from(content.replace(/./g, 'x') || 'x')],
    ['longer', Buffer.from(`${content}x`)],
    ['shorter', Buffer.from(content.slice(1) || 'x')],
    ['endless', 'endless'],
    ['fault', 'fault'],
    ['gone', undefined],
  ]);
  for (const name of targetNames(path, target, newestRoot(state).consistent === true)) {
    if (served === undefined) files.delete(name);
    else files.set(name, served);
  }
  return { files, note: `${path}: ${note}`, paths: [path] };
}
