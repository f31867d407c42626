// Real ledgers in real folders and the server as a real process, for tests that treat it badly.
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { cp, lstat, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  createLedger,
  ledgerFolder,
  planLedger,
  writeKeys,
  type LedgerOptions,
} from '@tidemark/cli';
import { cacheFolder } from '../support/provision.ts';

const MAIN = join(import.meta.dirname, '../../services/cli/src/main.ts');
const PASSPHRASE = 'not a secret';
/** The least that a key file may state: unlocking is no part of what is tested here. */
const CHEAP = { N: 2 ** 14, r: 8, p: 1 };
const READY_WITHIN_MS = 60_000;
const STOPPED_WITHIN_MS = 60_000;

/** Makes a ledger in `folder/ledger`. @param time its first time, ms. @returns its folder */
export async function makeLedger(
  folder: string,
  options: Partial<LedgerOptions>,
  time: number,
): Promise<string> {
  const random = (bytes: number): Uint8Array => randomBytes(bytes);
  const shape = { name: 'test', bins: 64, partitions: 4, delegation: 'succinct' } as const;
  const plan = planLedger({ ...shape, ...options }, random, time);
  const ledger = join(folder, 'ledger');
  await createLedger(ledger, join(folder, 'offline'), plan, PASSPHRASE, random);
  const { keys } = ledgerFolder(ledger);
  await rm(keys, { recursive: true });
  await writeKeys(keys, plan.onlineKeys, PASSPHRASE, random, CHEAP);
  return ledger;
}

/** Copies a stopped ledger, without the sockets that show who runs. */
export async function copyLedger(from: string, to: string, without: readonly string[] = []) {
  await cp(from, to, { recursive: true, filter: async (path) => !(await lstat(path)).isSocket() });
  for (const name of without) await rm(join(to, name), { recursive: true });
}

export interface ServeSettings {
  readonly shards?: number;
  readonly cutInterval?: string;
  readonly memory?: string;
  /** A file that holds the passphrase; made where it is absent. */
  readonly passphraseFile: string;
}

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/** Where the servers of a test find their passphrase. */
export async function makePassphraseFile(folder: string): Promise<string> {
  const path = join(folder, 'passphrase.txt');
  await writeFile(path, `${PASSPHRASE}\n`, { mode: 0o600 });
  return path;
}

/** One life of `tidemark serve`. */
export class Server implements AsyncDisposable {
  readonly ledger: string;
  private readonly child: ChildProcess;
  private readonly agent = new Agent({ keepAlive: true });
  /** The exit status; null after a signal. */
  readonly exited: Promise<number | null>;
  hasExited = false;
  /** What it wrote to standard error. */
  said = '';

  constructor(ledger: string, settings: ServeSettings) {
    const { shards = 1, cutInterval = '20ms', memory = '64M', passphraseFile } = settings;
    this.ledger = ledger;
    const options = { shards, 'cut-interval': cutInterval, memory, port: 0 };
    const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, `${value}`]);
    this.child = spawn(process.execPath, [MAIN, 'serve', ledger, ...flags], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...process.env,
        TIDEMARK_PASSPHRASE_FILE: passphraseFile,
        // Compiling the program is most of a start.
        NODE_COMPILE_CACHE: join(cacheFolder(), 'compiled'),
      },
    });
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.said += text;
    });
    this.exited = new Promise((resolve) => {
      this.child.once('close', (code) => {
        this.hasExited = true;
        resolve(code);
      });
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Waits until it answers and its newest snapshot has at least number n. @throws where it exits */
  async ready(n = 1): Promise<this> {
    const deadline = Date.now() + READY_WITHIN_MS;
    for (;;) {
      const status = await this.status().catch(() => undefined);
      if (status !== undefined && Number(status['snapshot']) >= n) return this;
      if (this.hasExited) throw new Error(`the server stopped: ${this.said}`);
      if (Date.now() > deadline) {
        throw new Error(`no snapshot ${n}: ${JSON.stringify(status)} ${this.said}`);
      }
      await delay(10);
    }
  }

  async status(): Promise<Record<string, unknown>> {
    const { status, body } = await this.ask('GET', '/v1/status');
    if (status !== 200) throw new Error(`status ${status}: ${body.toString()}`);
    return JSON.parse(body.toString()) as Record<string, unknown>;
  }

  async get(path: string): Promise<Answer> {
    return this.ask('GET', path);
  }

  /** Waits until its shards have opened their state: from then on uploads become visible. @throws where it exits */
  async working(): Promise<void> {
    const deadline = Date.now() + READY_WITHIN_MS;
    for (;;) {
      const body = await this.get('/metrics').then(
        ({ body }) => body.toString(),
        () => '',
      );
      const [, shards] = /^tidemark_shards (\d+)$/m.exec(body) ?? [];
      const [, running] = /^tidemark_shards_running (\d+)$/m.exec(body) ?? [];
      if (shards !== undefined && shards === running) return;
      if (this.hasExited) throw new Error(`the server stopped: ${this.said}`);
      if (Date.now() > deadline) throw new Error(`no shards: ${body} ${this.said}`);
      await delay(10);
    }
  }

  /** Waits until everything on its disk was read again. @throws where it exits */
  async scrubbed(): Promise<void> {
    const deadline = Date.now() + READY_WITHIN_MS;
    for (;;) {
      const { body } = await this.get('/metrics');
      if (/^tidemark_scrubs_total [1-9]/m.test(body.toString())) return;
      if (Date.now() > deadline) throw new Error(`nothing was scrubbed: ${this.said}`);
      await delay(20);
    }
  }

  /** Sends events as NDJSON. */
  async post(events: readonly object[], wait: 'durable' | 'published'): Promise<Answer> {
    const body = events.map((event) => JSON.stringify(event)).join('\n');
    return this.ask('POST', `/v1/events?wait=${wait}`, body);
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  /** Ends it as an operator does. @returns its exit status */
  async stop(): Promise<number | null> {
    this.child.kill('SIGTERM');
    const late = delay(STOPPED_WITHIN_MS, 'late' as const, { ref: false });
    const code = await Promise.race([this.exited, late]);
    if (code !== 'late') return code;
    await this.kill();
    throw new Error(`the server did not stop: ${this.said}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    this.agent.destroy();
  }

  private async ask(method: string, path: string, body?: string): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const { agent } = this;
    const socketPath = join(this.ledger, 'serve.sock');
    const headers = body === undefined ? {} : { 'content-type': 'application/x-ndjson' };
    const sent = request({ socketPath, method, path, headers, agent });
    const fail = (cause: Error): void => {
      const end = this.hasExited ? 'it has exited' : 'it runs';
      reject(new Error(`${method} ${path}: ${cause.message}; ${end} ${this.said}`, { cause }));
    };
    sent.once('error', fail);
    sent.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', fail);
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }),
      );
    });
    sent.end(body);
    return promise;
  }
}

export function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Runs tasks, so many at a time; results in order. */
export async function inParallel<T, R>(
  items: readonly T[],
  width: number,
  act: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const work = async (): Promise<void> => {
    for (const [i, item] of queue) results[i] = await act(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, work));
  return results;
}
