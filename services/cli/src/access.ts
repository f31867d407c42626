/**
 * How a command reaches a ledger: through the socket of a running server, or, where none runs, by
 * running the engine itself for as long as the command takes.
 */
import { request } from 'node:http';
import { availableParallelism } from 'node:os';
import { parseJson, OperatingFault, type Json, type JsonObject } from '@tidemark/canonical';
import { Engine } from './engine.ts';
import { localApp } from './http.ts';
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

export interface EngineSettings {
  readonly shards?: number | undefined;
  readonly cutIntervalMs?: number | undefined;
  readonly memoryBudgetBytes?: number | undefined;
}

const MEMORY_BUDGET_BYTES = 512 << 20;
const COMMAND_CUT_INTERVAL_MS = 100;

/** Reaches the ledger in a folder. @throws OperatingFault `ledger.absent`, `passphrase.*`, `keys.*` */
export async function openAccess(directory: string): Promise<Access> {
  const folder = ledgerFolder(directory);
  await readLedgerFile(folder);
  if (await answers(folder.socket)) return socketAccess(folder);
  const engine = await openEngine(directory, { cutIntervalMs: COMMAND_CUT_INTERVAL_MS });
  const app = localApp(engine);
  await engine.untilVisible(() => engine.publisher.visible !== undefined);
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

/** Unlocks the keys of a ledger's folder and opens its engine. */
export async function openEngine(directory: string, settings: EngineSettings): Promise<Engine> {
  const folder = ledgerFolder(directory);
  const file = await readLedgerFile(folder);
  await demandNoOfflineKeys(folder);
  const passphrase = await readPassphrase({
    title: `Passphrase of the online keys of ${file.name}`,
    environment: process.env,
    input: process.stdin,
    output: process.stderr,
    warn: (message) => console.error(`tidemark: ${message}`),
  });
  return Engine.open({
    folder,
    file,
    keys: await readKeys(folder.keys, passphrase),
    shards: Math.min(settings.shards ?? availableParallelism(), file.partitions),
    cutIntervalMs: settings.cutIntervalMs ?? 1000,
    memoryBudgetBytes: settings.memoryBudgetBytes ?? MEMORY_BUDGET_BYTES,
    onFault: ({ code, message }) => console.error(`tidemark: waiting: ${message} (${code})`),
  });
}

/** Asks and reads a JSON object. @throws OperatingFault with the server's own code and reason */
export async function askJson(
  access: Access,
  method: 'GET' | 'POST',
  path: string,
  body?: string,
): Promise<JsonObject> {
  const answer = await access.ask(method, path, body);
  const json = parseJson(answer.body) as JsonObject;
  if (answer.status < 400 || answer.status === 422) return json;
  throw new OperatingFault(
    textOf(json['code']) ?? 'ledger.refused',
    textOf(json['title']) ?? `the ledger answered ${answer.status}`,
  );
}

/** A field of an answer for people; undefined where it is missing or null. */
export function textOf(value: Json | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

const NDJSON = { 'content-type': 'application/x-ndjson' };

/** Whether a server listens on a socket. */
export async function answers(socketPath: string): Promise<boolean> {
  return ask(socketPath, 'GET', '/healthz').then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') return false;
      throw error;
    },
  );
}

function socketAccess(folder: LedgerFolder): Access {
  return {
    folder,
    isRunning: true,
    ask: (method, path, body) => ask(folder.socket, method, path, body),
    [Symbol.asyncDispose]: async () => undefined,
  };
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
