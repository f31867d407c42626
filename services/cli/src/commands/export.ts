/**
 * `tidemark export`: a complete static TUF tree of the newest snapshot.json, for rsync mirrors and any
 * web server (PEP 458: requirements P51, P55): metadata/, and targets/ with the files whose bytes the
 * ledger keeps. Incremental: what is there already is not written again. Nothing is written that does not
 * follow from the first root. A reader never meets a tree that is not whole: target files come before the
 * bin that lists them, bins before snapshot.json, a new root after everything it lets clients trust, the
 * timestamp last.
 */
import { basename, dirname, join, resolve } from 'node:path';
import { openFiles } from '@tidemark/publish';
import { checkTargetPath, parseTargets } from '@tidemark/tuf';
import type { Access } from '../access/access.ts';
import { ledgerOf, newestSnapshot, untilInSnapshotJson } from '../access/ask.ts';
import { inParallel } from '../access/parallel.ts';
import { createProgress } from '../progress.ts';
import type { Bring } from '../access/targetFiles.ts';
import { firstRootFor, judge, needFile, trustedTree } from './exportTrust.ts';

const FILES_UNDER_WAY = 32;

export interface ExportOptions {
  /** The file of the first root; needed of a URL, the first time. */
  readonly root?: string | undefined;
  /** Of the wall clock. */
  readonly nowMs: number;
}

export interface ExportAccount {
  readonly snapshot: number;
  /** Metadata files of the snapshot. */
  readonly files: number;
  /** Those that were not there before. */
  written: number;
  /** Target files that were not there before. */
  targets: number;
}

/**
 * Exports into a folder.
 * @throws RejectedInput `export.*`; OperatingFault `export.missing`, `export.root_file`, `copy.failed`, `publish.*`
 */
export async function exportTree(
  access: Access,
  out: string,
  { root, nowMs }: ExportOptions,
): Promise<ExportAccount> {
  const firstRoot = await firstRootFor(access, resolve(out), root);
  await using store = await openFiles(join(resolve(out), 'metadata'));
  await untilInSnapshotJson(access, (await newestSnapshot(access)).snapshot);
  const isOurs = (await access.firstRoot()) !== undefined;
  const { roots, timestamp, snapshot, roles } = await trustedTree(access, {
    firstRoot,
    // A mirror of our own ledger is made whenever we want; elsewhere what is old may hide what is new.
    nowMs: isOurs ? undefined : nowMs,
    held: (name) => store.get(name),
  });
  const account = {
    snapshot: snapshot.version,
    files: roles.length + roots.size + 2,
    written: 0,
    targets: 0,
  };
  const bring = (await ledgerOf(access)).keeps_files ? await access.files.bringer() : undefined;
  const there = new Set(await store.list());
  const missing = roles.filter(({ name }) => !there.has(name));
  const progress = createProgress({
    label: 'exporting',
    unit: 'files',
    total: missing.length,
    output: process.stderr,
    now: () => performance.now(),
  });
  const put = async (name: string, bytes: Uint8Array): Promise<void> => {
    if (there.has(name)) return;
    await store.putImmutable(name, bytes);
    account.written++;
  };
  await inParallel(missing, FILES_UNDER_WAY, async (role) => {
    const bytes = await needFile(access, role);
    if (bring !== undefined) {
      account.targets += await exportTargets(
        bring,
        role.name,
        bytes,
        join(resolve(out), 'targets'),
      );
    }
    await put(role.name, bytes);
    progress.update(account.written);
  });
  await put(snapshot.name, snapshot.bytes);
  for (const [name, bytes] of roots) await put(name, bytes);
  if (await isNewer(store.get('timestamp.json'), timestamp.bytes)) account.written++;
  await store.advance('timestamp.json', timestamp.version, timestamp.bytes);
  progress.finish();
  return account;
}

async function isNewer(held: Promise<Uint8Array | undefined>, bytes: Uint8Array): Promise<boolean> {
  const before = await held;
  return before === undefined || Buffer.compare(before, bytes) !== 0;
}

/**
 * The files that a role lists and the ledger keeps, under the two names that clients ask for.
 * @returns how many were not there before
 */
async function exportTargets(
  bring: Bring,
  name: string,
  role: Uint8Array,
  out: string,
): Promise<number> {
  let written = 0;
  for (const [stated, { length, hashes }] of parseTargets(role).signed.targets) {
    const sha256 = hashes.get('sha256') ?? '';
    if (!/^[0-9a-f]{64}$/.test(sha256)) continue;
    // It becomes a place in a file system.
    const path = judge(name, () => checkTargetPath(stated));
    const [first, ...rest] = path.split('/') as [string, ...string[]];
    const places = [join(out, dirname(path), `${sha256}.${basename(path)}`)];
    // tough puts the hash in front of the whole path.
    if (rest.length > 0) places.push(join(out, `${sha256}.${first}`, ...rest));
    if (await bring({ path, length, sha256 }, places)) written++;
  }
  return written;
}
