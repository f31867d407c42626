/** Rules about all roles that a snapshot makes reachable, taken together. */

import type { Role, Root, Snapshot } from '../types.ts';
import type { LintFile, Rule } from './rule.ts';

/** A role that targets.json leads to; itself included. */
export interface ReachedRole {
  readonly name: string;
  /** The file that delegates to it; empty for targets. */
  readonly delegator: string;
  readonly role: Role;
  readonly encoding: 'paths' | 'prefixes' | 'succinct';
  /** By snapshot.json; undefined if that does not list the role. */
  readonly version: number | undefined;
}

export interface Tree {
  readonly root: LintFile<Root>;
  readonly snapshot: LintFile<Snapshot>;
  readonly reached: readonly ReachedRole[];
}

export const treeRules: readonly Rule<Tree>[] = [
  {
    // tough quietly stops loading at a role that is not listed; the others fail.
    rule: 'role-unlisted',
    check: ({ reached }, report) => {
      const unlisted = reached.filter(({ version }) => version === undefined);
      const [first] = unlisted;
      if (first !== undefined) report(`${first.name} is not listed: ${unlisted.length} in all`);
    },
  },
  {
    // Under one version and one key a mirror can serve one role's file under the other's name, where snapshot.json
    // states no hashes; clients keep it, and the target stays hidden.
    rule: 'unique-versions',
    check: (tree, report) => {
      const online = onlineKeys(tree);
      const holders = new Map<string, string>();
      for (const { name, role, version, delegator } of tree.reached) {
        const key = delegator === '' ? undefined : role.keyids.find((keyid) => online.has(keyid));
        if (key === undefined || version === undefined) continue;
        const holder = holders.get(`${version} ${key}`);
        if (holder === undefined) holders.set(`${version} ${key}`, name);
        else report(`${holder} and ${name} share version ${version}`);
      }
    },
  },
  {
    // No client but python-tuf and tuf-js reads both forms.
    rule: 'one-encoding',
    check: ({ reached }, report) => {
      const encodings = new Set(reached.map(({ encoding }) => encoding));
      if (encodings.has('prefixes') && encodings.has('succinct')) {
        report('bins are delegated both by succinct_roles and by path_hash_prefixes');
      }
    },
  },
  {
    rule: 'slot-bits',
    check: ({ root, reached }, report) => {
      const slotBits = root.envelope.signed.tidemark?.slot_bits ?? Infinity;
      const bins = reached.filter(({ encoding }) => encoding !== 'paths').length;
      if (bins > 2 ** slotBits) report(`${bins} bins, but the map has 2^${slotBits} slots`);
    },
  },
];

/** Keys that sign without a person: those of timestamp, snapshot and the bins. */
function onlineKeys({ root, reached }: Tree): ReadonlySet<string> {
  const { timestamp, snapshot } = root.envelope.signed.roles;
  const bins = reached.filter(({ encoding }) => encoding !== 'paths');
  return new Set([timestamp, snapshot, ...bins.map(({ role }) => role)].flatMap((r) => r.keyids));
}
