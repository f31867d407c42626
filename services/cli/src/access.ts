/**
 * How a command reaches a ledger: through the socket of a running server, or, where none runs, by
 * running the engine itself for as long as the command takes.
 */
import { request } from 'node:http';
import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import {
  parseJson,
  OperatingFault,
  RejectedInput,
  type Json,
  type JsonObject,
} from '@tidemark/canonical';
import { untilCurrent } from './current.ts';
import { Engine } from './engine.ts';
import type { EngineBounds, EngineOptions } from './engineParts.ts';
import { localApp } from './http/app.ts';
import type { EngineObserver } from './operations/observer.ts';
import { readKeys } from './keystore.ts';
import {
  demandNoOfflineKeys,
  ledgerFolder,
  readLedgerFile,
  type LedgerFolder,
} from './ledgerFolder.ts';
import { readPassphrase } from './passphrase.ts';

export interface Answer {
  readonly status: number;
  readonly body: Uint8Array;
}

export interface Access extends AsyncDisposable {
  readonly folder: LedgerFolder;
  /** Whether a server answers, rather than this process. */
  readonly isRunning: boolean;
  ask(method: 'GET' | 'POST', path: string, body?: string): Promise<Answer>;
}

export interface EngineSettings extends EngineBounds {
  readonly shards?: number | undefined;
  readonly cutIntervalMs?: number | undefined;
  readonly memoryBudgetBytes?: number | undefined;
  readonly verifyBins?: EngineOptions['verifyBins'] | undefined;
  readonly observer?: EngineObserver | undefined;
  /** Told what a person at the terminal should know; by default it goes to standard error. */
  readonly say?: ((message: string) => void) | undefined;
}

const MEMORY_BUDGET_BYTES = 512 << 20;
const COMMAND_CUT_INTERVAL_MS = 100;
/** How long another process that has the ledger open is waited for. */
const BUSY_MS_MAX = 15_000;
const BUSY_LOOK_MS = 200;
const BEHIND_MS_MAX = 60_000;
const BEHIND_LOOK_MS = 50;

/** A command that asks a thing or two starts no more threads than that takes. */
const SMALL: EngineSettings = { shards: 1 };

/**
 * Reaches the ledger in a folder.
 * @param settings of the engine, where no server runs
 * @throws OperatingFault `ledger.absent`, `ledger.busy`, `ledger.socket`, `passphrase.*`, `keys.*`
 */
export async function openAccess(
  directory: string,
  settings: EngineSettings = SMALL,
): Promise<Access> {
  const folder = ledgerFolder(directory);
  await readLedgerFile(folder);
  if (await answers(folder.socket)) return socketAccess(folder);
  const engine = await openEngine(directory, {
    cutIntervalMs: COMMAND_CUT_INTERVAL_MS,
    ...settings,
  });
  if (engine === undefined) return socketAccess(folder);
  const app = localApp(engine);
  await untilCurrent(engine);
  return {
    folder,
    isRunning: false,
    ask: async (method, path, body) => {
      const response = await app.request(`http://ledger${path}`, {
        method,
        ...(body === undefined ? {} : { body, headers: NDJSON }),
      });
      return { status: response.status, body: new Uint8Array(await response.arrayBuffer()) };
    },
    [Symbol.asyncDispose]: () => engine.close(),
  };
}

/**
 * Unlocks the keys of a ledger's folder and opens its engine.
 * @returns undefined where a server has been started meanwhile
 * @throws OperatingFault `ledger.busy` while another process has it open, and others
 */
export async function openEngine(
  directory: string,
  settings: EngineSettings,
): Promise<Engine | undefined> {
  const folder = ledgerFolder(directory);
  const options = await engineOptions(folder, settings);
  const deadline = performance.now() + BUSY_MS_MAX;
  for (;;) {
    try {
      return await Engine.open(options);
    } catch (error) {
      if (!(error instanceof OperatingFault) || error.code !== 'log.locked') throw error;
      if (performance.now() > deadline) throw busy(folder, error);
    }
    await delay(BUSY_LOOK_MS);
    if (await answers(folder.socket)) return undefined;
  }
}

async function engineOptions(
  folder: LedgerFolder,
  settings: EngineSettings,
): Promise<EngineOptions> {
  const { say = sayToTerminal, observer } = settings;
  const file = await readLedgerFile(folder);
  await demandNoOfflineKeys(folder);
  const passphrase = await readPassphrase({
    title: `Passphrase of the online keys of ${file.name}`,
    environment: process.env,
    input: process.stdin,
    output: process.stderr,
    warn: say,
  });
  return {
    ...settings,
    folder,
    file,
    keys: await readKeys(folder.keys, passphrase),
    shards: Math.min(settings.shards ?? availableParallelism(), file.partitions),
    cutIntervalMs: settings.cutIntervalMs ?? 1000,
    memoryBudgetBytes: settings.memoryBudgetBytes ?? MEMORY_BUDGET_BYTES,
    verifyBins: settings.verifyBins ?? 'sample',
    onFault: (failure, who) => {
      say(`waiting: ${failure.message} (${failure.code})`);
      observer?.fault(failure, who);
    },
  };
}

/** A message for people. */
export function sayToTerminal(message: string): void {
  console.error(`tidemark: ${message}`);
}

function busy(folder: LedgerFolder, cause: Error): OperatingFault {
  return new OperatingFault(
    'ledger.busy',
    `another tidemark command is at work on ${folder.root}; wait until it is done, ` +
      'or run a server, which any number of commands can share',
    { cause },
  );
}

/**
 * Asks and reads a JSON object; an answer that judges events one by one is one whatever it says.
 * @throws RejectedInput, OperatingFault with the ledger's own code and reason
 */
export async function askJson(
  access: Access,
  method: 'GET' | 'POST',
  path: string,
  body?: string,
): Promise<JsonObject> {
  const answer = await access.ask(method, path, body);
  const json = parseJson(answer.body) as JsonObject;
  const isJudged = Array.isArray(json['refused']) && json['code'] === undefined;
  if (answer.status < 400 || isJudged) return json;
  const code = textOf(json['code']) ?? 'ledger.refused';
  const reason = textOf(json['title']) ?? `the ledger answered ${answer.status}`;
  throw answer.status < 500 ? new RejectedInput(code, reason) : new OperatingFault(code, reason);
}

/**
 * Resolves once snapshot.json states snapshot n or a later one: the timestamp has the Merkle root of
 * every snapshot, but most clients read that file, and it follows by up to a second.
 * @throws OperatingFault `ledger.behind`
 */
export async function untilInSnapshotJson(access: Access, n: number): Promise<void> {
  const deadline = performance.now() + BEHIND_MS_MAX;
  for (;;) {
    const status = await askJson(access, 'GET', '/v1/status');
    // By policy it may only be renewed.
    if (status['classic_ms'] === null || Number(status['classic_snapshot']) >= n) return;
    if (performance.now() > deadline) {
      throw new OperatingFault('ledger.behind', `snapshot.json does not reach snapshot ${n}`);
    }
    await delay(Math.min(BEHIND_LOOK_MS, Number(status['classic_ms'])));
  }
}

/** A field of an answer for people; undefined where it is missing or null. */
export function textOf(value: Json | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

const NDJSON = { 'content-type': 'application/x-ndjson' };

/** Whether a server listens on a socket. @throws OperatingFault `ledger.socket` where that cannot be told */
export async function answers(socketPath: string): Promise<boolean> {
  return ask(socketPath, 'GET', '/healthz').then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') return false;
      throw new OperatingFault(
        'ledger.socket',
        `cannot ask the server at ${socketPath} (${error.code}); run this as the user who runs the server`,
        { cause: error },
      );
    },
  );
}

function socketAccess(folder: LedgerFolder): Access {
  return {
    folder,
    isRunning: true,
    ask: (method, path, body) => ask(folder.socket, method, path, body).catch(rethrowGone),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

function rethrowGone(cause: NodeJS.ErrnoException): never {
  throw new OperatingFault(
    'ledger.gone',
    `the server stopped before it answered (${cause.code}); what it acknowledged is safe, and repeating the command is harmless`,
    { cause },
  );
}

async function ask(socketPath: string, method: string, path: string, body?: string) {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = request({ socketPath, method, path, headers: body === undefined ? {} : NDJSON });
  sent.once('error', reject);
  sent.once('response', (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.once('error', reject);
    response.once('end', () =>
      resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }),
    );
  });
  sent.end(body);
  return promise;
}
