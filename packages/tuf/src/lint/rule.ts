/** What a lint rule is: a name and a small function over one subject. */

import type { Envelope, Signed } from '../types.ts';

/** One breach of one rule. */
export interface Finding {
  /** A name from the rule tables; for a file that cannot be parsed the code of its refusal. */
  readonly rule: string;
  readonly file: string;
  readonly message: string;
}

export interface LintFile<T = Signed> {
  /** `16.bins.json`, `timestamp.json`. */
  readonly name: string;
  /** From the name; undefined for timestamp.json. */
  readonly version: number | undefined;
  /** From the name: `bins`. */
  readonly role: string;
  readonly bytes: Uint8Array;
  readonly envelope: Envelope<T>;
}

export type Report = (message: string) => void;

export interface Rule<T> {
  readonly rule: string;
  readonly check: (subject: T, report: Report) => void;
}

/** Applies every rule of a table to one subject; findings are filed under `file`. */
export function applyRules<T>(
  rules: readonly Rule<T>[],
  subject: T,
  file: string,
  findings: Finding[],
): void {
  for (const { rule, check } of rules) {
    check(subject, (message) => findings.push({ rule, file, message }));
  }
}

/** Lower case, digits, `.`, `_`, `-`; no integer, which tuf-js would reorder, and no name that JavaScript reserves. */
export function isRoleName(name: string): boolean {
  return /^[a-z0-9._-]+$/.test(name) && !/^\d+$/.test(name) && name !== '__proto__';
}
