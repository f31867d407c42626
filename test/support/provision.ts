// Finds or makes what tests need beyond Node, in a cache outside the tree, so that a second run and a
// second checkout find it there. Each component is built beside its final name and renamed: what has
// the name is complete. The lock only saves parallel runs from building the same thing twice.
import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

const PYTHON_TUF: readonly string[] = ['tuf==7.0.1', 'securesystemslib[crypto]==1.6.0'];
/** With what decides which requests come of a seed. */
const SCHEMATHESIS: readonly string[] = [
  'schemathesis==4.32.5',
  'hypothesis==6.170.17',
  'jsonschema_rs==0.60.3',
];
const CONFORMANCE: readonly string[] = [
  'tuf==7.0.1',
  'securesystemslib[crypto]==1.6.0',
  'pytest==9.1.1',
  'pytest-json-report==1.5.0',
];
const BUILD_MS_MAX = 300_000;
const LOCK_POLL_MS = 200;

/** The Python interpreter of a virtual environment that holds python-tuf. */
export async function providePythonTuf(): Promise<string> {
  return providePython('python-tuf', PYTHON_TUF, 'import tuf.ngclient, cryptography');
}

/** The Python interpreter of one that holds schemathesis: `-m schemathesis.cli`. */
export async function provideSchemathesis(): Promise<string> {
  return providePython('schemathesis', SCHEMATHESIS, 'import schemathesis.cli');
}

/** The Python interpreter of one that can run tuf-conformance from a checkout. */
export async function provideConformance(): Promise<string> {
  return providePython('tuf-conformance', CONFORMANCE, 'import pytest, tuf.api.metadata');
}

/** The interpreter of a virtual environment with some packages, in which a line of Python succeeds. */
async function providePython(
  name: string,
  packages: readonly string[],
  line: string,
): Promise<string> {
  const digest = createHash('sha256').update(packages.join(' ')).digest('hex').slice(0, 12);
  const folder = await provide(
    `${name}-${digest}`,
    async (made) => {
      await python('python3', ['-m', 'venv', made]);
      await python(interpreter(made), ['-m', 'pip', 'install', '--quiet', ...packages]);
    },
    // A new system Python leaves the environment's link dangling; then it is made anew.
    async (made) => await python(interpreter(made), ['-c', line]),
  );
  return interpreter(folder);
}

/** Paths of the server, and of its own judge of metrics and rules. */
export interface PrometheusPrograms {
  readonly prometheus: string;
  readonly promtool: string;
}

/**
 * Prometheus as it is installed, else out of Debian's package, which is unpacked and not installed, so that
 * no server starts and nobody has to be root.
 */
export async function providePrometheus(): Promise<PrometheusPrograms> {
  const installed = { prometheus: 'prometheus', promtool: 'promtool' };
  try {
    await runBoth(installed);
    return installed;
  } catch {
    // Not there, or not whole.
  }
  const programsIn = (made: string): PrometheusPrograms => ({
    prometheus: join(made, 'usr', 'bin', 'prometheus'),
    promtool: join(made, 'usr', 'bin', 'promtool'),
  });
  const folder = await provide(
    'prometheus-debian',
    async (made) => {
      const parts = `${made}.parts`;
      await mkdir(parts);
      try {
        await download('prometheus', parts);
        const [archive = ''] = await readdir(parts);
        await run('dpkg-deb', ['-x', join(parts, archive), made], { timeout: BUILD_MS_MAX });
      } finally {
        await rm(parts, { recursive: true, force: true });
      }
    },
    async (made) => await runBoth(programsIn(made)),
  );
  return programsIn(folder);
}

async function runBoth({ prometheus, promtool }: PrometheusPrograms): Promise<void> {
  await Promise.all([prometheus, promtool].map((program) => run(program, ['--version'])));
}

/** Debian's lists of packages may be older than what its mirrors still have, or not be there at all. */
async function download(name: string, cwd: string): Promise<void> {
  const options = { cwd, timeout: BUILD_MS_MAX };
  try {
    await run('apt-get', ['download', '-q', name], options);
  } catch {
    await run('apt-get', ['update', '-q'], options);
    await run('apt-get', ['download', '-q', name], options);
  }
}

/** TIDEMARK_CACHE, or `tidemark` in the user's cache folder. */
export function cacheFolder(): string {
  const own = process.env['TIDEMARK_CACHE'];
  return own ? own : join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'tidemark');
}

/**
 * The folder `name` in the cache: the one there if `check` accepts it, otherwise made by `build`.
 * @throws what `build` or the check of its result throws; nothing is left under the name then
 */
export async function provide(
  name: string,
  build: (folder: string) => Promise<void>,
  check: (folder: string) => Promise<void>,
): Promise<string> {
  const cache = cacheFolder();
  const folder = join(cache, name);
  await mkdir(cache, { recursive: true });
  if (await passes(folder, check)) return folder;
  const unlock = await lock(`${folder}.lock`);
  try {
    if (await passes(folder, check)) return folder;
    await rm(folder, { recursive: true, force: true });
    const made = `${folder}.${randomUUID()}.tmp`;
    try {
      await build(made);
      await check(made);
      await rename(made, folder);
    } finally {
      await rm(made, { recursive: true, force: true });
    }
    return folder;
  } finally {
    await unlock();
  }
}

async function passes(folder: string, check: (folder: string) => Promise<void>): Promise<boolean> {
  try {
    await stat(folder);
    await check(folder);
    return true;
  } catch {
    // Absent or broken, for whatever reason: both are mended by building it.
    return false;
  }
}

/** A lock file with its holder's process id; one whose holder is gone is taken over. */
async function lock(path: string): Promise<() => Promise<void>> {
  const deadline = Date.now() + BUILD_MS_MAX;
  const own = `${path}.${randomUUID()}`;
  await writeFile(own, String(process.pid));
  try {
    // A link appears with its content, so nobody ever reads a lock without its holder.
    while (!(await succeeds(link(own, path), 'EEXIST'))) {
      if (Date.now() > deadline) throw new Error(`${path} is held by another run for too long`);
      const holder = Number(await readFile(path, 'utf8').catch(() => '0'));
      if (holder === 0 || isAlive(holder)) await sleep(LOCK_POLL_MS);
      else await rm(path, { force: true });
    }
  } finally {
    await rm(own, { force: true });
  }
  return async () => await rm(path, { force: true });
}

async function succeeds(attempt: Promise<void>, expected: string): Promise<boolean> {
  try {
    await attempt;
    return true;
  } catch (error) {
    if (hasCode(error, expected)) return false;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}

async function python(command: string, args: readonly string[]): Promise<void> {
  try {
    await run(command, args, { timeout: BUILD_MS_MAX });
  } catch (error) {
    const said = [Reflect.get(Object(error), 'stdout'), Reflect.get(Object(error), 'stderr')];
    const text = said
      .filter((each) => typeof each === 'string')
      .join('')
      .trim();
    const hint = /ensurepip/.test(text) ? ' (Debian: apt-get install python3-venv)' : '';
    const last = text.split('\n').at(-1);
    throw new Error(`${command} ${args.join(' ')}: ${last || String(error)}${hint}`, {
      cause: error,
    });
  }
}

function interpreter(folder: string): string {
  return process.platform === 'win32'
    ? join(folder, 'Scripts', 'python.exe')
    : join(folder, 'bin', 'python');
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && Reflect.get(error, 'code') === code;
}
