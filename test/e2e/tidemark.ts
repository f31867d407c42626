// The command line and the server as what they are: processes, on ledgers in real folders.
import { spawn, type ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export const CHECKOUT = join(import.meta.dirname, '../..');
const MAIN = join(CHECKOUT, 'services/cli/src/main.ts');
const READY_MS_MAX = 120_000;
const STOPPED_MS_MAX = 60_000;

export interface Run {
  /** Exit status; null after a signal. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Standard input; empty unless given. */
  readonly input?: string;
  readonly passphraseFile?: string | undefined;
  /** Further variables. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

/** Runs `tidemark ARGS` to its end. */
export async function tidemark(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const started = start(process.execPath, [MAIN, ...args], options);
  started.child.stdin!.end(options.input ?? '');
  const code = await started.exited;
  return { code, ...textsOf(started) };
}

/** Starts `tidemark ARGS`, to be interrupted or waited for. */
export function startTidemark(args: readonly string[], options: RunOptions = {}): Running {
  const started = start(process.execPath, [MAIN, ...args], options);
  return {
    exited: started.exited.then((code) => ({ code, ...textsOf(started) })),
    get stderr() {
      return started.stderr;
    },
    kill: () => {
      started.child.kill('SIGKILL');
      return started.exited;
    },
  };
}

function textsOf({ stdout, stderr }: Started): { stdout: string; stderr: string } {
  return { stdout, stderr };
}

export interface Ledger {
  readonly folder: string;
  readonly offlineKeys: string;
  readonly passphraseFile: string;
  /** The first root, as clients are shipped with it. */
  readonly root: Uint8Array;
  /** `tidemark COMMAND FOLDER ARGS…`. */
  run(command: string, ...args: readonly string[]): Promise<Run>;
  /** The same with `--json`; what it printed. @throws where it did not exit with 0 */
  json<T>(command: string, ...args: readonly string[]): Promise<T>;
  /** The same as `run`, to be interrupted. */
  start(command: string, ...args: readonly string[]): Running;
  serve(...flags: readonly string[]): Promise<Serving>;
  /** A new token, by `tokens create FLAGS…`. */
  token(...flags: readonly string[]): Promise<string>;
}

export interface Running {
  readonly exited: Promise<Run>;
  /** What it has written to standard error so far. */
  readonly stderr: string;
  /** Ends it as a crash does. @returns its exit status: null, unless it was done before */
  kill(): Promise<number | null>;
}

/** `tidemark init --yes` in a folder that does not exist yet. */
export async function initLedger(folder: string, ...flags: readonly string[]): Promise<Ledger> {
  const made = await tidemark(['init', folder, '--yes', ...flags]);
  if (made.code !== 0) throw new Error(`init: ${made.code} ${made.stderr}`);
  return openLedger(folder, await readFile(join(folder, '1.root.json')));
}

export function openLedger(folder: string, root: Uint8Array): Ledger {
  const offlineKeys = `${folder}-offline-keys`;
  const passphraseFile = join(offlineKeys, 'demo-passphrase.txt');
  const run = (command: string, ...args: readonly string[]): Promise<Run> =>
    tidemark([command, folder, ...args], { passphraseFile });
  return {
    folder,
    offlineKeys,
    passphraseFile,
    root,
    run,
    json: async (command, ...args) => {
      const { code, stdout, stderr } = await run(command, ...args, '--json');
      if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${code} ${stdout}${stderr}`);
      return JSON.parse(stdout);
    },
    start: (command, ...args) => startTidemark([command, folder, ...args], { passphraseFile }),
    serve: (...flags) =>
      Serving.start(process.execPath, [MAIN, 'serve', folder, '--port', '0', ...flags], {
        passphraseFile,
      }),
    token: async (...flags) => {
      const args = ['tokens', 'create', folder, ...flags, '--json'];
      const { code, stdout, stderr } = await tidemark(args);
      if (code !== 0) throw new Error(`${args.join(' ')}: ${code} ${stdout}${stderr}`);
      return (JSON.parse(stdout) as { token: string }).token;
    },
  };
}

/** A process that serves a ledger until it is told to stop; `await using` kills it. */
export class Serving implements AsyncDisposable {
  private readonly started: Started;
  /** With a slash at the end. */
  readonly url: string;

  private constructor(started: Started, url: string) {
    this.started = started;
    this.url = url;
  }

  /** Starts it and waits until it says where it serves. @throws where it ends before, or says nothing */
  static async start(
    command: string,
    args: readonly string[],
    options: RunOptions & { readonly cwd?: string } = {},
  ): Promise<Serving> {
    const started = start(command, args, options);
    const deadline = Date.now() + READY_MS_MAX;
    for (;;) {
      const url = /on (https?:\/\/\S+\/)/.exec(started.stdout)?.[1];
      if (url !== undefined) return new Serving(started, url);
      const ended = await Promise.race([started.exited, started.saidMore()]);
      if (ended !== undefined || Date.now() > deadline) {
        started.child.kill('SIGKILL');
        throw new Error(`it does not serve (${ended}): ${started.stdout}${started.stderr}`);
      }
    }
  }

  get stdout(): string {
    return this.started.stdout;
  }

  get stderr(): string {
    return this.started.stderr;
  }

  /** Tells it something without ending it. */
  signal(signal: NodeJS.Signals): void {
    this.started.child.kill(signal);
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    this.started.child.kill('SIGKILL');
    await this.started.exited;
  }

  /** Ends it as Ctrl-C does. @returns its exit status */
  async stop(signal: 'SIGINT' | 'SIGTERM' = 'SIGINT'): Promise<number | null> {
    const late = setTimeout(() => this.started.child.kill('SIGKILL'), STOPPED_MS_MAX);
    this.started.child.kill(signal);
    return this.started.exited.finally(() => clearTimeout(late));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async get(path: string): Promise<{ readonly status: number; readonly body: Uint8Array }> {
    const response = await fetch(new URL(path, this.url));
    return { status: response.status, body: new Uint8Array(await response.arrayBuffer()) };
  }
}

interface Started {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves, to nothing, when it has written something or after a second. */
  saidMore(): Promise<undefined>;
}

function start(
  command: string,
  args: readonly string[],
  { passphraseFile, environment: more, cwd }: RunOptions & { readonly cwd?: string },
): Started {
  const { TIDEMARK_PASSPHRASE_FILE: _, TIDEMARK_TOKEN: __, ...environment } = process.env;
  const child = spawn(command, args, {
    cwd,
    env: {
      ...environment,
      ...more,
      ...(passphraseFile === undefined ? {} : { TIDEMARK_PASSPHRASE_FILE: passphraseFile }),
    },
  });
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => (said[stream] += text));
  }
  child.stdin.on('error', () => {});
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  return {
    child,
    exited,
    get stdout() {
      return said.stdout;
    },
    get stderr() {
      return said.stderr;
    },
    saidMore: () =>
      new Promise((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          child.stdout.off('data', done);
          resolve(undefined);
        };
        const timer = setTimeout(done, 1000);
        child.stdout.once('data', done);
      }),
  };
}
