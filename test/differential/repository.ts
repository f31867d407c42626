// Repositories made up by dice: a first state with delegations of every form, and what its maintainers do next.
import { createHash } from 'node:crypto';
import type { Random } from '../simulation/random.ts';
import { KEY_NAMES } from './keys.ts';
import {
  addRoot,
  binName,
  bump,
  DAY,
  newestRoot,
  pickKeys,
  renew,
  START,
  TOP,
  type Delegation,
  type LooseObject,
  type Signing,
  type State,
  type Style,
  type Target,
  type TargetsRole,
  type Top,
  type Written,
} from './state.ts';

export const PATHS: readonly string[] = [
  'a.txt',
  'b.txt',
  'c',
  'dir/a.txt',
  'dir/b.txt',
  'dir/.hidden',
  'dir/sub/c.bin',
  'x/y/z/deep',
  'päth/ü.txt',
  'sp ace/f',
  'a+b',
  '%41',
  'emoji/😀',
  'ﬀ/￮',
  '__proto__',
  'constructor',
  '//x',
  'dir/',
  '1',
  '[a].txt',
  'back\\slash',
  '"quoted"',
  'new\nline',
];
const PATTERNS = [
  '*',
  '*.txt',
  '?.txt',
  'a*',
  'dir/*',
  'dir/?.txt',
  '*/a.txt',
  'dir/*/*',
  '*/*',
  'x/*/z/*',
  '**',
  'dir/**',
  'emoji/?',
  '?',
  'päth/*',
  '*/ü.t?t',
  'a+b',
  '%4?',
  '//?',
  'dir/',
  '__*__',
  '',
  'back\\*',
  '*a*t*',
  'dir/a.txt',
  'a.txt',
  'b.txt',
  '*/*/*/*',
  '"*"',
  'new?line',
];
const ROLE_NAMES = [
  'a',
  'role-1',
  'r.json',
  'Root',
  'x y',
  'ünï',
  '😀',
  'dir/role',
  '..',
  'constructor',
  '__proto__',
  'a%2Fb',
  'snapshot2',
  '1',
  "it's",
  'roles*',
];
const SPECS = ['1.0', '1.0.0', '1.0.31', '1.0.99', '1.31', '1.2.3'];
const ALGORITHMS = [['sha256'], ['sha256'], ['sha512'], ['sha512', 'sha256'], ['sha256', 'sha512']];
const EXTRAS: readonly LooseObject[] = [
  { note: 'unknown', 'x-list': [1, 'two', null, true, { deep: [[]] }] },
  { 'x-😀': 'ä\u0001\n\\"', 'x-\uffee': 'order by code point', '': 'no name' },
  { 'x-large': 9_007_199_254_740_991, 'x-low': -5, 'x-none': null },
];

export function firstState(random: Random): State {
  const signing = (): Signing => makeSigning(random);
  const state: State = {
    now: START,
    roots: [
      {
        ...makeWritten(random, START + 300 * DAY),
        consistent: random.weighted([
          [6, true],
          [2, false],
          [1, undefined],
        ]),
        roles: { root: signing(), timestamp: signing(), snapshot: signing(), targets: signing() },
      },
    ],
    timestamp: { ...makeWritten(random, START + 20 * DAY), ...makeStyle(random) },
    snapshot: { ...makeWritten(random, START + 50 * DAY), ...makeStyle(random) },
    targets: new Map(),
  };
  addTargets(random, state, 'targets', newestRoot(state).roles.targets, 0);
  return state;
}

/** What happens between two visits of the client. */
export function nextState(random: Random, before: State): State {
  const state = structuredClone(before);
  state.now += random.between(0, 15) * DAY;
  renewAll(state);
  const acts = random.weighted([
    [1, 0],
    [4, 1],
    [3, 2],
    [2, 4],
  ]);
  for (let i = 0; i < acts; i++) random.pick(ACTS)(random, state);
  if (random.chance(0.8)) renew(state);
  return state;
}

/** Maintainers at work renew what expires soon. */
function renewAll(state: State): void {
  const soon = state.now + 16 * DAY;
  const late = [...state.targets].filter(([, { expires }]) => expires < soon);
  if (late.length > 0) bump(state, ...late.map(([name]) => name));
  if (state.snapshot.expires < soon) bump(state);
  if (state.timestamp.expires < soon) renew(state);
}

const ACTS: readonly ((random: Random, state: State) => void)[] = [
  (random, state) => {
    const name = random.pick([...state.targets.keys()]);
    state.targets.get(name)!.targets.set(random.pick(PATHS), makeTarget(random));
    bump(state, name);
  },
  (random, state) => {
    const name = random.pick([...state.targets.keys()]);
    const { targets } = state.targets.get(name)!;
    if (targets.size > 0) targets.delete(random.pick([...targets.keys()]));
    bump(state, name);
  },
  (_, state) => bump(state, ...state.targets.keys()),
  (random, state) => rotate(random, state, random.pick(TOP)),
  (random, state) => rotate(random, state, 'root'),
  (random, state) => {
    addRoot(state).expires = state.now - DAY;
    rotate(random, state, random.pick(TOP));
  },
  (random, state) => {
    const root = addRoot(state);
    if (random.chance(0.5)) root.consistent = root.consistent !== true;
  },
  rotateDelegated,
  (random, state) => {
    const open = [...state.targets].filter(([, role]) => role.succinct === undefined);
    const [name] = random.pick(open);
    addDelegation(random, state, name, 2);
    bump(state, name);
  },
];

/** New keys for a top-level role; what they sign is signed anew, so it has a new version. */
function rotate(random: Random, state: State, role: Top): void {
  const root = addRoot(state);
  root.roles[role] = makeSigning(random);
  if (role === 'targets') {
    Object.assign(state.targets.get('targets')!, structuredClone(root.roles.targets));
    bump(state, 'targets');
  } else if (role === 'snapshot') bump(state);
  else if (role === 'timestamp') renew(state);
}

/** New keys for a delegated role, where one role alone delegates to it. */
function rotateDelegated(random: Random, state: State): void {
  const owners = new Map<string, [string, Delegation][]>();
  for (const [owner, { roles = [] }] of state.targets) {
    for (const role of roles) {
      owners.set(role.name, [...(owners.get(role.name) ?? []), [owner, role]]);
    }
  }
  const sole = [...owners.values()].filter((each) => each.length === 1).map((each) => each[0]!);
  if (sole.length === 0) return;
  const [owner, delegation] = random.pick(sole);
  const signing = makeSigning(random);
  Object.assign(delegation, signing);
  Object.assign(state.targets.get(delegation.name)!, structuredClone(signing));
  bump(state, owner, delegation.name);
}

function addTargets(
  random: Random,
  state: State,
  name: string,
  signing: Signing,
  depth: number,
): void {
  const role: TargetsRole = {
    ...makeWritten(random, state.now + 100 * DAY),
    ...structuredClone(signing),
    targets: new Map(),
  };
  state.targets.set(name, role);
  for (let i = random.between(0, 4); i > 0; i--) {
    role.targets.set(random.pick(PATHS), makeTarget(random));
  }
  if (depth > 2) return;
  if (depth > 0 && random.chance(0.2)) {
    addBins(random, state, role, `bin${state.targets.size}`);
    return;
  }
  const delegations = random.weighted([
    [depth + 0.5, 0],
    [1, 1],
    [2, 2],
    [1, 3],
  ]);
  for (let i = 0; i < delegations; i++) addDelegation(random, state, name, depth + 1);
}

/** To a new role, or to one that another delegates to as well; in a circle, if that is how it comes. */
function addDelegation(random: Random, state: State, owner: string, depth: number): void {
  const role = state.targets.get(owner)!;
  const roles = (role.roles ??= []);
  const known = [...state.targets.keys()].filter((name) => name !== 'targets');
  const isKnown = known.length > 0 && random.chance(0.25);
  const name = isKnown ? random.pick(known) : random.pick(ROLE_NAMES);
  if (roles.some((each) => each.name === name)) return;
  const of = state.targets.get(name);
  const signing = of === undefined ? makeSigning(random) : structuredClone(of);
  const { keys, threshold } = signing;
  roles.push({
    name,
    keys,
    // One of two who delegate to a role may ask for fewer signatures, or by mistake for others.
    threshold: of !== undefined && random.chance(0.2) ? 1 : threshold,
    terminating: random.chance(0.3),
    ...makePaths(random),
  });
  if (of === undefined) addTargets(random, state, name, signing, depth);
}

function addBins(random: Random, state: State, role: TargetsRole, prefix: string): void {
  const bits = random.between(1, 3);
  const succinct = { ...makeSigning(random), bits, prefix };
  role.succinct = succinct;
  const bins = 2 ** bits;
  for (let i = 0; i < bins; i++) {
    addTargets(random, state, binName(prefix, bits, i), succinct, 3);
  }
  // What a bin lists is looked for in the bin of its path's hash alone.
  for (const path of pickKeys(random, PATHS, 4)) {
    const index = Number.parseInt(hashOf(path).slice(0, 8), 16) >>> (32 - bits);
    state.targets.get(binName(prefix, bits, index))!.targets.set(path, makeTarget(random));
  }
}

function makePaths(random: Random): Pick<Delegation, 'paths' | 'prefixes'> {
  if (random.chance(0.7)) return { paths: pickKeys(random, PATTERNS, random.between(1, 6)) };
  const exact = pickKeys(random, PATHS, 3).map((path) =>
    hashOf(path).slice(0, random.between(1, 64)),
  );
  const wide = [...'0123456789abcdef'].filter(() => random.chance(0.4));
  const odd = random.chance(0.1) ? ['', 'AB', '0'.repeat(65)] : [];
  return { prefixes: [...exact, ...wide, ...odd] };
}

function makeTarget(random: Random): Target {
  const content = random.chance(0.05) ? '' : `content ${random.hex(12)}`;
  const algorithms = random.pick(ALGORITHMS);
  const custom = random.chance(0.2) ? { yanked: true, 'x-empty': {} } : undefined;
  return { content, algorithms, ...(custom && { custom }) };
}

function makeSigning(random: Random): Signing {
  const count = random.weighted([
    [5, 1],
    [3, 2],
    [2, 3],
  ]);
  const keys = pickKeys(random, KEY_NAMES, count);
  return { keys, threshold: random.between(1, count) };
}

function makeWritten(random: Random, expires: number): Written {
  return {
    version: random.chance(0.7) ? 1 : random.between(2, 40),
    expires,
    spec: random.pick(SPECS),
    extra: random.chance(0.25) ? random.pick(EXTRAS) : {},
    isIndented: random.chance(0.3),
  };
}

function makeStyle(random: Random): Style {
  return {
    length: random.chance(0.5),
    algorithms: random.chance(0.5) ? random.pick(ALGORITHMS) : [],
  };
}

export function hashOf(path: string): string {
  return createHash('sha256').update(path).digest('hex');
}
