// A repository as its maintainers think of it: roles, keys, versions, targets. Plain data, so that a later state is a
// changed copy of the one before. How it is written down and signed is in render.ts.
import type { Random } from '../simulation/random.ts';

export const TOP = ['root', 'timestamp', 'snapshot', 'targets'] as const;
export type Top = (typeof TOP)[number];

export const DAY = 86_400_000;
export const START = Date.UTC(2027, 0, 1);

/** JSON that can be changed. */
export type Loose = null | boolean | number | string | Loose[] | LooseObject;
export interface LooseObject {
  [name: string]: Loose;
}

export interface Signing {
  /** Names of keys. */
  keys: string[];
  threshold: number;
}

export interface Written {
  version: number;
  /** Milliseconds since 1970. */
  expires: number;
  spec: string;
  /** Fields that no specification knows. */
  extra: LooseObject;
  /** Whether the file is written for people. */
  isIndented: boolean;
}

export interface Delegation extends Signing {
  name: string;
  terminating: boolean;
  paths?: string[];
  prefixes?: string[];
}

export interface Target {
  content: string;
  algorithms: string[];
  custom?: LooseObject;
}

export interface TargetsRole extends Written, Signing {
  targets: Map<string, Target>;
  roles?: Delegation[];
  succinct?: Signing & { bits: number; prefix: string };
}

export interface Root extends Written {
  consistent: boolean | undefined;
  roles: Record<Top, Signing>;
}

/** What a file that lists others says of them. */
export interface Style {
  length: boolean;
  algorithms: string[];
}

export interface State {
  now: number;
  /** Every root so far; the newest is the last. */
  roots: Root[];
  timestamp: Written & Style;
  snapshot: Written & Style;
  targets: Map<string, TargetsRole>;
}

/** `state` and its root of today. */
export function newestRoot(state: State): Root {
  return state.roots.at(-1)!;
}

/** The next root, a copy of the last to be changed. */
export function addRoot(state: State): Root {
  const last = newestRoot(state);
  const next = structuredClone(last);
  next.version++;
  next.expires = Math.max(next.expires, state.now + 300 * DAY);
  state.roots.push(next);
  return next;
}

/** Says that a role's file has changed, and therefore snapshot's and timestamp's. */
export function bump(state: State, ...names: readonly string[]): void {
  for (const name of names) {
    const role = state.targets.get(name)!;
    role.version++;
    role.expires = Math.max(role.expires, state.now + 100 * DAY);
  }
  state.snapshot.version++;
  state.snapshot.expires = state.now + 50 * DAY;
  renew(state);
}

export function renew(state: State): void {
  state.timestamp.version++;
  state.timestamp.expires = state.now + 20 * DAY;
}

/** TAP 15's name of a bin. */
export function binName(prefix: string, bits: number, index: number): string {
  return `${prefix}-${index.toString(16).padStart((2 ** bits - 1).toString(16).length, '0')}`;
}

export function pickKeys(random: Random, from: readonly string[], count: number): string[] {
  const left = [...from];
  return Array.from({ length: Math.min(count, left.length) }, () => {
    return left.splice(random.below(left.length), 1)[0]!;
  });
}
