/** Rules about targets.json and delegated roles by themselves: their targets and their delegations. */

import { isObject, RejectedInput } from '@tidemark/canonical';
import type { JsonObject } from '@tidemark/canonical';
import { binBitsMax } from '../bins.ts';
import { checkTargetPath } from '../paths.ts';
import { isArray } from '../read.ts';
import type { DelegatedRole, Targets } from '../types.ts';
import { isOnlySha256 } from './files.ts';
import { isRoleName } from './rule.ts';
import type { LintFile, Rule } from './rule.ts';

export const targetsFileRules: readonly Rule<LintFile<Targets>>[] = [
  {
    rule: 'target-path',
    check: ({ envelope: { signed } }, report) => {
      for (const path of signed.targets.keys()) {
        const fault = pathFault(path);
        if (fault !== undefined) report(`${path}: ${fault}`);
      }
    },
  },
  {
    rule: 'hash-algorithms',
    check: ({ envelope: { signed } }, report) => {
      for (const [path, { hashes }] of signed.targets) {
        if (!isOnlySha256(hashes)) report(`${path} is not just sha256`);
      }
    },
  },
  {
    rule: 'custom-empty',
    check: ({ envelope: { signed } }, report) => {
      for (const [path, { custom }] of signed.targets) {
        if (custom !== undefined && Object.keys(custom).length === 0)
          report(`${path}: custom is {}`);
      }
    },
  },
  {
    // tough drops unknown fields here, so the signature no longer verifies for it.
    rule: 'delegation-fields',
    check: ({ envelope: { json } }, report) => {
      const delegations = isObject(json['signed']) ? json['signed']['delegations'] : undefined;
      if (!isObject(delegations)) return;
      const { roles, succinct_roles: succinct } = delegations;
      const objects: readonly (readonly [JsonObject, ReadonlySet<string>])[] = [
        [delegations, DELEGATIONS_FIELDS],
        ...(isObject(succinct) ? [[succinct, SUCCINCT_FIELDS] as const] : []),
        ...(isArray(roles) ? roles : [])
          .filter(isObject)
          .map((role) => [role, ROLE_FIELDS] as const),
      ];
      for (const [object, known] of objects) {
        const odd = Object.keys(object).find((name) => !known.has(name));
        if (odd !== undefined) report(`delegations hold the unknown field ${odd}`);
      }
    },
  },
  {
    rule: 'role-name',
    check: ({ envelope: { signed } }, report) => {
      const { roles, succinctRoles } = signed.delegations ?? {};
      for (const { name } of roles ?? []) {
        if (!isRoleName(name)) report(`a delegated role is called ${name}`);
      }
      if (succinctRoles !== undefined && !isRoleName(`${succinctRoles.namePrefix}-0`)) {
        report(`bins are called ${succinctRoles.namePrefix}-…`);
      }
    },
  },
  {
    rule: 'path-pattern',
    check: (file, report) => {
      for (const { name, paths } of delegatedRoles(file)) {
        const odd = paths?.find((pattern) => !isPlainPattern(pattern));
        if (odd !== undefined)
          report(`${name} is delegated ${odd}, which clients read differently`);
      }
    },
  },
  {
    rule: 'bin-count',
    check: ({ envelope: { signed } }, report) => {
      const bits = signed.delegations?.succinctRoles?.bitLength ?? 0;
      if (bits > binBitsMax) report(`more than 2^${binBitsMax} bins`);
    },
  },
  {
    rule: 'prefix-coverage',
    check: (file, report) => {
      const prefixes = delegatedRoles(file).flatMap((role) => role.pathHashPrefixes ?? []);
      const fault = prefixes.length === 0 ? undefined : coverageFault(prefixes);
      if (fault !== undefined) report(fault);
    },
  },
  {
    // Without it a claimed project's missing file would be looked for in roles signed online.
    rule: 'project-terminating',
    check: (file, report) => {
      for (const { name, terminating } of delegatedRoles(file)) {
        if (name.startsWith('project.') && !terminating) report(`${name} is not terminating`);
      }
    },
  },
];

function delegatedRoles({ envelope: { signed } }: LintFile<Targets>): readonly DelegatedRole[] {
  return signed.delegations?.roles ?? [];
}

/** The code of the refusal, or nothing. */
function pathFault(path: string): string | undefined {
  try {
    checkTargetPath(path);
    return undefined;
  } catch (error) {
    if (error instanceof RejectedInput) return error.code;
    throw error;
  }
}

/**
 * A target path in which `*` may stand: all other glob characters differ between fnmatch, Go, minimatch and globset,
 * and so do two stars in a row, and a `!` in front.
 */
function isPlainPattern(pattern: string): boolean {
  if (pattern.includes('**') || /(?:^|\/)!/.test(pattern)) return false;
  return pathFault(pattern.replaceAll('*', 'x')) === undefined;
}

/** Demands that every SHA-256 has exactly one of the prefixes: says where that first fails. */
function coverageFault(prefixes: readonly string[]): string | undefined {
  const odd = prefixes.find((prefix) => !/^[0-9a-fA-F]{1,8}$/.test(prefix));
  if (odd !== undefined) return `the prefix ${odd} is not 1 to 8 hex digits`;
  let covered = 0;
  for (const prefix of prefixes.map((text) => text.toLowerCase()).toSorted()) {
    const first = Number.parseInt(prefix.padEnd(8, '0'), 16);
    if (first > covered) return `nobody holds the hashes before ${prefix}`;
    if (first < covered) return `two prefixes hold ${prefix}`;
    covered = first + 16 ** (8 - prefix.length);
  }
  return covered === 16 ** 8 ? undefined : 'nobody holds the last hashes';
}

const DELEGATIONS_FIELDS = new Set(['keys', 'roles', 'succinct_roles']);
const SUCCINCT_FIELDS = new Set(['bit_length', 'keyids', 'name_prefix', 'threshold']);
const ROLE_FIELDS = new Set([
  'keyids',
  'name',
  'path_hash_prefixes',
  'paths',
  'terminating',
  'threshold',
]);
