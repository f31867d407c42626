/**
 * What an export may write: the first root is given, and everything else has to follow from it, as for a TUF client.
 * https://theupdateframework.github.io/specification/latest/#detailed-client-workflow
 */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { equalBytes, OperatingFault, RejectedInput } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import {
  parseRoot,
  parseSnapshot,
  parseTimestamp,
  verifyRootUpdate,
  verifyThreshold,
  type Envelope,
  type MetaFile,
  type Root,
  type Timestamp,
} from '@tidemark/tuf';
import { nativeVerifiers } from '@tidemark/tuf/native';
import type { Access } from '../access/access.ts';
import { askFile } from '../access/ask.ts';

/** A role's file as the snapshot states it. */
export interface RoleFile {
  /** `12.bin-0a3f.json`. */
  readonly name: string;
  readonly length: number;
  readonly sha256: string;
}

/** What is verified. */
export interface Trusted {
  /** By name, every version from the first to the newest: clients walk them one by one. */
  readonly roots: ReadonlyMap<string, Uint8Array>;
  readonly timestamp: { readonly version: number; readonly bytes: Uint8Array };
  readonly snapshot: {
    readonly name: string;
    readonly version: number;
    readonly bytes: Uint8Array;
  };
  readonly roles: readonly RoleFile[];
}

export interface Trust {
  readonly firstRoot: Uint8Array;
  /** Of the wall clock. What has expired is refused; undefined where the ledger is our own. */
  readonly nowMs: number | undefined;
  /** What the tree has already. */
  readonly held: (name: string) => Promise<Uint8Array | undefined>;
}

/** Root and timestamp have no length that anything states. */
const ROOT_BYTES_MAX = 1 << 20;
const TIMESTAMP_BYTES_MAX = 1 << 16;
/** A ledger that replaced its root more often than this has other troubles. */
const ROOTS_MAX = 1_024;

/**
 * The first root, by whoever vouches for it: the ledger's own folder, the tree from an earlier time, a file.
 * @throws RejectedInput `export.root` where nobody does, or they differ
 */
export async function firstRootFor(
  access: Access,
  out: string,
  file: string | undefined,
): Promise<Uint8Array> {
  const inOut = join(out, 'metadata', '1.root.json');
  const candidates = [
    await access.firstRoot(),
    await readFile(inOut).catch(() => undefined),
    file === undefined ? undefined : await readRoot(file),
  ].filter((root) => root !== undefined);
  const [first] = candidates;
  if (first === undefined) {
    throw new RejectedInput(
      'export.root',
      'nobody vouches for the first root, and all else follows from it: give it with --root 1.root.json, by a way that you trust',
    );
  }
  if (candidates.every((root) => equalBytes(root, first))) return first;
  throw new RejectedInput(
    'export.root',
    `${file === undefined ? 'the ledger' : file} has another first root than ${inOut}: that is the tree of another ledger`,
  );
}

/** @throws OperatingFault `export.root_file` */
async function readRoot(file: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(file);
    if (size > ROOT_BYTES_MAX) throw new Error(`it has ${size} bytes`);
    return await readFile(file);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OperatingFault('export.root_file', `cannot read ${file}: ${reason}`, { cause });
  }
}

/**
 * Fetches root, timestamp and snapshot, and verifies each before anything is written.
 * @throws RejectedInput `export.*`; OperatingFault `export.missing`
 */
export async function trustedTree(access: Access, trust: Trust): Promise<Trusted> {
  const timestampBytes = await need(access, 'timestamp.json', TIMESTAMP_BYTES_MAX);
  const { roots, newest: root } = await rootsFrom(access, trust);
  const timestamp = judge('timestamp.json', () => {
    const parsed = parseTimestamp(timestampBytes, TIMESTAMP_BYTES_MAX);
    verifyThreshold(parsed, root.keys, root.roles.timestamp, nativeVerifiers);
    return parsed;
  });
  demandFresh('timestamp.json', timestamp, trust.nowMs);
  await demandNoRollback(timestampBytes, timestamp, trust);

  const { version } = timestamp.signed.snapshot;
  const stated = fileOf(`${version}.snapshot.json`, timestamp.signed.snapshot);
  const bytes = await needFile(access, stated);
  const snapshot = judge(stated.name, () => {
    const parsed = parseSnapshot(bytes, bytes.length);
    verifyThreshold(parsed, root.keys, root.roles.snapshot, nativeVerifiers);
    return parsed;
  });
  demandVersion(stated.name, snapshot.signed.version, version);
  demandFresh(stated.name, snapshot, trust.nowMs);
  const roles = Array.from(snapshot.signed.meta, ([file, meta]) => {
    if (/^[a-z0-9-]{1,64}\.json$/.test(file)) return fileOf(`${meta.version}.${file}`, meta);
    throw refused('form', `${stated.name} names a role ${JSON.stringify(file)}`);
  });
  return {
    roots,
    timestamp: { version: timestamp.signed.version, bytes: timestampBytes },
    snapshot: { name: stated.name, version, bytes },
    roles,
  };
}

/** A file that has to have the length and the hash that another states. @throws RejectedInput `export.length`, `export.sha256` */
export async function needFile(
  access: Access,
  { name, length, sha256 }: RoleFile,
): Promise<Uint8Array> {
  const bytes = await need(access, name, length);
  if (bytes.length !== length) {
    throw refused('length', `${name} came as ${bytes.length} bytes; ${length} are signed for`);
  }
  const digest = sha256HexNative(bytes);
  if (digest === sha256) return bytes;
  throw refused('sha256', `${name} came with SHA-256 ${digest}; ${sha256} is signed for`);
}

/** Parses and verifies; a flaw is that of the file. @throws RejectedInput `export.form`, `export.signature` */
export function judge<T>(name: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof RejectedInput)) throw error;
    const code = error.code === 'tuf.threshold' ? 'signature' : 'form';
    throw refused(code, `${name}: ${error.message} (${error.code})`);
  }
}

async function rootsFrom(
  access: Access,
  { firstRoot, held, nowMs }: Trust,
): Promise<{ roots: Map<string, Uint8Array>; newest: Root }> {
  const roots = new Map([['1.root.json', firstRoot]]);
  let newest = judge('1.root.json', () => {
    const first = parseRoot(firstRoot, ROOT_BYTES_MAX);
    verifyThreshold(first, first.signed.keys, first.signed.roles.root, nativeVerifiers);
    return first;
  });
  demandVersion('1.root.json', newest.signed.version, 1);
  for (let version = 2; ; version++) {
    const name = `${version}.root.json`;
    const bytes = (await held(name)) ?? (await askFile(access, name, { bytesMax: ROOT_BYTES_MAX }));
    if (bytes === undefined) break;
    if (version > ROOTS_MAX) throw refused('root', `there are more than ${ROOTS_MAX} roots`);
    newest = judge(name, () => {
      const next: Envelope<Root> = parseRoot(bytes, ROOT_BYTES_MAX);
      verifyRootUpdate(newest, next, nativeVerifiers);
      return next;
    });
    roots.set(name, bytes);
  }
  demandFresh(`${newest.signed.version}.root.json`, newest, nowMs);
  return { roots, newest: newest.signed };
}

/** What the tree shows already is not taken back. @throws RejectedInput `export.rollback` */
async function demandNoRollback(
  bytes: Uint8Array,
  { signed }: Envelope<Timestamp>,
  { held }: Trust,
): Promise<void> {
  const before = await held('timestamp.json');
  if (before === undefined || equalBytes(before, bytes)) return;
  const shown = judge('the tree’s timestamp.json', () => parseTimestamp(before)).signed;
  if (shown.version < signed.version && shown.snapshot.version <= signed.snapshot.version) return;
  throw refused(
    'rollback',
    `the tree shows timestamp ${shown.version} and snapshot ${shown.snapshot.version} already; ` +
      `this is ${signed.version} and ${signed.snapshot.version}`,
  );
}

function fileOf(name: string, { length, hashes }: MetaFile): RoleFile {
  const sha256 = hashes?.get('sha256');
  if (length !== undefined && sha256 !== undefined) return { name, length, sha256 };
  throw refused('form', `no length or SHA-256 is signed for ${name}`);
}

function demandVersion(name: string, version: number, expected: number): void {
  if (version === expected) return;
  throw refused('version', `${name} has version ${version}, not ${expected}`);
}

interface Dated {
  readonly signed: { readonly expires: string; readonly expiresMs: number };
}

function demandFresh(name: string, { signed }: Dated, nowMs: number | undefined): void {
  if (nowMs === undefined || signed.expiresMs > nowMs) return;
  throw refused('expired', `${name} expired at ${signed.expires}: what is newer may be held back`);
}

async function need(access: Access, name: string, bytesMax: number): Promise<Uint8Array> {
  const bytes = await askFile(access, name, { bytesMax });
  if (bytes !== undefined) return bytes;
  throw new OperatingFault('export.missing', `the ledger has no ${name}`);
}

function refused(code: string, why: string): RejectedInput {
  return new RejectedInput(`export.${code}`, why);
}
