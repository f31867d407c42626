/**
 * A ledger's folder: what lies where, how it is made, how it is read.
 *
 *   ledger.json   name, id, what the folder is            keys/      online private keys, encrypted
 *   log/          the logs (LevelDB): the truth           state/     derived; may be deleted
 *   metadata/     the publication store                   objects/   bytes of targets, by SHA-256
 *   serve.sock    the running server, for commands
 */
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { OperatingFault, parseJson, RejectedInput } from '@tidemark/canonical';
import { decodeRecord, encodeRecord, splitDocument, type GenesisSigned } from '@tidemark/event';
import { openLevelLogs } from '@tidemark/log';
import { z } from 'zod';
import type { LedgerPlan } from './ceremony.ts';
import { listKeys, writeKeys, type Random } from './keystore.ts';

export interface LedgerFolder {
  readonly root: string;
  readonly log: string;
  readonly state: string;
  readonly metadata: string;
  readonly objects: string;
  /** Of uploads over HTTP, a file each. */
  readonly tokens: string;
  readonly keys: string;
  readonly socket: string;
}

/** What ledger.json says. */
export interface LedgerFile {
  readonly format: 1;
  readonly name: string;
  readonly ledger: string;
  readonly partitions: number;
  /** Where the offline keys went, as far as this machine knows: only to warn when they lie too close. */
  readonly offline_keys: string;
}

const LEDGER_FILE: z.ZodType<LedgerFile> = z.object({
  format: z.literal(1),
  name: z.string(),
  ledger: z.string().regex(/^[0-9a-f]{32}$/),
  partitions: z.int().min(1).max(128),
  offline_keys: z.string(),
});
const LATER = z.object({ format: z.int().min(2) });

export function ledgerFolder(directory: string): LedgerFolder {
  const root = resolve(directory);
  return {
    root,
    log: join(root, 'log'),
    state: join(root, 'state'),
    metadata: join(root, 'metadata'),
    objects: join(root, 'objects'),
    tokens: join(root, 'tokens'),
    keys: join(root, 'keys'),
    socket: join(root, 'serve.sock'),
  };
}

/** @throws OperatingFault `ledger.absent`, `ledger.format` */
export async function readLedgerFile(folder: LedgerFolder): Promise<LedgerFile> {
  let text: string;
  try {
    text = await readFile(join(folder.root, 'ledger.json'), 'utf8');
  } catch (cause) {
    throw new OperatingFault(
      'ledger.absent',
      `${folder.root} is not a ledger; make one with: npx tidemark init ${folder.root}`,
      { cause },
    );
  }
  return parseLedgerFile(text, folder.root);
}

/** @throws OperatingFault `ledger.format` naming the folder */
export function parseLedgerFile(text: string, root: string): LedgerFile {
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (cause) {
    throw damaged(root, cause);
  }
  const file = LEDGER_FILE.safeParse(json);
  if (file.success) return file.data;
  const isLater = LATER.safeParse(json).success;
  throw isLater
    ? new OperatingFault('ledger.format', `${root} was made by a later version`)
    : damaged(root, file.error);
}

function damaged(root: string, cause: unknown): OperatingFault {
  const message = `${root}/ledger.json is damaged; restore it from a copy`;
  return new OperatingFault('ledger.format', message, { cause });
}

/**
 * What must hold before a ledger is made: nothing is there yet, at either place.
 * @throws RejectedInput `init.exists`, `init.offline_keys`
 */
export async function demandNew(directory: string, offlineDirectory: string): Promise<void> {
  const { root } = ledgerFolder(directory);
  if (await exists(root)) {
    throw new RejectedInput(
      'init.exists',
      `${root} exists already; choose another folder, or if it is a ledger: npx tidemark serve ${root}`,
    );
  }
  if (isInside(offlineDirectory, root)) {
    throw new RejectedInput(
      'init.offline_keys',
      'the offline keys must lie outside the ledger’s folder: choose another --offline-keys',
    );
  }
  if ((await listKeys(offlineDirectory)).length === 0) return;
  throw new RejectedInput(
    'init.offline_keys',
    `${offlineDirectory} holds the keys of a ledger already: choose another --offline-keys, ` +
      'or remove them if that ledger is gone',
  );
}

/**
 * Makes a ledger's folder: online keys, logs with genesis and the documents. Whole or not at all: it
 * is made beside its place and moved there last.
 */
export async function createLedger(
  directory: string,
  offlineDirectory: string,
  plan: LedgerPlan,
  passphrase: string,
  random: Random,
): Promise<void> {
  const target = ledgerFolder(directory);
  const making = ledgerFolder(join(dirname(target.root), `.${basename(target.root)}.making`));
  await rm(making.root, { recursive: true, force: true });
  await mkdir(making.root, { recursive: true, mode: 0o700 });
  await writeKeys(making.keys, plan.onlineKeys, passphrase, random);
  await writeGenesis(making, plan);
  const file: LedgerFile = {
    format: 1,
    name: plan.genesis.name,
    ledger: plan.genesis.ledger,
    partitions: plan.genesis.partitions,
    offline_keys: resolve(offlineDirectory),
  };
  await writeFile(join(making.root, 'ledger.json'), `${JSON.stringify(file, null, 2)}\n`);
  await writeFile(join(making.root, '1.root.json'), plan.rootDocument);
  await rename(making.root, target.root);
}

/**
 * Refuses to go on where an offline key lies inside the ledger's folder, whoever put it there.
 * @throws OperatingFault `keys.offline_inside`
 */
export async function demandNoOfflineKeys(folder: LedgerFolder): Promise<void> {
  for (const path of await filesBelow(folder.root, 4)) {
    if (!OFFLINE_KEY.test(basename(path))) continue;
    throw new OperatingFault(
      'keys.offline_inside',
      `${path} is an offline key: whoever takes over this server would own the ledger. ` +
        'Move it to a machine that is not connected, then start again',
    );
  }
}

/** Reads the genesis record from the logs. @throws OperatingFault `ledger.genesis` */
export async function readGenesis(
  folder: LedgerFolder,
  file: LedgerFile,
): Promise<{ genesis: GenesisSigned; genesisBytes: Uint8Array }> {
  const logs = await openLevelLogs(folder.log, { partitions: file.partitions });
  try {
    if ((await logs.control.end(0)) === 0) {
      throw new OperatingFault('ledger.genesis', `${folder.log} is empty: this is no ledger`);
    }
    const { records } = await logs.control.read(0, 0);
    const genesisBytes = Uint8Array.from(records[0]!);
    return { genesis: decodeRecord(genesisBytes).signed as GenesisSigned, genesisBytes };
  } finally {
    await logs.close();
  }
}

async function writeGenesis(folder: LedgerFolder, plan: LedgerPlan): Promise<void> {
  const { genesis, rootDocument, roleDocuments } = plan;
  const record = encodeRecord(genesis);
  await using logs = await openLevelLogs(folder.log, { partitions: genesis.partitions });
  for (let partition = 0; partition < genesis.partitions; partition++) {
    await logs.events.append(partition, [record]);
    await logs.leaves.append(partition, [record]);
  }
  const documents = [
    ...splitDocument({ kind: 'root' }, rootDocument),
    ...splitDocument({ kind: 'role', role: 'targets' }, roleDocuments.targets),
    ...splitDocument({ kind: 'role', role: 'bins' }, roleDocuments.bins),
  ];
  await logs.control.append(0, [record]);
  for (const document of documents) await logs.control.append(0, [encodeRecord(document)]);
}

/** Anywhere in a name: a copy under another name is a key all the same. */
const OFFLINE_KEY = /(?:root|targets|bins-delegator|operator)-\d+\.key\.json/;

async function filesBelow(directory: string, depth: number): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory() && depth > 0) found.push(...(await filesBelow(path, depth - 1)));
    else if (entry.isFile()) found.push(path);
  }
  return found;
}

function isInside(path: string, folder: string): boolean {
  return `${resolve(path)}${sep}`.startsWith(`${resolve(folder)}${sep}`);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
}
