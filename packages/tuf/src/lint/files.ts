/** Rules about one file by itself: any file, then root, snapshot and timestamp. */

import { equalBytes } from '@tidemark/canonical';
import { specVersion } from '../build.ts';
import { encodeEnvelope } from '../sign.ts';
import type { MetaFile, Root, Snapshot, Timestamp } from '../types.ts';
import { isRoleName } from './rule.ts';
import type { LintFile, Rule } from './rule.ts';

export const anyFileRules: readonly Rule<LintFile>[] = [
  {
    rule: 'canonical-bytes',
    check: ({ bytes, envelope }, report) => {
      if (!equalBytes(encodeEnvelope(envelope.json), bytes)) report('not canonical JSON');
    },
  },
  {
    rule: 'file-version',
    check: ({ version, envelope: { signed } }, report) => {
      if (version !== undefined && version !== signed.version) {
        report(`holds version ${signed.version}`);
      }
    },
  },
  {
    rule: 'spec-version',
    check: ({ envelope: { signed } }, report) => {
      if (signed.specVersion !== specVersion) report(`spec_version is not ${specVersion}`);
    },
  },
  {
    // The limits that clients apply before they know a length.
    rule: 'file-size',
    check: ({ bytes, envelope: { signed } }, report) => {
      const max = { root: 512_000, timestamp: 16_384, snapshot: Infinity, targets: Infinity }[
        signed.type
      ];
      if (bytes.length > max) report(`longer than ${max} bytes`);
    },
  },
];

export const rootFileRules: readonly Rule<LintFile<Root>>[] = [
  {
    rule: 'consistent-snapshot',
    check: ({ envelope: { signed } }, report) => {
      if (!signed.consistentSnapshot) report('consistent_snapshot is not true');
    },
  },
];

export const snapshotFileRules: readonly Rule<LintFile<Snapshot>>[] = [
  {
    rule: 'snapshot-names',
    check: ({ envelope: { signed } }, report) => {
      for (const name of signed.meta.keys()) {
        const role = name.endsWith('.json') ? name.slice(0, -'.json'.length) : '';
        if (!isRoleName(role) || UNLISTED.has(role)) report(`lists ${name}`);
      }
    },
  },
  {
    // Whoever holds a bin's key alone could otherwise sign its current version anew and serve it from a mirror.
    rule: 'snapshot-hashes',
    check: ({ envelope: { signed } }, report) => {
      for (const [name, { hashes }] of signed.meta) {
        if (hashes === undefined) report(`states no hash of ${name}`);
      }
    },
  },
  ...metaRules<Snapshot>((signed) => signed.meta),
];

export const timestampFileRules: readonly Rule<LintFile<Timestamp>>[] = [
  {
    // A stated length replaces the clients' default limit of 2 MB.
    rule: 'timestamp-states',
    check: ({ envelope: { signed } }, report) => {
      const { length, hashes } = signed.snapshot;
      if (length === undefined || hashes === undefined) {
        report('does not state length and hash of snapshot.json');
      }
    },
  },
  ...metaRules<Timestamp>((signed) => new Map([['snapshot.json', signed.snapshot]])),
];

/** Each listed algorithm is another file name to serve, and sha256 is the only one that every client knows. */
export function isOnlySha256(hashes: ReadonlyMap<string, string>): boolean {
  return hashes.size === 1 && /^[0-9a-fA-F]{64}$/.test(hashes.get('sha256') ?? '');
}

function metaRules<T extends Snapshot | Timestamp>(
  metaOf: (signed: T) => ReadonlyMap<string, MetaFile>,
): readonly Rule<LintFile<T>>[] {
  return [
    {
      rule: 'meta-length',
      check: ({ envelope: { signed } }, report) => {
        for (const [name, { length }] of metaOf(signed)) {
          if (length === 0) report(`states length 0 of ${name}`);
        }
      },
    },
    {
      rule: 'hash-algorithms',
      check: ({ envelope: { signed } }, report) => {
        for (const [name, { hashes }] of metaOf(signed)) {
          if (hashes !== undefined && !isOnlySha256(hashes)) report(`${name} is not just sha256`);
        }
      },
    },
  ];
}

const UNLISTED = new Set(['root', 'timestamp', 'snapshot']);
