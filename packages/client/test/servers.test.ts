/** Servers that behave as no server should, on real connections: each is left in time, with what was trusted as it was. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { httpFetch } from '../src/index.ts';
import { withstood } from './attack.ts';
import { downloaded, repository, type Repository, ORIGIN } from './repository.ts';

const SILENCE_MS = 150;

/** What is done instead of answering with the bytes. */
type Conduct = (response: ServerResponse, bytes: Buffer) => void;

let repo: Repository;
let lie:
  | { readonly about: RegExp; readonly conduct: Conduct; readonly isSlow: boolean }
  | undefined;
beforeEach(() => {
  repo = repository();
  lie = undefined;
});

const server = createServer((request, response) => {
  const url = request.url!.replace(/^\/elsewhere/, '');
  const bytes = repo.files.get(decodeURIComponent(url.slice(1)));
  if (bytes === undefined) response.writeHead(404).end('<html>');
  else if (request.url === url && lie?.about.test(url) === true)
    lie.conduct(response, Buffer.from(bytes));
  else response.end(bytes);
}).listen(0, '127.0.0.1');
await once(server, 'listening');
const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const patient = httpFetch();
const impatient = httpFetch({ silenceMs: SILENCE_MS });
/** Only with who is too slow there is no patience: this machine is slow itself at times. */
const fetch: typeof patient = (url, question) => {
  const own = url.replace(ORIGIN, '');
  const isSlow = lie?.isSlow === true && lie.about.test(own);
  return (isSlow ? impatient : patient)(`${base}${own}`, question);
};

const FILES = [
  { file: 'timestamp', about: /timestamp/, moved: [] },
  { file: 'snapshot', about: /snapshot/, moved: ['timestamp'] },
  { file: 'targets', about: /targets\.json/, moved: ['snapshot', 'timestamp'] },
  { file: 'a target', about: /^\/targets\//, moved: ['snapshot', 'targets', 'timestamp'] },
] as const;

const BOMB = gzipSync(Buffer.alloc(20_000_000));
const EMPTY_BLOCKS = Buffer.from('000000ffff'.repeat(1000), 'hex');

const SLOW: readonly (readonly [string, Conduct])[] = [
  ['says nothing', () => undefined],
  ['sends headers only', (response) => response.flushHeaders()],
  ['sends half, and no more', (response, bytes) => response.write(bytes.subarray(0, 20))],
  ['drips', (response) => repeated(response, () => response.write('x'), 10)],
  [
    'drips headers',
    (response) =>
      repeated(response, () => response.socket!.write('x'), 10, 'HTTP/1.1 200 OK\r\nx: '),
  ],
  [
    'sends what unpacks to nothing',
    (response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      response.write(gzipSync('').subarray(0, 10));
      repeated(response, () => response.write(EMPTY_BLOCKS), 10);
    },
  ],
];

const BROKEN: readonly (readonly [string, Conduct])[] = [
  ['hangs up', (response) => void response.destroy()],
  ['resets', (response) => void (response.socket as Socket).resetAndDestroy()],
  [
    'resets in the midst',
    (response, bytes) =>
      response.write(bytes.subarray(0, 20), () => (response.socket as Socket).resetAndDestroy()),
  ],
  ['announces more than it sends', (response, bytes) => raw(response, bytes.length + 10, bytes)],
  ['speaks no HTTP', (response) => void response.socket!.end('HELO\r\n')],
  [
    'packs what cannot be unpacked',
    (response, bytes) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bytes),
  ],
  [
    'sends in circles',
    (response) => response.writeHead(302, { location: response.req.url! }).end(),
  ],
  ['sends nowhere', (response) => response.writeHead(302).end()],
  [
    'sends to itself in another scheme',
    (response) => response.writeHead(302, { location: 'file:///etc/hostname' }).end(),
  ],
  [
    'sends the file as an address',
    (response, bytes) =>
      response.writeHead(302, { location: `data:;base64,${bytes.toString('base64')}` }).end(),
  ],
  ['answers 410', (response) => response.writeHead(410).end()],
  [
    'answers 503, for ever',
    (response) => repeated(response.writeHead(503), () => response.write('x'.repeat(9999)), 1),
  ],
];

const ENDLESS: readonly (readonly [string, Conduct])[] = [
  ['never ends', (response) => repeated(response, () => response.write(Buffer.alloc(65_536)), 1)],
  [
    'sends a gzip bomb',
    (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(BOMB),
  ],
];

describe.each(FILES)('for $file a server', ({ about, moved }) => {
  const attack = (conduct: Conduct, code: string): Promise<void> =>
    withstood({
      repo,
      fetch,
      code,
      moved,
      spoil: () => {
        repo.publishTargets('targets');
        repo.publish();
        lie = { about, conduct, isSlow: code === 'client.slow' };
      },
      mend: () => {
        lie = undefined;
      },
    });

  test.each(SLOW)('that %s is too slow', (_, conduct) => attack(conduct, 'client.slow'));
  test.each(BROKEN)('that %s is a fault', (_, conduct) => attack(conduct, 'client.fetch'));
  test.each(ENDLESS)('that %s is cut off', (_, conduct) => attack(conduct, 'client.length'));

  test('that announces less than there is', () =>
    attack(
      (response, bytes) => raw(response, bytes.length - 10, bytes),
      about.test('timestamp') ? 'json.syntax' : 'client.length',
    ));

  test.each([403, 404])('that answers %i, for ever', (status) =>
    attack((response) => {
      repeated(response.writeHead(status), () => response.write('x'.repeat(9999)), 1);
    }, 'client.missing'),
  );

  test('that sends elsewhere is followed: what comes is judged, not where from', async () => {
    lie = {
      about,
      isSlow: false,
      conduct: (response) =>
        response.writeHead(307, { location: `${base}/elsewhere${response.req.url}` }).end(),
    };
    expect(await downloaded(await repo.client({ fetch }), 'demo/a.tar.gz')).toBe(
      'content of demo/a.tar.gz',
    );
  });

  test('that packs is understood', async () => {
    lie = {
      about,
      isSlow: false,
      conduct: (response, bytes) =>
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(bytes)),
    };
    expect(await downloaded(await repo.client({ fetch }), 'demo/a.tar.gz')).toBe(
      'content of demo/a.tar.gz',
    );
  });
});

/** Does something again and again, until the client has left. */
function repeated(response: ServerResponse, act: () => void, ms: number, first?: string): void {
  const { socket } = response;
  if (first !== undefined) socket!.write(first);
  const timer = setInterval(() => {
    if (!socket!.destroyed) act();
  }, ms);
  socket!.once('close', () => clearInterval(timer));
}

/** An answer whose length is a lie. */
function raw(response: ServerResponse, length: number, bytes: Buffer): void {
  const head = `HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\nconnection: close\r\n\r\n`;
  response.socket!.end(Buffer.concat([Buffer.from(head), bytes]));
}
