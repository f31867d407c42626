/** Rules about what a client that starts from the newest root reaches: timestamp, snapshot, and every delegated role. */

import { toHex, utf8 } from '@tidemark/canonical';
import { binBitsMax, binRoleName } from '../bins.ts';
import type { Key } from '../keys.ts';
import type { Delegations, MetaFile, Role, Root, Signed, Snapshot, Targets } from '../types.ts';
import { checkSignatures } from '../verify.ts';
import { timestampCopy } from './history.ts';
import type { Repository } from './repository.ts';
import { applyRules } from './rule.ts';
import type { LintFile, Rule } from './rule.ts';
import { matchesPatterns } from './pattern.ts';
import { treeRules } from './tree.ts';
import type { ReachedRole, Tree } from './tree.ts';

/** A file as the file above it in the chain of trust describes it. */
interface Visit<T = Signed> {
  readonly file: LintFile<T>;
  readonly keys: ReadonlyMap<string, Key>;
  readonly role: Role;
  readonly meta: MetaFile | undefined;
  readonly repository: Repository;
}

/** One delegation: which role, by whose keys, and which target paths are its. */
interface Edge {
  readonly name: string;
  readonly delegator: string;
  readonly keys: ReadonlyMap<string, Key>;
  readonly role: Role;
  readonly encoding: ReachedRole['encoding'];
  /** @param hash SHA-256 of the path, in hex */
  holds(path: string, hash: string): boolean;
}

export function lintCurrent(root: LintFile<Root>, repository: Repository): void {
  const { findings } = repository;
  const { keys, roles } = root.envelope.signed;
  applyRules([expired], { file: root, repository }, root.name, findings);
  const timestamp = repository.timestamp(undefined);
  if (timestamp === undefined) return reportMissing('timestamp.json', repository);
  applyRules([timestampCopy], { file: timestamp, repository }, timestamp.name, findings);
  lintVisit({ file: timestamp, keys, role: roles.timestamp, meta: undefined, repository });
  const meta = timestamp.envelope.signed.snapshot;
  const snapshot = repository.snapshot(meta.version);
  if (snapshot === undefined) return reportMissing(`${meta.version}.snapshot.json`, repository);
  lintVisit({ file: snapshot, keys, role: roles.snapshot, meta, repository });
  const reached = walk(root.envelope.signed, snapshot, repository);
  const tree: Tree = { root, snapshot, reached };
  applyRules(treeRules, tree, snapshot.name, findings);
}

const expired: Rule<Pick<Visit, 'file' | 'repository'>> = {
  rule: 'expired',
  check: ({ file: { envelope }, repository: { now } }, report) => {
    if (envelope.signed.expiresMs <= now) report(`expired at ${envelope.signed.expires}`);
  },
};

const visitRules: readonly Rule<Visit>[] = [
  expired,
  {
    rule: 'signatures',
    check: ({ file: { envelope }, keys, role, repository: { verifiers } }, report) => {
      const { valid, invalid } = checkSignatures(envelope, keys, role, verifiers);
      if (invalid.length > 0) report(`the signature by ${invalid[0]} does not verify`);
      else if (valid < role.threshold) report(`${valid} of ${role.threshold} signatures needed`);
    },
  },
  {
    rule: 'meta-mismatch',
    check: ({ file: { bytes }, meta, repository: { sha256 } }, report) => {
      const length = meta?.length || bytes.length;
      const hash = meta?.hashes?.get('sha256')?.toLowerCase();
      if (length !== bytes.length) report(`has ${bytes.length} bytes, not ${length}`);
      else if (hash !== undefined && hash !== toHex(sha256(bytes))) report('has another SHA-256');
    },
  },
  {
    // The limit that clients apply where snapshot.json states no length.
    rule: 'snapshot-length',
    check: ({ file: { bytes, envelope }, meta }, report) => {
      if (envelope.signed.type !== 'targets' || meta?.length !== undefined) return;
      if (bytes.length > 5_000_000) report('longer than 5 MB, and snapshot.json states no length');
    },
  },
];

/** Goes through the delegations, nearest first; each role is opened once and let go of. */
function walk(
  root: Root,
  snapshot: LintFile<Snapshot>,
  repository: Repository,
): readonly ReachedRole[] {
  const reached = new Map<string, ReachedRole>();
  const top = { name: 'targets', delegator: '', keys: root.keys, role: root.roles.targets };
  const edges: Edge[] = [{ ...top, encoding: 'paths', holds: () => true }];
  // Grows while it is gone through.
  for (const edge of edges) {
    const before = reached.get(edge.name);
    if (before !== undefined) {
      const message = `${edge.name} is also delegated by ${before.delegator}`;
      repository.findings.push({ rule: 'role-duplicate', file: edge.delegator, message });
      continue;
    }
    const meta = snapshot.envelope.signed.meta.get(`${edge.name}.json`);
    const { name, delegator, role, encoding } = edge;
    const version = meta?.version;
    reached.set(name, { name, delegator, role, encoding, version });
    if (version === undefined) continue;
    const file = repository.targets(version, name);
    if (file === undefined) {
      reportMissing(`${version}.${name}.json`, repository);
      continue;
    }
    lintVisit({ file, keys: edge.keys, role, meta, repository });
    applyRules([outsideDelegation], { file, edge, repository }, file.name, repository.findings);
    for (const next of edgesOf(file)) edges.push(next);
  }
  return [...reached.values()];
}

/** A client looks for a path only where the delegations lead it, so it would never find such a target. */
const outsideDelegation: Rule<{ file: LintFile<Targets>; edge: Edge; repository: Repository }> = {
  rule: 'outside-delegation',
  check: ({ file, edge, repository: { sha256 } }, report) => {
    for (const path of file.envelope.signed.targets.keys()) {
      if (!edge.holds(path, toHex(sha256(utf8(path))))) report(`${path} is not delegated to it`);
    }
  },
};

function edgesOf({ name: delegator, envelope }: LintFile<Targets>): readonly Edge[] {
  const { delegations } = envelope.signed;
  if (delegations === undefined) return [];
  const { keys, roles } = delegations;
  if (roles === undefined) return succinctEdges(delegator, delegations);
  return roles.map((role) => {
    const { name, paths, pathHashPrefixes: prefixes } = role;
    return {
      name,
      delegator,
      keys,
      role,
      encoding: prefixes === undefined ? 'paths' : 'prefixes',
      holds: (path, hash) =>
        prefixes?.some((prefix) => hash.startsWith(prefix.toLowerCase())) ??
        matchesPatterns(paths ?? [], path),
    };
  });
}

function succinctEdges(delegator: string, delegations: Delegations): readonly Edge[] {
  const { keys, succinctRoles: role } = delegations;
  if (role === undefined || role.bitLength > binBitsMax) return [];
  const { bitLength, namePrefix } = role;
  return Array.from({ length: 2 ** bitLength }, (_, index) => ({
    name: binRoleName(namePrefix, bitLength, index),
    delegator,
    keys,
    role,
    encoding: 'succinct',
    holds: (_path, hash) => Number.parseInt(hash.slice(0, 8), 16) >>> (32 - bitLength) === index,
  }));
}

function lintVisit(visit: Visit): void {
  applyRules(visitRules, visit, visit.file.name, visit.repository.findings);
}

/** A file that is there but could not be read has its finding already. */
function reportMissing(name: string, repository: Repository): void {
  if (repository.has(name)) return;
  repository.findings.push({ rule: 'file-missing', file: name, message: 'not there' });
}
