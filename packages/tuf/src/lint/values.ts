/** Rules about every JSON value of a file: go-tuf and tough re-marshal what they read before they verify it. */

import { isObject } from '@tidemark/canonical';
import type { Json, JsonObject } from '@tidemark/canonical';
import { isArray } from '../read.ts';
import type { Finding, LintFile } from './rule.ts';

interface Node {
  readonly value: Json;
  /** The member that holds the value, or the array around it. */
  readonly field: string;
  /** The member that holds the object around the value. */
  readonly owner: string;
  /** Inside a target's `custom`, which clients do not interpret. */
  readonly custom: boolean;
}

/** Each says what is wrong with a value, or nothing. */
const nodeRules: readonly {
  readonly rule: string;
  readonly check: (node: Node) => string | null;
}[] = [
  {
    // Printable ASCII makes the two kinds of canonical JSON, and every client's order of members, agree.
    rule: 'ascii',
    check: ({ value, field, owner }) => {
      if (typeof value === 'string') {
        const allowed = field === 'public' && owner === 'keyval' ? PEM : PRINTABLE;
        return allowed.test(value) ? null : 'a string with characters beyond printable ASCII';
      }
      const odd = isObject(value) && Object.keys(value).some((name) => !PRINTABLE.test(name));
      return odd ? 'a name with characters beyond printable ASCII' : null;
    },
  },
  { rule: 'no-null', check: ({ value }) => (value === null ? 'a null' : null) },
  {
    // Go matches member names regardless of case.
    rule: 'field-case',
    check: ({ value, field, custom }) => {
      if (!isObject(value) || custom || MAPS.has(field)) return null;
      const odd = Object.keys(value).find((name) => isMiscased(name, value));
      return odd === undefined ? null : `${odd} differs from another field only by case`;
    },
  },
  {
    rule: 'hex-case',
    check: ({ value, field, owner }) => {
      if (typeof value !== 'string' || !(HEX_FIELDS.has(field) || owner === 'hashes')) return null;
      return /[A-F]/.test(value) ? `${field} has upper-case hex` : null;
    },
  },
];

/** All of them in one walk through the file: it is most of what linting costs. */
export function lintValues({ name: file, envelope }: LintFile, findings: Finding[]): void {
  visit({ value: envelope.json, field: '', owner: '', custom: false }, (node) => {
    for (const { rule, check } of nodeRules) {
      const message = check(node);
      if (message !== null) findings.push({ rule, file, message });
    }
  });
}

function visit(node: Node, seen: (node: Node) => void): void {
  seen(node);
  const { value, field, owner, custom } = node;
  if (isArray(value)) {
    for (const item of value) visit({ value: item, field, owner, custom }, seen);
  } else if (isObject(value)) {
    for (const [name, member] of Object.entries(value)) {
      visit(
        { value: member, field: name, owner: field, custom: custom || name === 'custom' },
        seen,
      );
    }
  }
}

function isMiscased(name: string, object: JsonObject): boolean {
  const lower = name.toLowerCase();
  return name !== lower && (KNOWN_FIELDS.has(lower) || Object.hasOwn(object, lower));
}

const PRINTABLE = /^[ -~]*$/;
const PEM = /^[ -~\n]*$/;
/** Objects whose member names are data. */
const MAPS = new Set(['keys', 'meta', 'targets', 'hashes']);
const HEX_FIELDS = new Set(['keyid', 'keyids', 'sig', 'path_hash_prefixes']);
const KNOWN_FIELDS = new Set(
  (
    '_type bit_length consistent_snapshot custom delegations expires hashes keyid keyids keys keytype keyval ' +
    'length merkle_root meta name name_prefix path_hash_prefixes paths public roles scheme sig signatures signed ' +
    'spec_version succinct_roles targets terminating threshold tidemark version'
  ).split(' '),
);
