// Delegations as nobody should make them: circles, crowds, names that are taken, contradictions; and roots without end.
import { raw, render } from './render.ts';
import { hashOf } from './repository.ts';
import {
  addRoot,
  bump,
  DAY,
  type Delegation,
  type Loose,
  type LooseObject,
  type Target,
  type TargetsRole,
} from './state.ts';
import { signedAs, today, type Attack, type Kind, type Scene } from './attack.ts';

/** So many roots follow one another at most in one refresh; fewer than either client's own limit, for speed. */
export const ROOTS_MAX = 12;
/** python-tuf's `max_delegations`. */
const DELEGATIONS_MAX = 32;

export const DELEGATIONS: readonly Kind[] = [
  {
    name: 'role called as a top-level one',
    mostly: 'refused',
    make: (scene) => {
      const name = scene.random.pick(['root', 'timestamp', 'snapshot', 'targets', '']);
      return odd(scene, { name }, name);
    },
  },
  {
    name: 'contradictory delegation',
    mostly: 'refused',
    make: (scene) => {
      const change = scene.random.pick<LooseObject>([
        { path_hash_prefixes: ['0'] },
        { path_hash_prefixes: null },
        { paths: null },
        { paths: [5] },
        { keyids: ['a', 'a'] },
        { threshold: 0 },
      ]);
      return odd(scene, change, JSON.stringify(change));
    },
  },
  {
    name: 'contradictory delegations',
    mostly: 'refused',
    make: (scene) => {
      const { random } = scene;
      const succinct = { keyids: [], threshold: 1, bit_length: 2, name_prefix: 'b' };
      const role = { name: 'r', keyids: [], threshold: 1, terminating: false, paths: ['*'] };
      const [note, delegations] = random.pick<[string, Loose]>([
        ['both', { keys: {}, roles: [], succinct_roles: succinct }],
        ['neither', { keys: {} }],
        ['twice', { keys: {}, roles: [role, role] }],
        ['no keys', { roles: [role] }],
        ['null', null],
        ['a list', []],
        ['0 bits', { keys: {}, succinct_roles: { ...succinct, bit_length: 0 } }],
        ['33 bits', { keys: {}, succinct_roles: { ...succinct, bit_length: 33 } }],
        ['half a bit', { keys: {}, succinct_roles: { ...succinct, bit_length: raw('1.5') } }],
        ['no name', { keys: {}, succinct_roles: { ...succinct, name_prefix: null } }],
      ]);
      return signedAs(scene, 'targets', note, (signed) => (signed['delegations'] = delegations));
    },
  },
  {
    name: 'delegated but not listed',
    mostly: 'refused',
    make: (scene) => {
      const state = newTargets(scene, [delegation('nowhere')]);
      return { files: render(state), note: 'nowhere', paths: ['any'] };
    },
  },
  { name: 'circle', mostly: 'accepted', make: circle },
  {
    name: 'as many roles as may be',
    mostly: 'accepted',
    make: (scene) => crowd(scene, DELEGATIONS_MAX),
  },
  {
    name: 'more roles than may be',
    mostly: 'excused',
    make: (scene) => crowd(scene, DELEGATIONS_MAX + 1),
  },
  { name: 'terminating', mostly: 'accepted', make: terminating },
  { name: 'brackets in a pattern', mostly: 'excused', make: brackets },
  { name: 'any one character', mostly: 'accepted', make: anyCharacter },
  { name: '32 bits of bins', mostly: 'accepted', make: manyBins },
  { name: 'one role by two', mostly: 'mixed', make: byTwo },
  {
    name: 'delegate without keys',
    mostly: 'refused',
    make: (scene) => odd(scene, { keyids: ['x'] }, ''),
  },
  { name: 'as many roots as may be', mostly: 'accepted', make: (scene) => roots(scene, ROOTS_MAX) },
  { name: 'roots without end', mostly: 'excused', make: (scene) => roots(scene, ROOTS_MAX + 1) },
];

/** targets delegates everything to a role that is there and fine, but for what is odd about it. */
function odd(scene: Scene, change: LooseObject, note: string): Attack {
  const state = newTargets(scene, [{ ...delegation('fine'), paths: ['*'] }]);
  state.targets.set('fine', role({ fine: 'content' }));
  const files = render(state, {
    signed: (name, signed) => {
      if (name !== 'targets') return;
      const { roles } = signed['delegations'] as { roles: LooseObject[] };
      Object.assign(roles[0]!, change);
    },
  });
  return { files, note, paths: ['fine'] };
}

function circle(scene: Scene): Attack {
  const state = newTargets(scene, [delegation('one'), delegation('two')]);
  state.targets.set('one', { ...role({}), roles: [delegation('two'), delegation('one')] });
  state.targets.set('two', {
    ...role({ two: '2' }),
    roles: [delegation('one'), delegation('three')],
  });
  state.targets.set('three', { ...role({ three: '3' }), roles: [delegation('one')] });
  return { files: render(state), note: 'a circle', paths: ['two', 'three', 'none'] };
}

/** The last of many roles lists the path; a chain or one beside the other. */
function crowd(scene: Scene, count: number): Attack {
  const isChain = scene.random.chance(0.5);
  const names = Array.from({ length: count }, (_, i) => `r${i}`);
  const state = newTargets(scene, (isChain ? names.slice(0, 1) : names).map(delegation));
  names.forEach((name, i) => {
    const next = names[i + 1];
    const made = role(next === undefined ? { last: 'found' } : {});
    state.targets.set(name, isChain && next ? { ...made, roles: [delegation(next)] } : made);
  });
  return {
    files: render(state),
    note: `${count} ${isChain ? 'deep' : 'wide'}`,
    paths: ['last', 'none'],
  };
}

/** Where the search has to end, and what lies behind that end. */
function terminating(scene: Scene): Attack {
  const { random } = scene;
  const state = newTargets(scene, [
    { ...delegation('first'), paths: ['a*'] },
    { ...delegation('second'), paths: ['a*'], terminating: random.chance(0.6) },
    delegation('behind'),
  ]);
  state.targets.set('first', {
    ...role({ a1: '1' }),
    roles: [{ ...delegation('inner'), paths: ['ab*'], terminating: random.chance(0.6) }],
  });
  state.targets.set('inner', role({ ab1: '1' }));
  state.targets.set('second', role({ a1: '2', a2: '2', ab2: '2' }));
  state.targets.set('behind', role({ a1: '3', a2: '3', a3: '3', ab2: '3', ab3: '3', b: '3' }));
  return {
    files: render(state),
    note: 'terminating',
    paths: ['a1', 'a2', 'a3', 'ab1', 'ab2', 'ab3', 'b'],
  };
}

function brackets(scene: Scene): Attack {
  const pattern = scene.random.pick(['[a-c]', '[!x]', '[abc]?', 'a[.]b']);
  const state = newTargets(scene, [{ ...delegation('some'), paths: [pattern] }]);
  state.targets.set('some', role({ a: '1', ab: '2', 'a.b': '3', [pattern]: '4' }));
  return { files: render(state), note: pattern, paths: ['a', 'ab', 'a.b', pattern] };
}

function anyCharacter(scene: Scene): Attack {
  const pattern = scene.random.pick(['?', '*?', '?*', '??', '*?b', '*a?', 'x?*?', '*']);
  const paths = ['😀', 'a😀', '😀b', '😀😀', 'a', 'ab', 'e\u0301', 'x😀y', 'x😀', '\uffee'];
  const state = newTargets(scene, [{ ...delegation('some'), paths: [pattern] }]);
  state.targets.set('some', role(Object.fromEntries(paths.map((path) => [path, path]))));
  return { files: render(state), note: pattern, paths };
}

function manyBins(scene: Scene): Attack {
  const bits = scene.random.pick([31, 32]);
  const hash = scene.random.pick(['deep/a', 'deep/b', 'c']);
  // Of no other path: hardly any bin is there.
  const state = newTargets(scene, [{ ...delegation('bins'), paths: [hash] }]);
  state.targets.set('bins', {
    ...role({}),
    succinct: { keys: ['ed-1'], threshold: 1, bits, prefix: '_' },
  });
  // 32 bits: the first eight digits themselves; 31: half of that.
  const index = Math.floor(Number.parseInt(hashOf(hash).slice(0, 8), 16) / 2 ** (32 - bits));
  state.targets.set(`_-${index.toString(16).padStart(8, '0')}`, role({ [hash]: 'in a bin' }));
  return { files: render(state), note: `${bits} bits`, paths: [hash] };
}

/** Two delegate to one role, the second with other keys. */
function byTwo(scene: Scene): Attack {
  const other = { ...delegation('shared'), keys: [scene.random.pick(['ed-1', 'ed-2'])] };
  const state = newTargets(scene, [
    { ...delegation('left'), paths: ['l*'] },
    { ...delegation('right'), paths: ['r*'] },
  ]);
  state.targets.set('left', { ...role({}), roles: [delegation('shared')] });
  state.targets.set('right', { ...role({}), roles: [other] });
  state.targets.set('shared', role({ l1: '1', r1: '1' }));
  const paths = scene.random.chance(0.5) ? ['l1', 'r1', 'l1'] : ['r1', 'l1', 'r2'];
  return { files: render(state), note: `keys ${other.keys.join()}`, paths };
}

function roots(scene: Scene, count: number): Attack {
  const state = structuredClone(today(scene));
  const from = scene.states.at(-2)?.roots.length ?? 1;
  while (state.roots.length < from + count) addRoot(state);
  state.timestamp.version++;
  state.timestamp.expires = state.now + DAY;
  return { files: render(state), note: `${state.roots.length - from} roots` };
}

/** Today's repository with other delegations, and its targets.json new. */
function newTargets(scene: Scene, roles: Delegation[]): ReturnType<typeof today> {
  const state = structuredClone(today(scene));
  // What delegated roles list stays listed, as it has to.
  Object.assign(state.targets.get('targets')!, { targets: new Map(), roles });
  bump(state, 'targets');
  return state;
}

function delegation(name: string): Delegation {
  return { name, keys: ['ed-1'], threshold: 1, terminating: false, paths: ['*', '*/*'] };
}

function role(contents: Record<string, string>): TargetsRole {
  const targets = Object.entries(contents).map(([path, content]): [string, Target] => {
    return [path, { content, algorithms: ['sha256'] }];
  });
  return {
    version: 1,
    expires: Date.UTC(2040, 0, 1),
    spec: '1.0.31',
    extra: {},
    isIndented: false,
    keys: ['ed-1'],
    threshold: 1,
    targets: new Map(targets),
  };
}
