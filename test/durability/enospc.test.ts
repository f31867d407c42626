// Full disks under load: said clearly, nothing acknowledged lost, and it goes on by itself when there
// is room again. The whole folder on the full disk, state/ alone, metadata/ alone.
import { execFileSync } from 'node:child_process';
import { appendFile, cp, mkdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { canMount, hasCommand } from '../support/disks.ts';
import { temporaryFolder } from '../support/files.ts';
import { World } from './clients.ts';
import { compareAll, SHAPE } from './comparison.ts';
import { seededRandom } from '../support/random.ts';
import { makeLedger, makePassphraseFile, Server } from './support.ts';

const DISK_MIB = 160;
/** What is left when the disk is filled: a moment's work. */
const LEFT_BYTES = 200_000;
const FAULT_WITHIN_MS = 40_000;
const RECOVERED_WITHIN_MS = 60_000;
const CLIENTS = 4;

test.skipIf(!canMount()).each([
  { part: '.', code: /(log|state|publish)\.[a-z]+/ },
  { part: 'log', code: /log\.(full|unknown)/ },
  { part: 'state', code: /state\.full/ },
  { part: 'metadata', code: /publish\.full/ },
])('$part on a full disk', async ({ part, code }) => {
  await using folder = await temporaryFolder();
  const ledger = await makeLedger(folder.path, SHAPE, Date.now());
  await using disk = await Disk.mount(join(ledger, part));
  await endure(folder.path, ledger, code, {
    fill: () => disk.fill(),
    makeRoom: () => disk.makeRoom(),
  });
});

test.skipIf(!hasCommand('prlimit'))('a limit of the size of files', async () => {
  await using folder = await temporaryFolder();
  const ledger = await makeLedger(folder.path, SHAPE, Date.now());
  const limit = (pid: number, size: string) =>
    execFileSync('prlimit', ['--pid', `${pid}`, `--fsize=${size}:unlimited`]);
  await endure(folder.path, ledger, /(log|state|publish)\.[a-z]+/, {
    fill: async (pid) => limit(pid, '20000'),
    makeRoom: async (pid) => limit(pid, 'unlimited'),
  });
});

interface Trouble {
  readonly fill: (pid: number) => Promise<unknown>;
  readonly makeRoom: (pid: number) => Promise<unknown>;
}

async function endure(folder: string, ledger: string, code: RegExp, trouble: Trouble) {
  const settings = { passphraseFile: await makePassphraseFile(folder), cutInterval: '20ms' };
  const { random } = seededRandom('full disk');
  const world = new World(random);
  await using server = await new Server(ledger, settings).ready();
  world.server = server;
  const working = Array.from({ length: CLIENTS }, (_, c) => world.upload(`c${c}`));
  working.push(world.watch(ledger));
  await delay(1000);
  const before = world.receipts.size;
  expect(before).toBeGreaterThan(20);

  await trouble.fill(server.pid);
  const fault = await untilFault(server);
  expect(fault).toMatch(code);
  expect(server.said).toMatch(code);
  expect((await server.get('/metadata/timestamp.json')).status).toBe(200);
  expect((await server.get('/v1/status')).status).toBe(200);
  expect(await untilReady(server, 503)).toMatch(code);

  await trouble.makeRoom(server.pid);
  const started = performance.now();
  await untilRecovered(server);
  expect(await untilReady(server, 200)).toBe('{"ready":true,"reasons":[]}');
  process.stderr.write(`${fault}\n  recovered in ${Math.round(performance.now() - started)} ms\n`);
  const after = world.receipts.size;
  await delay(500);
  expect(world.receipts.size).toBeGreaterThan(after);
  world.isOver = true;
  await Promise.all(working);
  await world.settle();
  for (const refusal of world.refusals) expect(refusal).toMatch(/"code":"(log|intake)\.[a-z]+"/);
  expect(await server.stop()).toBe(0);
  await compareAll(folder, ledger, settings, world);
}

/** Polls the status, which is answered all the time, until it names a fault. */
async function untilFault(server: Server): Promise<string> {
  for (const deadline = Date.now() + FAULT_WITHIN_MS; Date.now() < deadline; await delay(50)) {
    const { fault } = await server.status();
    if (typeof fault === 'string') return fault;
  }
  throw new Error(`no fault: ${server.said}`);
}

/** Polls `/readyz`: between two tries of something that fails nothing is known to be wrong. */
async function untilReady(server: Server, expected: 200 | 503): Promise<string> {
  for (const deadline = Date.now() + FAULT_WITHIN_MS; Date.now() < deadline; await delay(20)) {
    const { status, body } = await server.get('/readyz');
    if (status === expected) return body.toString();
  }
  throw new Error(`readyz never answers ${expected}: ${server.said}`);
}

/** Until a snapshot newer than any before has all that was uploaded before it, and no fault is left. */
async function untilRecovered(server: Server): Promise<void> {
  const at = Number((await server.status())['snapshot']);
  for (const deadline = Date.now() + RECOVERED_WITHIN_MS; Date.now() < deadline; await delay(50)) {
    const { fault, snapshot } = await server.status();
    if (fault === null && Number(snapshot) > at + 3) return;
  }
  throw new Error(`not recovered: ${JSON.stringify(await server.status())} ${server.said}`);
}

/** A small disk of its own for a folder that has its content already, or none yet. */
class Disk implements AsyncDisposable {
  private readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async mount(path: string): Promise<Disk> {
    const content = `${path.replace(/\/\.?$/, '')}.content`;
    await mkdir(path, { recursive: true });
    await rename(path, content);
    await mkdir(path);
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m,mode=700`, 'tmpfs', path]);
    await cp(content, path, { recursive: true, preserveTimestamps: true });
    await rm(content, { recursive: true });
    return new Disk(path);
  }

  async fill(): Promise<void> {
    const { bavail, bsize } = await statfs(this.path);
    const ballast = Buffer.alloc(bavail * bsize - LEFT_BYTES);
    await appendFile(join(this.path, 'ballast'), ballast).catch((error: NodeJS.ErrnoException) => {
      // Others write as well: then it is full already.
      if (error.code !== 'ENOSPC') throw error;
    });
  }

  async makeRoom(): Promise<void> {
    await rm(join(this.path, 'ballast'));
  }

  [Symbol.asyncDispose](): Promise<void> {
    execFileSync('umount', ['-l', this.path]);
    return Promise.resolve();
  }
}
