/**
 * To which roles a role hands a path, in order. Bins are found by the path's hash, of 65,536 as fast as of two.
 * https://theupdateframework.github.io/specification/latest/#update-targets, TAP 15
 */

import { sha256Hex, utf8 } from '@tidemark/canonical';
import { type Delegations, type Key, type Role } from '@tidemark/tuf';
import { matchesPattern } from './pattern.ts';

/** A delegated role, and whose signatures count for it. */
export interface Delegate {
  readonly name: string;
  /** After it nobody else is asked. */
  readonly terminating: boolean;
  readonly role: Role;
  readonly keys: ReadonlyMap<string, Key>;
}

/** The delegates for a path, in order of precedence; none behind the first terminating one. */
export function delegatesFor(delegations: Delegations, path: string): Delegate[] {
  const hash = sha256Hex(utf8(path));
  const { succinctRoles, roles = [], keys } = delegations;
  if (succinctRoles !== undefined) {
    const { bitLength, namePrefix } = succinctRoles;
    const index = Number.parseInt(hash.slice(0, 8), 16) >>> (32 - bitLength);
    const name = binName(namePrefix, bitLength, index);
    return [{ name, terminating: true, role: succinctRoles, keys }];
  }
  const found: Delegate[] = [];
  for (const index of indexOf(delegations).candidates(hash)) {
    const role = roles[index]!;
    if (role.paths?.some((pattern) => matchesPattern(path, pattern)) === false) continue;
    found.push({ name: role.name, terminating: role.terminating, role, keys });
    if (role.terminating) break;
  }
  return found;
}

class Index {
  /** Roles by their hash prefixes, and of how many digits there are any. */
  private readonly prefixes = new Map<string, number[]>();
  private readonly lengths = new Set<number>();
  private readonly byPattern: number[] = [];

  constructor({ roles = [] }: Delegations) {
    for (const [index, { pathHashPrefixes }] of roles.entries()) {
      if (pathHashPrefixes === undefined) this.byPattern.push(index);
      for (const prefix of pathHashPrefixes ?? []) {
        this.lengths.add(prefix.length);
        const others = this.prefixes.get(prefix);
        if (others === undefined) this.prefixes.set(prefix, [index]);
        else others.push(index);
      }
    }
  }

  /** Roles, in order, that the hash leads to or whose patterns have to be looked at. */
  candidates(hash: string): number[] {
    const found = new Set(this.byPattern);
    for (const length of this.lengths) {
      for (const index of this.prefixes.get(hash.slice(0, length)) ?? []) found.add(index);
    }
    return [...found].toSorted((a, b) => a - b);
  }
}

const indexes = new WeakMap<Delegations, Index>();

function indexOf(delegations: Delegations): Index {
  let index = indexes.get(delegations);
  if (index === undefined) indexes.set(delegations, (index = new Index(delegations)));
  return index;
}

/** TAP 15 allows 32 bits; what this project makes has 20 at the most. */
function binName(prefix: string, bits: number, index: number): string {
  const digits = (2 ** bits - 1).toString(16).length;
  return `${prefix}-${index.toString(16).padStart(digits, '0')}`;
}
