/** Rules about one version of a role and the next: the root chain, and what may not go backwards. */

import { equalBytes } from '@tidemark/canonical';
import type { Envelope, Root, Snapshot, Timestamp } from '../types.ts';
import { checkSignatures } from '../verify.ts';
import type { Repository } from './repository.ts';
import { applyRules } from './rule.ts';
import type { LintFile, Rule } from './rule.ts';

interface Step<T> {
  readonly previous: LintFile<T>;
  readonly next: LintFile<T>;
  readonly repository: Repository;
}

/** @returns the newest root, if any can be read */
export function lintHistory(repository: Repository): LintFile<Root> | undefined {
  const { names, findings } = repository;
  const roots = versionsOf(names, 'root');
  for (let version = 1; version < (roots.at(-1) ?? 2); version++) {
    if (repository.has(`${version}.root.json`)) continue;
    const message = 'every version of root is kept for ever';
    findings.push({ rule: 'root-missing', file: `${version}.root.json`, message });
    break;
  }
  const rootFiles = roots.map((version) => repository.root(version)).filter((file) => !!file);
  const [first] = rootFiles;
  if (first !== undefined) {
    applyRules(
      [rootSelfSigned],
      { previous: first, next: first, repository },
      first.name,
      findings,
    );
  }
  lintSteps(rootSteps, rootFiles, repository);
  lintSteps(
    snapshotSteps,
    versionsOf(names, 'snapshot').map((version) => repository.snapshot(version)),
    repository,
  );
  const timestamps = versionsOf(names, 'timestamp').map((version) => repository.timestamp(version));
  lintSteps(timestampSteps, timestamps, repository);
  return rootFiles.at(-1);
}

const rootSelfSigned: Rule<Step<Root>> = {
  rule: 'root-signatures',
  check: ({ next, repository }, report) => {
    const fault = rootFault(next.envelope, next.envelope.signed, repository);
    if (fault !== undefined) report(fault);
  },
};

const rootSteps: readonly Rule<Step<Root>>[] = [
  rootSelfSigned,
  {
    rule: 'root-signatures',
    check: ({ previous, next, repository }, report) => {
      const fault = rootFault(next.envelope, previous.envelope.signed, repository);
      if (fault !== undefined) report(`by the keys of ${previous.name}: ${fault}`);
    },
  },
  {
    // Verifiers of the map keep its shape, and of the ledger its name, for life.
    rule: 'root-statement',
    check: ({ previous, next }, report) => {
      const before = previous.envelope.signed.tidemark;
      const after = next.envelope.signed.tidemark;
      const fixed = ['ledger', 'slot_bits', 'slot_roles_max'] as const;
      const changed = fixed.find((field) => before?.[field] !== after?.[field]);
      if (changed !== undefined) report(`tidemark.${changed} is not what ${previous.name} says`);
    },
  },
];

const snapshotSteps: readonly Rule<Step<Snapshot>>[] = [
  {
    // Clients refuse a snapshot that lists less than the one they hold, unless its key was replaced.
    rule: 'snapshot-vanished',
    check: ({ previous, next }, report) => {
      const { meta } = next.envelope.signed;
      for (const name of previous.envelope.signed.meta.keys()) {
        if (!meta.has(name)) report(`${name}, listed in ${previous.name}, has vanished`);
      }
    },
  },
  {
    rule: 'snapshot-rollback',
    check: ({ previous, next }, report) => {
      for (const [name, { version }] of next.envelope.signed.meta) {
        const before = previous.envelope.signed.meta.get(name)?.version ?? 0;
        if (before > version) report(`${name} went from version ${before} to ${version}`);
      }
    },
  },
];

const timestampSteps: readonly Rule<Step<Timestamp>>[] = [
  {
    rule: 'timestamp-rollback',
    check: ({ previous, next }, report) => {
      const before = previous.envelope.signed.snapshot.version;
      const after = next.envelope.signed.snapshot.version;
      if (before > after) report(`snapshot.json went from version ${before} to ${after}`);
    },
  },
];

/** timestamp.json is a copy of its versioned file, where that is kept. */
export const timestampCopy: Rule<{ readonly file: LintFile<Timestamp>; repository: Repository }> = {
  rule: 'timestamp-copy',
  check: ({ file, repository }, report) => {
    const kept = repository.timestamp(file.envelope.signed.version);
    if (kept !== undefined && !equalBytes(kept.bytes, file.bytes))
      report(`differs from ${kept.name}`);
  },
};

/** Each version against the one before it. A role whose key was replaced altogether may begin anew. */
function lintSteps<T extends Root | Snapshot | Timestamp>(
  rules: readonly Rule<Step<T>>[],
  files: readonly (LintFile<T> | undefined)[],
  repository: Repository,
): void {
  let previous: LintFile<T> | undefined;
  for (const next of files) {
    if (next === undefined) continue;
    const isRoot = next.envelope.signed.type === 'root';
    if (previous !== undefined && (isRoot || shareSigner(previous.envelope, next.envelope))) {
      applyRules(rules, { previous, next, repository }, next.name, repository.findings);
    }
    previous = next;
  }
}

function rootFault(
  root: Envelope<Root>,
  { keys, roles }: Root,
  { verifiers }: Repository,
): string | undefined {
  const { valid, invalid } = checkSignatures(root, keys, roles.root, verifiers);
  if (invalid.length > 0) return `the signature by ${invalid[0]} does not verify`;
  const { threshold } = roles.root;
  return valid < threshold ? `${valid} of ${threshold} signatures needed` : undefined;
}

function shareSigner(a: Envelope<unknown>, b: Envelope<unknown>): boolean {
  const signers = new Set(a.signatures.map(({ keyid }) => keyid));
  return b.signatures.some(({ keyid }) => signers.has(keyid));
}

/** In numeric order. */
function versionsOf(names: readonly string[], role: string): readonly number[] {
  const pattern = new RegExp(`^([1-9]\\d{0,15})\\.${role}\\.json$`);
  return names
    .flatMap((name) => pattern.exec(name)?.slice(1) ?? [])
    .map(Number)
    .toSorted((a, b) => a - b);
}
