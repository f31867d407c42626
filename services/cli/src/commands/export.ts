/**
 * `tidemark export`: a complete static TUF tree of the newest snapshot.json, for rsync mirrors and any
 * web server (PEP 458: requirements P51, P55): metadata/, and targets/ with the files whose bytes the
 * ledger keeps. Incremental: what is there already is not written again. A reader never meets a tree
 * that is not whole: target files come before the bin that lists them, bins before snapshot.json, a new
 * root after everything it lets clients trust, the timestamp last.
 */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { OperatingFault, parseJson, type JsonObject } from '@tidemark/canonical';
import { openFiles } from '@tidemark/publish';
import { parseTargets } from '@tidemark/tuf';
import { askJson, untilInSnapshotJson, type Access } from '../access.ts';
import { copyWhole } from '../copies.ts';
import { createProgress } from '../progress.ts';

const FILES_UNDER_WAY = 32;

export interface ExportAccount {
  readonly snapshot: number;
  /** Metadata files of the snapshot. */
  readonly files: number;
  /** Those that were not there before. */
  written: number;
  /** Target files that were not there before. */
  targets: number;
}

/** Exports into a folder. @throws OperatingFault `export.missing`, `copy.failed`, `publish.*` */
export async function exportTree(access: Access, out: string): Promise<ExportAccount> {
  await using store = await openFiles(join(resolve(out), 'metadata'));
  const { snapshot: newest } = await askJson(access, 'GET', '/v1/status');
  await untilInSnapshotJson(access, Number(newest));
  const timestamp = await need(access, 'timestamp.json');
  const { signed } = parseJson(timestamp) as { signed: JsonObject };
  const { version } = (signed['meta'] as Meta)['snapshot.json']!;
  const snapshot = await need(access, `${version}.snapshot.json`);
  const roles = rolesIn(snapshot);
  const roots = await rootsOf(access);
  const account = {
    snapshot: version,
    files: roles.length + roots.size + 2,
    written: 0,
    targets: 0,
  };
  const kept = await keptIn(access.folder.objects);
  const there = new Set(await store.list());
  const missing = roles.filter((name) => !there.has(name));
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
  await inParallel(missing, async (name) => {
    const bytes = await need(access, name);
    account.targets += await exportTargets(kept, bytes, join(resolve(out), 'targets'));
    await put(name, bytes);
    progress.update(account.written);
  });
  await put(`${version}.snapshot.json`, snapshot);
  for (const [name, bytes] of roots) await put(name, bytes);
  if (await isNewer(store.get('timestamp.json'), timestamp)) account.written++;
  await store.advance('timestamp.json', signed['version'] as number, timestamp);
  progress.finish();
  return account;
}

type Meta = Readonly<Record<string, { readonly version: number }>>;

function rolesIn(snapshot: Uint8Array): string[] {
  const { signed } = parseJson(snapshot) as { signed: JsonObject };
  return Object.entries(signed['meta'] as Meta).map(([file, { version }]) => `${version}.${file}`);
}

/** Every root version: clients walk them one by one. */
async function rootsOf(access: Access): Promise<Map<string, Uint8Array>> {
  const roots = new Map<string, Uint8Array>();
  for (let version = 1; ; version++) {
    const name = `${version}.root.json`;
    const answer = await access.ask('GET', `/metadata/${name}`);
    if (answer.status === 404) return roots;
    roots.set(name, answer.body);
  }
}

async function isNewer(held: Promise<Uint8Array | undefined>, bytes: Uint8Array): Promise<boolean> {
  const before = await held;
  return before === undefined || Buffer.compare(before, bytes) !== 0;
}

/**
 * The files that a role lists and the ledger keeps, under the two names that clients ask for.
 * @returns how many were not there before
 */
async function exportTargets(kept: Kept, role: Uint8Array, out: string): Promise<number> {
  if (kept.hashes.size === 0) return 0;
  let written = 0;
  for (const [path, { hashes }] of parseTargets(role).signed.targets) {
    const sha256 = hashes.get('sha256');
    if (sha256 === undefined || !kept.hashes.has(sha256)) continue;
    const [first, ...rest] = path.split('/') as [string, ...string[]];
    const names = [join(dirname(path), `${sha256}.${basename(path)}`)];
    // tough puts the hash in front of the whole path.
    if (rest.length > 0) names.push(join(`${sha256}.${first}`, ...rest));
    const from = join(kept.folder, sha256.slice(0, 2), sha256);
    const made = await Promise.all(names.map((name) => copyWhole(from, join(out, name))));
    if (made.includes(true)) written++;
  }
  return written;
}

interface Kept {
  readonly folder: string;
  readonly hashes: ReadonlySet<string>;
}

/** What bytes the ledger keeps; most ledgers keep none. */
async function keptIn(folder: string): Promise<Kept> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const hashes = names.map((name) => basename(name)).filter((name) => /^[0-9a-f]{64}$/.test(name));
  return { folder, hashes: new Set(hashes) };
}

async function inParallel<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const work = async (): Promise<void> => {
    for (const item of queue) await act(item);
  };
  await Promise.all(Array.from({ length: FILES_UNDER_WAY }, work));
}

async function need(access: Access, name: string): Promise<Uint8Array> {
  const answer = await access.ask('GET', `/metadata/${name}`);
  if (answer.status === 200) return answer.body;
  throw new OperatingFault('export.missing', `the ledger answered ${answer.status} for ${name}`);
}
