/**
 * Offline keys below a ledger's folder, whoever put them there: whoever takes over the server would own the ledger.
 * They are told by what a file holds and by its name, and links are followed, as whoever takes it over would follow them.
 *
 * Not found: what is longer than a key file can be, or holds one in another form, such as an archive, unless its name tells.
 */
import type { Dirent } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { accepted, isObject, OperatingFault, parseJson } from '@tidemark/canonical';
import { parseRoot } from '@tidemark/tuf';
import { OFFLINE_PURPOSE } from './ceremony.ts';
import { KEY_FILE_BYTES_MAX } from './keystore-format.ts';
import { isInside, type LedgerFolder } from './ledgerFolder.ts';

export interface FoundKey {
  readonly path: string;
  /** 64 lower-case hex digits, as the file has it. */
  readonly public: string;
}

/** Many times what a ledger has, without what is left out of `metadata/` and `objects/`. */
const LOOKED_AT_MAX = 100_000;

/**
 * Refuses to go on where an offline key lies inside the ledger's folder: by purpose, by name, or as a key that the first
 * root keeps offline.
 * @returns every other key, for {@link demandNoneOf} once genesis has been read
 * @throws OperatingFault `keys.offline_inside`, `keys.too_many_files`, `file.read`
 */
export async function demandNoOfflineKeys(
  folder: LedgerFolder,
  lookedAtMax = LOOKED_AT_MAX,
): Promise<readonly FoundKey[]> {
  const found: FoundKey[] = [];
  for await (const path of filesBelow(folder, lookedAtMax)) {
    if (OFFLINE_NAME.test(basename(path))) throw inside(path);
    const key = await keyIn(path);
    if (key === undefined) continue;
    if (OFFLINE_PURPOSE.test(key.purpose)) throw inside(path);
    found.push({ path, public: key.public });
  }
  demandNoneOf(found, await offlineKeysOfRoot(folder));
  return found;
}

/** @param offline public keys, 64 lower-case hex digits. @throws OperatingFault `keys.offline_inside` */
export function demandNoneOf(found: readonly FoundKey[], offline: readonly string[]): void {
  const key = found.find((each) => offline.includes(each.public));
  if (key !== undefined) throw inside(key.path);
}

/** Anywhere in a name: an archive or a copy is mostly called after what is in it. */
const OFFLINE_NAME = /(?:root|targets|bins-delegator|operator)-\d+\.key\.json/i;

/** What the publisher calls its documents, of which there can be millions: `7.bin-03f.json`. They are no key files. */
const DOCUMENT = /^\d+\.[a-z0-9-]+\.json$/;
/**
 * Bytes of targets, whole or still coming in. They are for all to see: a key among them is beyond protection, and who may
 * upload must not be able to keep the server from starting by sending something that looks like one.
 */
const OBJECT = /^(?:[0-9a-f]{64}|\.[0-9a-f-]{36}\.part)$/;

/** Nothing of this is a failure: what this account cannot read or reach, nobody gets by taking it over. */
const OUT_OF_REACH: readonly (string | undefined)[] = [
  'EACCES',
  'EPERM',
  'ENOENT',
  'ENOTDIR',
  'ELOOP',
];

/** Files that can be a key's by name and size, each once, however many links lead there. */
async function* filesBelow(folder: LedgerFolder, lookedAtMax: number): AsyncGenerator<string> {
  const [metadata, objects] = await Promise.all([folder.metadata, folder.objects].map(realOf));
  const isBelow = (real: string, place: string | undefined): boolean =>
    place !== undefined && isInside(real, place);
  const isKnown = (real: string, name: string): boolean =>
    (DOCUMENT.test(name) && isBelow(real, metadata)) ||
    (OBJECT.test(name) && isBelow(real, objects));
  const visited = new Set<string>();
  const waiting = [folder.root];
  let lookedAt = 0;
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    const real = await realOf(directory);
    // A link may lead back to where it lies.
    if (real === undefined || visited.has(real)) continue;
    visited.add(real);
    for (const entry of (await reach(directory, entriesOf)) ?? []) {
      if (entry.isFile() && isKnown(real, entry.name)) continue;
      if (++lookedAt > lookedAtMax) throw tooMany(folder.root, directory);
      const path = join(directory, entry.name);
      const facts = await reach(path, stat);
      if (facts?.isDirectory() === true) waiting.push(path);
      if (facts?.isFile() !== true) continue;
      if (facts.size <= KEY_FILE_BYTES_MAX || OFFLINE_NAME.test(entry.name)) yield path;
    }
  }
}

/** Read less strictly than to unlock it: a key that was reformatted or given a further field is one all the same. */
async function keyIn(path: string): Promise<{ purpose: string; public: string } | undefined> {
  const bytes = await reach(path, bytesOf);
  if (bytes === undefined || bytes.length > KEY_FILE_BYTES_MAX) return undefined;
  const json = accepted(() => parseJson(bytes));
  if (json === undefined || !isObject(json)) return undefined;
  const { purpose, public: key, ciphertext } = json;
  if (typeof purpose !== 'string' || typeof key !== 'string') return undefined;
  return typeof ciphertext === 'string' ? { purpose, public: key } : undefined;
}

/** Of the roles root and targets. A root that is absent or damaged names none; that is told elsewhere. */
async function offlineKeysOfRoot(folder: LedgerFolder): Promise<readonly string[]> {
  const bytes = await reach(join(folder.root, '1.root.json'), bytesOf);
  const root = bytes === undefined ? undefined : accepted(() => parseRoot(bytes).signed);
  if (root === undefined) return [];
  const ids = [...root.roles.root.keyids, ...root.roles.targets.keyids];
  return ids.flatMap((id) => root.keys.get(id)?.keyval.public ?? []);
}

/** Undefined where it is out of reach. @throws OperatingFault `file.read` */
async function reach<T>(path: string, read: (path: string) => Promise<T>): Promise<T | undefined> {
  try {
    return await read(path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (OUT_OF_REACH.includes(code)) return undefined;
    throw new OperatingFault(
      'file.read',
      `cannot look for offline keys in ${path}: ${code ?? message}`,
      { cause },
    );
  }
}

function bytesOf(path: string): Promise<Uint8Array> {
  return readFile(path);
}

function entriesOf(directory: string): Promise<Dirent[]> {
  return readdir(directory, { withFileTypes: true });
}

async function realOf(path: string): Promise<string | undefined> {
  return reach(path, (it) => realpath(it));
}

function inside(path: string): OperatingFault {
  return new OperatingFault(
    'keys.offline_inside',
    `${path} is an offline key: whoever takes over this server would own the ledger. ` +
      'Move it to a machine that is not connected, then start again',
  );
}

function tooMany(root: string, directory: string): OperatingFault {
  return new OperatingFault(
    'keys.too_many_files',
    `${root} holds or links to so many files that offline keys cannot be looked for in all of them; ` +
      `the search ended in ${directory}. Keep other files elsewhere, then start again`,
  );
}
