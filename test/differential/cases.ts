// Cases: a repository, some visits of a client to it, and in one of them an attack. A seed and an index say all of it,
// but for the bytes of RSA keys and of the signatures that take chance by themselves.
import { Random } from '../simulation/random.ts';
import { ask, type Attack, type Kind } from './attack.ts';
import { DELEGATIONS } from './delegations.ts';
import { render, type Files } from './render.ts';
import { firstState, nextState, PATHS } from './repository.ts';
import { RESIGNED } from './resigned.ts';
import { SERVED } from './served.ts';
import { SIGNATURES } from './signatures.ts';
import { SPELLING } from './spelling.ts';
import { addRoot, bump, pickKeys, type State } from './state.ts';

export const KINDS: readonly Kind[] = [
  ...SERVED,
  ...RESIGNED,
  ...SIGNATURES,
  ...SPELLING,
  ...DELEGATIONS,
];

/** One in so many cases has no attack. */
const HONEST_EVERY = 5;

export interface Visit {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly files: Files;
  /** What is looked up and downloaded, if the refresh succeeds. */
  readonly paths: readonly string[];
}

export interface Case {
  readonly index: number;
  /** Of the attack; undefined where there is none. */
  readonly kind: Kind | undefined;
  readonly note: string;
  /** The root that the client begins with. */
  readonly root: Uint8Array;
  readonly visits: readonly Visit[];
  /** Which of the visits is attacked, or −1. */
  readonly attacked: number;
}

export function makeCase(seed: number, index: number): Case {
  const random = new Random(seed * 2 ** 21 + index);
  const kind =
    index % HONEST_EVERY === 0
      ? undefined
      : KINDS[(index - Math.floor(index / HONEST_EVERY) - 1) % KINDS.length]!;
  const states = makeStates(random, kind);
  const visits = states.map((state) => honestVisit(random, state));
  const root = visits[0]!.files.get(firstRootName(states[0]!)) as Uint8Array;
  if (kind === undefined) return { index, kind, note: '', root, visits, attacked: -1 };
  const attacked = random.between(kind.past ? 1 : 0, states.length - 1);
  const attack = kind.make({ random, states: states.slice(0, attacked + 1) });
  const { note, root: first = root } = attack;
  const attackedVisit = visitOf(random, states[attacked]!, attack);
  if (attack.root !== undefined) {
    return { index, kind, note, root: first, visits: [attackedVisit], attacked: 0 };
  }
  // The attacker comes before the honest server does, or for good.
  const after = random.chance(0.6) ? visits.slice(attacked) : [];
  return {
    index,
    kind,
    note,
    root,
    attacked,
    visits: [...visits.slice(0, attacked), attackedVisit, ...after],
  };
}

function makeStates(random: Random, kind: Kind | undefined): State[] {
  const states = [firstState(random)];
  const count = random.weighted([
    [3, 1],
    [3, 2],
    [2, 3],
    [1, 4],
  ]);
  const isPast = kind?.past === true;
  if (isPast) makeOlder(states[0]!);
  while (states.length < Math.max(count, isPast ? 2 : 1)) {
    const next = nextState(random, states.at(-1)!);
    if (isPast) bump(next, ...next.targets.keys());
    states.push(next);
  }
  return states;
}

/** So that there is something to go back to. */
function makeOlder(state: State): void {
  for (let i = 0; i < 4; i++) bump(state, ...state.targets.keys());
  state.roots[0]!.version += 3;
  if (state.roots.length === 1) addRoot(state);
}

function honestVisit(random: Random, state: State): Visit {
  const listed = [...state.targets.keys()].flatMap((role) => ask(state, role).paths);
  const paths = [...pickKeys(random, listed, 4), ...pickKeys(random, PATHS, 2)];
  return { now: state.now, files: render(state), paths };
}

function visitOf(
  random: Random,
  state: State,
  { files, now = state.now, paths = [] }: Attack,
): Visit {
  const listed = [...state.targets.keys()].flatMap((role) => ask(state, role).paths);
  return { now, files, paths: [...paths, ...pickKeys(random, listed, 3), random.pick(PATHS)] };
}

function firstRootName({ roots: [first] }: State): string {
  return `metadata/${first!.version}.root.json`;
}
