// What all attacks have in common: a scene, a role to be attacked, and a state in which that role has something new.
import type { Random } from '../simulation/random.ts';
import { render, type Files, type Hooks, type Served } from './render.ts';
import {
  addRoot,
  bump,
  newestRoot,
  renew,
  TOP,
  type Loose,
  type LooseObject,
  type State,
  type Written,
} from './state.ts';

export interface Scene {
  readonly random: Random;
  /** Before the state under attack, which is the last. */
  readonly states: readonly State[];
}

/** What a client meets in one visit. */
export interface Attack {
  readonly files: Files;
  /** What exactly was done, for people. */
  readonly note: string;
  readonly now?: number;
  /** Asked for besides others. */
  readonly paths?: readonly string[];
  /** In place of the first root, for a client that begins here. */
  readonly root?: Uint8Array;
}

export interface Kind {
  readonly name: string;
  /** What comes of most: so that an attack which no longer attacks is found out. */
  readonly mostly: 'refused' | 'accepted' | 'mixed' | 'excused';
  /** Needs an earlier state with lower versions of everything. */
  readonly past?: true;
  readonly make: (scene: Scene) => Attack;
}

export function today({ states }: Scene): State {
  return states.at(-1)!;
}

export function before({ states }: Scene): State {
  return states.at(-2)!;
}

/** A role whose file the client needs: a top-level one, or a delegated one. */
export function pickRole({ random, states }: Scene, among: readonly string[] = TOP): string {
  const all = [...states.at(-1)!.targets].filter(([name]) => name !== 'targets');
  const listing = all.filter(([, { targets }]) => targets.size > 0);
  const delegated = (listing.length > 0 ? listing : all).map(([name]) => name);
  // Of delegated ones not all are asked for.
  const two = Array.from({ length: delegated.length > 0 ? 2 : 0 }, () => random.pick(delegated));
  return random.pick([...among, ...two]);
}

/** A copy of today's state in which the role has a next version, so that the client has to look at it. */
export function withNew(scene: Scene, role: string): State {
  const state = structuredClone(today(scene));
  if (role === 'root') addRoot(state);
  else if (role === 'timestamp') renew(state);
  else if (role === 'snapshot') bump(state);
  else bump(state, role);
  return state;
}

export function writtenOf(state: State, role: string): Written {
  if (role === 'root') return newestRoot(state);
  if (role === 'timestamp' || role === 'snapshot') return state[role];
  return state.targets.get(role)!;
}

/** The name of a role's file. */
export function nameOf(state: State, role: string): string {
  const { version } = writtenOf(state, role);
  const isPlain = role === 'timestamp' || newestRoot(state).consistent !== true;
  const prefix = isPlain && role !== 'root' ? '' : `${version}.`;
  return `metadata/${prefix}${role}.json`;
}

/** Attacks a role by a change of what it signs. */
export function signedAs(
  scene: Scene,
  role: string,
  note: string,
  change: (signed: LooseObject) => void,
  hooks: Omit<Hooks, 'signed'> = {},
): Attack {
  const state = withNew(scene, role);
  const signed = (name: string, json: LooseObject): void => {
    if (name === role) change(json);
  };
  return {
    files: render(state, { ...hooks, signed }),
    note: `${role}: ${note}`,
    ...ask(state, role),
  };
}

/** Attacks a role by a change of its file after it was signed, which what lists it still lists. */
export function writtenAs(
  scene: Scene,
  role: string,
  note: string,
  hooks: Pick<Hooks, 'signers' | 'envelope' | 'text'>,
): Attack {
  const state = withNew(scene, role);
  const only: Hooks = {
    signers: (name, signers) =>
      name === role ? (hooks.signers?.(name, signers) ?? signers) : signers,
    envelope: (name, envelope, message) => {
      if (name === role) hooks.envelope?.(name, envelope, message);
    },
    text: (name, text) => (name === role ? (hooks.text?.(name, text) ?? text) : text),
  };
  return { files: render(state, only), note: `${role}: ${note}`, ...ask(state, role) };
}

/** Attacks on what the server has, without any key. */
export function servedAs(
  scene: Scene,
  role: string,
  note: string,
  change: (bytes: Uint8Array) => Served | undefined,
): Attack {
  const state = withNew(scene, role);
  const files = render(state);
  const name = nameOf(state, role);
  const served = change(files.get(name) as Uint8Array);
  if (served === undefined) files.delete(name);
  else files.set(name, served);
  return { files, note: `${role}: ${note}`, ...ask(state, role) };
}

/** What leads to a role, if anything does. */
export function ask(state: State, role: string): { paths: string[] } {
  return { paths: [...(state.targets.get(role)?.targets.keys() ?? [])].slice(0, 3) };
}

export function at(json: Loose | undefined, ...names: readonly (string | number)[]): LooseObject {
  let value = json;
  for (const name of names) value = (value as LooseObject)[name];
  return value as LooseObject;
}

/** Some object in a file, by chance: the file's own or one further down. */
export function pickObject(random: Random, json: LooseObject): LooseObject {
  const all: LooseObject[] = [];
  const visit = (value: Loose): void => {
    if (typeof value !== 'object' || value === null) return;
    if (!Array.isArray(value)) all.push(value);
    for (const each of Object.values(value)) visit(each);
  };
  visit(json);
  return random.pick(all);
}
