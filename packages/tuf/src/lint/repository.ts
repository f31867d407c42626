/** The files under lint: each is parsed and held to the rules about single files when it is first opened. */

import { RejectedInput } from '@tidemark/canonical';
import type { Sha256 } from '@tidemark/canonical';
import type { Verifiers } from '../keys.ts';
import { parseMetadata } from '../parse.ts';
import type { Envelope, Root, Signed, Snapshot, Targets, Timestamp } from '../types.ts';
import { anyFileRules, rootFileRules, snapshotFileRules, timestampFileRules } from './files.ts';
import { keyRules } from './keys.ts';
import { applyRules, isRoleName } from './rule.ts';
import type { Finding, LintFile } from './rule.ts';
import { targetsFileRules } from './targets.ts';
import { lintValues } from './values.ts';

export interface Repository {
  readonly names: readonly string[];
  has(name: string): boolean;
  /** Undefined for a file that is absent, is no file of its type, or cannot be parsed: what is wrong is then found. */
  root(version: number): LintFile<Root> | undefined;
  timestamp(version: number | undefined): LintFile<Timestamp> | undefined;
  snapshot(version: number): LintFile<Snapshot> | undefined;
  targets(version: number, role: string): LintFile<Targets> | undefined;
  /** Opens whatever has not been opened. */
  openRest(): void;
  readonly findings: Finding[];
  readonly now: number;
  readonly verifiers: Verifiers;
  readonly sha256: Sha256;
}

export function createRepository(
  files: ReadonlyMap<string, Uint8Array>,
  settings: Pick<Repository, 'now' | 'verifiers' | 'sha256'>,
): Repository {
  const findings: Finding[] = [];
  const opened = new Map<string, LintFile | undefined>();
  // Bins are opened once and may be gigabytes together; the others are asked for again.
  const open = (name: string): LintFile | undefined => {
    if (opened.has(name)) return opened.get(name);
    const bytes = files.get(name);
    const file = bytes === undefined ? undefined : openFile(name, bytes, findings);
    opened.set(name, file?.envelope.signed.type === 'targets' ? undefined : file);
    return file;
  };
  return {
    names: [...files.keys()],
    has: (name) => files.has(name),
    root: (version) => narrow(open(`${version}.root.json`), isRoot),
    timestamp: (version) =>
      narrow(
        open(version === undefined ? 'timestamp.json' : `${version}.timestamp.json`),
        isTimestamp,
      ),
    snapshot: (version) => narrow(open(`${version}.snapshot.json`), isSnapshot),
    targets: (version, role) => narrow(open(`${version}.${role}.json`), isTargets),
    openRest: () => {
      for (const name of files.keys()) open(name);
    },
    findings,
    ...settings,
  };
}

function openFile(name: string, bytes: Uint8Array, findings: Finding[]): LintFile | undefined {
  const file = readFileName(name);
  if (file === undefined) {
    findings.push({ rule: 'file-name', file: name, message: 'not the name of a metadata file' });
    return undefined;
  }
  let envelope: Envelope<Signed>;
  try {
    envelope = parseMetadata(bytes);
  } catch (error) {
    if (!(error instanceof RejectedInput)) throw error;
    findings.push({ rule: error.code, file: name, message: error.message });
    return undefined;
  }
  const { type } = envelope.signed;
  if (type !== typeOf(file.role)) {
    findings.push({ rule: 'file-type', file: name, message: `holds a ${type}` });
    return undefined;
  }
  const opened: LintFile = { ...file, name, bytes, envelope };
  applyRules(anyFileRules, opened, name, findings);
  lintValues(opened, findings);
  applyRules(keyRules, opened, name, findings);
  applyTypeRules(opened, findings);
  return opened;
}

function applyTypeRules(file: LintFile, findings: Finding[]): void {
  if (isRoot(file)) applyRules(rootFileRules, file, file.name, findings);
  else if (isTimestamp(file)) applyRules(timestampFileRules, file, file.name, findings);
  else if (isSnapshot(file)) applyRules(snapshotFileRules, file, file.name, findings);
  else if (isTargets(file)) applyRules(targetsFileRules, file, file.name, findings);
}

/** `timestamp.json` or `VERSION.ROLE.json`; only timestamp.json is ever asked for without a version. */
function readFileName(name: string): Pick<LintFile, 'version' | 'role'> | undefined {
  if (name === 'timestamp.json') return { version: undefined, role: 'timestamp' };
  const [, digits, role] = /^([1-9]\d{0,15})\.(.+)\.json$/.exec(name) ?? [];
  if (digits === undefined || role === undefined || !isRoleName(role)) return undefined;
  return { version: Number(digits), role };
}

function typeOf(role: string): Signed['type'] {
  return role === 'root' || role === 'timestamp' || role === 'snapshot' ? role : 'targets';
}

function narrow<T extends Signed>(
  file: LintFile | undefined,
  is: (file: LintFile) => file is LintFile<T>,
): LintFile<T> | undefined {
  return file !== undefined && is(file) ? file : undefined;
}

function isRoot(file: LintFile): file is LintFile<Root> {
  return file.envelope.signed.type === 'root';
}

function isTimestamp(file: LintFile): file is LintFile<Timestamp> {
  return file.envelope.signed.type === 'timestamp';
}

function isSnapshot(file: LintFile): file is LintFile<Snapshot> {
  return file.envelope.signed.type === 'snapshot';
}

function isTargets(file: LintFile): file is LintFile<Targets> {
  return file.envelope.signed.type === 'targets';
}
