// Very many connections at once, most of which never ask anything: others are answered, and one more than
// may be is refused. So it is with few file descriptors, and with readers that take nothing.
import { once } from 'node:events';
import { truncate, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../support/files.ts';
import { ask, jsonOf } from './ask.ts';
import { CHECKOUT, initLedger, Serving, type Ledger } from './tidemark.ts';

const WANTED = 10_000;
/** Not used by the many. */
const SPARE = 8;
/** Begun at once: more would wait in the kernel's queue, and be tried again only after a second. */
const WAVE = 250;
/** What one connection that asks nothing may cost the server. */
const CONNECTION_BYTES_MAX = 24 << 10;
/** More than the kernel holds of a connection on the way. */
const FILE_BYTES = 32 << 20;

const STATED = ['--length', '7', '--sha256', 'a'.repeat(64)];
/** What a client begins with, and does not go on. */
const BEGINNINGS = [
  '',
  'GET /healthz HTTP/1.1\r\nhost: x\r\n',
  'POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n',
];

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let ledger: Ledger;
beforeAll(async () => {
  folder = await temporaryFolder();
  ledger = await initLedger(join(folder.path, 'index'), '--bins', '64');
});
afterAll(() => folder[Symbol.asyncDispose]());

async function configFile(http: object): Promise<string> {
  const file = join(folder.path, 'serve.json');
  const ledgerSettings = { cut_interval: '50ms' };
  const config = { http, ledger: ledgerSettings, metrics: { access: 'everyone' } };
  await writeFile(file, JSON.stringify(config));
  return file;
}

/** Through the socket of the ledger's own commands, which no stranger can fill. */
async function figures(): Promise<(name: string) => number> {
  const socketPath = join(ledger.folder, 'serve.sock');
  const sent = request({ socketPath, path: '/metrics', agent: false }).end();
  const [response] = (await once(sent, 'response')) as [AsyncIterable<Buffer>];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  return (name) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

async function untilOpen(connections: number): Promise<void> {
  while ((await figures())('tidemark_http_connections') !== connections) await delay(20);
}

/** Connections, each with a beginning; `closed` are those that the server did not keep. */
class Crowd implements Disposable {
  readonly closed = new Set<Socket>();
  private readonly url: URL;
  private readonly sockets: Socket[] = [];

  constructor(url: string) {
    this.url = new URL(url);
  }

  async grow(connections: number, beginnings: readonly string[] = BEGINNINGS): Promise<void> {
    for (let left = connections; left > 0; left -= WAVE) {
      const wave = Array.from({ length: Math.min(WAVE, left) }, (_, i) =>
        this.open(beginnings[i % beginnings.length]!),
      );
      await Promise.all(wave);
    }
  }

  private async open(beginning: string): Promise<void> {
    const socket = connect({ host: this.url.hostname, port: Number(this.url.port) });
    this.sockets.push(socket);
    // One that is dropped may be reset, before or after it is written to.
    socket.on('error', () => undefined);
    socket.on('close', () => this.closed.add(socket));
    await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
    if (beginning !== '') socket.write(beginning);
  }

  /** Has them closed from the server's side seen. Without it nothing is read. */
  listen(): void {
    for (const socket of this.sockets) socket.resume();
  }

  [Symbol.dispose](): void {
    for (const socket of this.sockets) socket.destroy();
  }
}

function openFilesMax(): number {
  const report = process.report.getReport() as { userLimits: { open_files: { soft: number } } };
  return report.userLimits.open_files.soft;
}

test('ten thousand connections that ask nothing', async () => {
  const most = Math.min(WANTED, Math.floor(openFilesMax() / 2));
  const patient = { headers_time: '10m', request_time: '10m', idle_time: '10m', stall_time: '10m' };
  const config = await configFile({ connections: WANTED, ...patient });
  await using server = await ledger.serve('--config', config);
  expect((await ask(server.url, '/healthz')).status).toBe(200);
  await untilOpen(0);
  const before = (await figures())('process_resident_memory_bytes');
  {
    using crowd = new Crowd(server.url);
    await crowd.grow(most - SPARE);
    await untilOpen(most - SPARE);
    const full = await figures();
    expect(full('tidemark_http_connections_limit')).toBe(most);
    const each = (full('process_resident_memory_bytes') - before) / (most - SPARE);
    process.stderr.write(
      `${most - SPARE} of ${WANTED} connections (${openFilesMax()} files may be open): ` +
        `${(each / 1024).toFixed(1)} KiB each\n`,
    );
    expect(each).toBeLessThan(CONNECTION_BYTES_MAX);

    // Whoever asks is answered, and uploads become visible.
    await ledger.json('add', 'crowd/a', ...STATED, '--wait', 'published');
    for (let i = 0; i < 20; i++) {
      const listed = jsonOf(await ask(server.url, '/v1/targets/crowd/a'));
      expect(listed).toMatchObject({ target: { length: 7 } });
    }
    await untilOpen(most - SPARE);

    using more = new Crowd(server.url);
    await more.grow(SPARE + 12, ['']);
    more.listen();
    while (more.closed.size < 12) await delay(20);
    const over = await figures();
    expect([
      over('tidemark_http_connections'),
      over('tidemark_http_connections_dropped_total'),
      crowd.closed.size,
    ]).toEqual([most, 12, 0]);
    await expect(ask(server.url, '/healthz')).rejects.toThrow(/ECONNRESET|socket hang up/);
  }
  await untilOpen(0);
  expect((await ask(server.url, '/readyz')).status).toBe(200);
  expect(await server.stop()).toBe(0);
});

/** A target that takes no room on the disk. @returns a request for it */
async function addFile(path: string): Promise<string> {
  const file = join(folder.path, 'file');
  await writeFile(file, '');
  await truncate(file, FILE_BYTES);
  await ledger.json('add', path, '--file', file, '--wait', 'published');
  const { target } = await ledger.json<{ target: { hashes: { sha256: string } } }>('show', path);
  return `/targets/${target.hashes.sha256}.${path}`;
}

const getting = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;

test('whoever asks nothing, or takes nothing, is cut off when the time is over', async () => {
  const times = { headers_time: '1s', request_time: '1s', idle_time: '1s', stall_time: '1s' };
  await using server = await ledger.serve('--config', await configFile(times));
  const file = await addFile('crowd/slow');
  using crowd = new Crowd(server.url);
  await crowd.grow(500, [...BEGINNINGS, getting('/healthz')]);
  crowd.listen();
  using readers = new Crowd(server.url);
  await readers.grow(50, [getting(file)]);
  while (crowd.closed.size < 500) await delay(20);
  await untilOpen(0);
  expect(await server.stop()).toBe(0);
});

test('with 512 file descriptors: connections, downloads, and uploads all the same', async () => {
  const main = join(CHECKOUT, 'services/cli/src/main.ts');
  const command = [process.execPath, main, 'serve', ledger.folder, '--port', '0'];
  const config = await configFile({ headers_time: '10m', request_time: '10m' });
  await using server = await Serving.start(
    'bash',
    ['-c', 'ulimit -n 512; exec "$0" "$@"', ...command, '--config', config],
    { passphraseFile: ledger.passphraseFile },
  );
  expect(server.stderr).toContain('512 open files allow only 256 connections at once');
  const file = await addFile('crowd/file');
  {
    using readers = new Crowd(server.url);
    await readers.grow(64, [getting(file)]);
    while ((await figures())('process_open_fds') < 64 * 2) await delay(20);
    const refused = await ask(server.url, file);
    expect([refused.status, jsonOf(refused)['code'], refused.headers['retry-after']]).toEqual([
      429,
      'http.downloads',
      '10',
    ]);
    await untilOpen(64);
    using crowd = new Crowd(server.url);
    await crowd.grow(600, ['']);
    crowd.listen();
    while (crowd.closed.size < 600 - (256 - 64)) await delay(20);
    await ledger.json('add', 'crowd/b', ...STATED, '--wait', 'published');
  }
  await untilOpen(0);
  expect(jsonOf(await ask(server.url, '/v1/targets/crowd/b'))).toMatchObject({
    target: { length: 7 },
  });
  expect(await server.stop()).toBe(0);
});
