/**
 * A ledger's folder: what lies where, how it is made, how it is read.
 *
 *   ledger.json   name, id, what the folder is            keys/      online private keys, encrypted
 *   log/          the logs (LevelDB): the truth           state/     derived; may be deleted
 *   metadata/     the publication store                   objects/   bytes of targets, by SHA-256
 *   serve.sock    the running server, for commands
 */
import { readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { accepted, OperatingFault, parseJson, RejectedInput } from '@tidemark/canonical';
import { decodeRecord, encodeRecord, splitDocument, type GenesisSigned } from '@tidemark/event';
import { openLevelLogs } from '@tidemark/log';
import { makePrivateFolder } from '@tidemark/runtime';
import { z } from 'zod';
import { PARTITIONS_MAX, type LedgerPlan } from './ceremony.ts';
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
const ledgerFileSchema = z.strictObject({
  format: z.literal(1),
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/),
  ledger: z.string().regex(/^[0-9a-f]{32}$/),
  partitions: z.int().min(1).max(PARTITIONS_MAX),
  /** Where the offline keys went, as far as this machine knows. */
  offline_keys: z.string(),
});
export type LedgerFile = Readonly<z.infer<typeof ledgerFileSchema>>;

/** Of a later version no more than this can be known. */
const laterSchema = z.looseObject({ format: z.int().min(2) });

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

/** @throws OperatingFault `ledger.absent`, `file.read`, and as {@link parseLedgerFile} */
export async function readLedgerFile(folder: LedgerFolder): Promise<LedgerFile> {
  const path = join(folder.root, 'ledger.json');
  return parseLedgerFile(await textOf(folder, path), path);
}

/** @throws OperatingFault `ledger.format` (a later version made it), `ledger.damaged` */
export function parseLedgerFile(text: string, path: string): LedgerFile {
  const json = accepted(() => parseJson(text));
  const file = ledgerFileSchema.safeParse(json);
  if (file.success) return file.data;
  if (laterSchema.safeParse(json).success) {
    const message = `${path} was made by a later version of tidemark: use that one`;
    throw new OperatingFault('ledger.format', message);
  }
  throw new OperatingFault(
    'ledger.damaged',
    `${path} is not as init wrote it: restore it from a backup. ${z.prettifyError(file.error)}`,
    { cause: file.error },
  );
}

/**
 * What must hold before a ledger is made: nothing is there yet, at either place.
 * @throws RejectedInput `init.exists`, `init.offline_keys`; OperatingFault `init.place`
 */
export async function demandNew(directory: string, offlineDirectory: string): Promise<void> {
  const { root } = ledgerFolder(directory);
  if (await exists(root)) throw existsAlready(root);
  if (isInside(await futureReal(offlineDirectory), await futureReal(root))) {
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
 * is made beside its place and moved there last. Nothing of it stays where that fails; after a crash the next one at that
 * place removes what stayed.
 * @throws RejectedInput `init.exists`; OperatingFault `init.place`, and those of keys and logs
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
  try {
    await rm(making.root, { recursive: true, force: true });
    await makePrivateFolder(making.root);
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
  } catch (error) {
    // What is told is why it failed, not that tidying up did, too.
    await rm(making.root, { recursive: true, force: true }).catch(() => undefined);
    throw explained(error, target.root);
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

async function textOf(folder: LedgerFolder, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const code = codeOf(cause);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') {
      throw new OperatingFault('file.read', `cannot read ${path} (${code})`, { cause });
    }
    throw new OperatingFault(
      'ledger.absent',
      `${folder.root} is not a ledger; make one with: npx tidemark init ${folder.root}`,
      { cause },
    );
  }
}

/** Whether a path is a folder or below it; both as they really are. */
export function isInside(path: string, folder: string): boolean {
  return `${path}${sep}`.startsWith(`${folder}${sep}`);
}

/** Where a path will really be once it is made: the real path of what is there of it, then the rest. */
async function futureReal(path: string): Promise<string> {
  const absolute = resolve(path);
  try {
    return await realpath(absolute);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw explained(error, absolute);
    return join(await futureReal(dirname(absolute)), basename(absolute));
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => {
      if (codeOf(error) === 'ENOENT') return false;
      throw explained(error, path);
    },
  );
}

/** An error of the file system, with what to do; others as they are. */
function explained(error: unknown, place: string): unknown {
  const code = codeOf(error);
  if (code === undefined || !/^E[A-Z0-9]+$/.test(code)) return error;
  // Something came to the place after it was looked at.
  if (code === 'ENOTEMPTY' || code === 'EEXIST') return existsAlready(place);
  return new OperatingFault(
    'init.place',
    `no ledger can be made in ${place} (${code}); make room or choose another folder, then run init again`,
    { cause: error },
  );
}

function existsAlready(root: string): RejectedInput {
  return new RejectedInput(
    'init.exists',
    `${root} exists already; choose another folder, or if it is a ledger: npx tidemark serve ${root}`,
  );
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
