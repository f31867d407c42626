/**
 * How a command reaches a ledger: through the socket of a running server, by running the engine itself for as long as
 * the command takes where none runs, or by the URL of a server elsewhere.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { untilCurrent } from '../engine/current.ts';
import type { Engine } from '../engine/engine.ts';
import { localApp } from '../http/app.ts';
import { ledgerFolder, readLedgerFile, type LedgerFolder } from '../folder/ledgerFolder.ts';
import { openEngine, type EngineSettings } from './openEngine.ts';
import { openRemote, type RemoteOptions } from './remote/openRemote.ts';
import { demandNoRemoteOptions, isUrl } from './remote/url.ts';
import { answers, askThrough } from './socket.ts';
import { filesInFolder, type TargetFiles } from './targetFiles.ts';

export interface Answer {
  readonly status: number;
  readonly body: Uint8Array;
  /** Whether it was sent before, and may have been taken in then: what it did counts as a duplicate now. */
  readonly isRepeated?: boolean;
}

export interface AskOptions {
  /** NDJSON. */
  readonly body?: string;
  /** Of the answer; where it is longer, the ledger lies or is none. */
  readonly bytesMax?: number;
  /** Whether to come again later where the answer says so: what is asked may be just that. Default: yes. */
  readonly isPatient?: boolean;
}

/** @throws OperatingFault `ledger.gone`, `ledger.too_large`; of a URL also `remote.*` */
export type Ask = (method: 'GET' | 'POST', path: string, options?: AskOptions) => Promise<Answer>;

export interface Access extends AsyncDisposable {
  /** Whether a server answers, rather than this process. */
  readonly isRunning: boolean;
  readonly ask: Ask;
  readonly files: TargetFiles;
  /** The first root, where the ledger's own folder vouches for it; undefined elsewhere. */
  readonly firstRoot: () => Promise<Uint8Array | undefined>;
}

const COMMAND_CUT_INTERVAL_MS = 100;

/** A command that asks a thing or two starts no more threads than that takes. */
const SMALL: EngineSettings = { shards: 1 };

/**
 * Reaches the ledger in a folder, or at a URL.
 * @param remote of a URL
 * @param settings of the engine, where no server runs
 * @throws OperatingFault `ledger.absent`, `ledger.busy`, `ledger.socket`, `passphrase.*`, `keys.*`; of a URL as `openRemote`
 */
export async function openAccess(
  ledger: string,
  remote: RemoteOptions = {},
  settings: EngineSettings = SMALL,
): Promise<Access> {
  if (isUrl(ledger)) return openRemote(ledger, remote);
  demandNoRemoteOptions(remote);
  const folder = ledgerFolder(ledger);
  await readLedgerFile(folder);
  if (await answers(folder.socket)) return socketAccess(folder);
  const engine = await openEngine(ledger, {
    cutIntervalMs: COMMAND_CUT_INTERVAL_MS,
    ...settings,
  });
  if (engine === undefined) return socketAccess(folder);
  // One that is left open keeps the process from its end.
  await using opened = new AsyncDisposableStack();
  opened.defer(() => engine.close());
  await untilCurrent(engine);
  const whole = opened.move();
  return {
    ...partsOf(folder),
    isRunning: false,
    ask: askEmbedded(engine),
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  };
}

/** @throws the reason, where the ledger cannot go on: what it was asked then has no answer */
function askEmbedded(engine: Engine): Ask {
  const app = localApp(engine);
  const answerTo: Ask = async (method, path, { body } = {}) => {
    const response = await app.request(`http://ledger${path}`, {
      method,
      ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/x-ndjson' } }),
    });
    return { status: response.status, body: new Uint8Array(await response.arrayBuffer()) };
  };
  return (...asked) => Promise.race([answerTo(...asked), engine.failed]);
}

function socketAccess(folder: LedgerFolder): Access {
  return {
    ...partsOf(folder),
    isRunning: true,
    ask: askThrough(folder.socket),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** What a folder has, whether a server runs on it or not. */
function partsOf(folder: LedgerFolder): Pick<Access, 'files' | 'firstRoot'> {
  return {
    files: filesInFolder(folder.objects),
    firstRoot: async () => readFile(join(folder.root, '1.root.json')).catch(() => undefined),
  };
}
