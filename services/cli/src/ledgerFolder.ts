/**
 * A ledger's folder: what lies where, how it is made, how it is read.
 *
 *   ledger.json   name, id, what the folder is            keys/      online private keys, encrypted
 *   log/          the logs (LevelDB): the truth           state/     derived; may be deleted
 *   metadata/     the publication store                   objects/   bytes of targets, by SHA-256
 *   serve.sock    the running server, for commands
 */
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { OperatingFault, readJson, RejectedInput } from '@tidemark/canonical';
import { decodeRecord, encodeRecord, splitDocument, type GenesisSigned } from '@tidemark/event';
import { openLevelLogs } from '@tidemark/log';
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
  const file = readJson(text) as unknown as LedgerFile;
  if (file.format === 1) return file;
  throw new OperatingFault('ledger.format', `${folder.root} was made by a later version`);
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
