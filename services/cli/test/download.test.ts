/** Lists from URLs: what is followed, what is refused, and how far a server may go. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { isPublicAddress, type Network } from '../src/sources/addresses.ts';
import type { DownloadOptions } from '../src/sources/download.ts';
import { redirected } from '../src/sources/request.ts';
import { openSource, type SourceOptions } from '../src/sources.ts';

const SHA = 'c0'.repeat(32);
const LIST = Array.from({ length: 3000 }, (_, i) => `dir/${i}\t12\t${SHA}\n`).join('');

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

interface Served {
  readonly port: number;
  /** `METHOD-less` paths and ranges, in the order they came. */
  readonly asked: string[];
}

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** Plays the internet on 127.0.0.2, and what must not be reached on 127.0.0.1. */
async function serve(handler: Handler, address = '127.0.0.2', port = 0): Promise<Served> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push([request.url, request.headers.range].filter(Boolean).join(' '));
    response.on('error', () => undefined);
    handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
  open.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, asked };
}

/** Names with their addresses; each answer is used once, the last one from then on. */
function network(names: Readonly<Record<string, string[]>> = {}): Network {
  return {
    resolve: async (name) => {
      const answers = names[name] ?? ['127.0.0.2'];
      return [answers.length > 1 ? answers.shift()! : answers[0]!];
    },
    isPublic: (address) => address === '127.0.0.2' || isPublicAddress(address),
  };
}

interface Options extends DownloadOptions {
  readonly source?: Partial<SourceOptions>;
}

/** Paths read, and the code that ended it: of a bad line, or thrown. */
async function read(url: string, options: Options = {}) {
  const download = { network: network(), pauseMs: 1, ...options };
  const paths: string[] = [];
  try {
    const stdin = Readable.from([]);
    const source = await openSource(url, { stdin, download, ...options.source });
    for await (const item of source.items) {
      if ('code' in item) return { paths: paths.length, code: item.code };
      paths.push(item.event.path);
    }
    const isWhole = paths.every((path, i) => path === `dir/${i}`);
    return { paths: paths.length, isWhole, bytes: [source.bytesRead(), source.bytesTotal] };
  } catch (error) {
    return { paths: paths.length, code: (error as { code: string }).code };
  }
}

const whole = { paths: 3000, isWhole: true };
const list: Handler = (_, response) => response.end(LIST);

describe('honest servers', () => {
  test('plain, packed by name, packed in transfer, and both', async () => {
    const packed = gzipSync(LIST);
    const { port } = await serve(({ url }, response) => {
      if (url?.startsWith('/transfer')) response.setHeader('content-encoding', 'gzip');
      const body = url === '/transfer/list.gz' ? gzipSync(packed) : packed;
      response.end(url === '/plain' ? LIST : body);
    });
    const base = `http://list.example:${port}`;
    const bytes = [packed.length, packed.length];
    expect(await read(`${base}/plain`)).toEqual({ ...whole, bytes: [LIST.length, LIST.length] });
    expect(await read(`${base}/list.gz`)).toEqual({ ...whole, bytes });
    expect(await read(`${base}/transfer`)).toEqual({ ...whole, bytes });
    expect(await read(`${base}/transfer/list.gz`)).toMatchObject(whole);
    const other: Handler = (_, response) => response.setHeader('content-encoding', 'br').end(LIST);
    const { port: brotli } = await serve(other);
    const refused = { paths: 0, code: 'source.format' };
    expect(await read(`http://list.example:${brotli}/`)).toEqual(refused);
  });

  test('redirects, up to five', async () => {
    const { port, asked } = await serve(({ url }, response) => {
      const left = Number(url?.slice(1));
      if (left === 0) list({} as IncomingMessage, response);
      else response.writeHead(302, { location: `/${left - 1}` }).end();
    });
    expect(await read(`http://list.example:${port}/5`)).toMatchObject(whole);
    expect(asked).toEqual(['/5', '/4', '/3', '/2', '/1', '/0']);
    const refused = { paths: 0, code: 'source.redirect' };
    expect(await read(`http://list.example:${port}/6`)).toEqual(refused);
    expect(asked.length).toBe(12);
  });
});

describe('where it may not go', () => {
  test.each([
    ['an address', (port: number) => `http://127.0.0.1:${port}/`],
    ['a decimal one', (port: number) => `http://2130706433:${port}/`],
    ['an octal one', (port: number) => `http://0177.0.0.1:${port}/`],
    ['a mapped one', (port: number) => `http://[::ffff:127.0.0.1]:${port}/`],
    ['a name', (port: number) => `http://inside.example:${port}/`],
  ])('%s inside, at first and by a redirect', async (_, target) => {
    const inside = await serve(list, '127.0.0.1');
    const outside = await serve(({ url }, response) => {
      if (url === '/list') response.end(LIST);
      else response.writeHead(307, { location: target(inside.port) }).end();
    });
    const names = network({ 'inside.example': ['127.0.0.1'] });
    const options = { network: names };
    expect(await read(`http://list.example:${outside.port}/list`, options)).toMatchObject(whole);
    const refused = { paths: 0, code: 'source.address' };
    expect(await read(target(inside.port), options)).toEqual(refused);
    expect(await read(`http://list.example:${outside.port}/away`, options)).toEqual(refused);
    expect(inside.asked).toEqual([]);
    if (target(1).includes('ffff')) return;
    const allowed = { ...options, allowPrivate: true };
    expect(await read(target(inside.port), allowed)).toMatchObject(whole);
  });

  test('a name that turns inside after it was looked at: it is resolved once', async () => {
    const outside = await serve(list);
    const inside = await serve(list, '127.0.0.1', outside.port);
    const names = network({ 'rebound.example': ['127.0.0.2', '127.0.0.1'] });
    const url = `http://rebound.example:${outside.port}/`;
    expect(await read(url, { network: names })).toMatchObject(whole);
    expect(await read(url, { network: names })).toEqual({ paths: 0, code: 'source.address' });
    expect({ outside: outside.asked, inside: inside.asked }).toEqual({
      outside: ['/'],
      inside: [],
    });
  });

  test('other schemes, credentials, and what is no URL', async () => {
    for (const location of ['file:///etc/hostname', 'ftp://list.example/', 'data:,x']) {
      const { port } = await serve((_, response) => response.writeHead(301, { location }).end());
      const refused = { paths: 0, code: 'source.url' };
      expect(await read(`http://list.example:${port}/`)).toEqual(refused);
    }
    expect(await read('http://me:secret@list.example/')).toEqual({ paths: 0, code: 'source.url' });
    expect(await read('http://list.example:x/')).toEqual({ paths: 0, code: 'source.url' });
    const { port } = await serve((_, response) => response.writeHead(404).end('dir/0\t12\t'));
    const refused = { paths: 0, code: 'source.http' };
    expect(await read(`http://list.example:${port}/`)).toEqual(refused);
  });
});

test('a redirect may go from http to https, never back', () => {
  const to = (from: string, location: string): string => redirected(new URL(from), location).href;
  expect(to('http://a.example/x/y', 'https://b.example/')).toBe('https://b.example/');
  expect(to('https://a.example/x/y', '../z')).toBe('https://a.example/z');
  expect(to('https://a.example/x/y', '//b.example/z')).toBe('https://b.example/z');
  for (const location of ['http://a.example/', 'HTTP://a.example/', 'file:///etc/hostname']) {
    expect(() => to('https://a.example/', location)).toThrow(/^a.example redirects from https to /);
  }
  expect(() => to('https://a.example/', 'https://')).toThrow('redirects to no URL');
});

describe('how much it takes', () => {
  test('an endless body, said or not, stops at the cap', async () => {
    const said = await serve((_, response) => {
      response.writeHead(200, { 'content-length': 2 ** 40 }).write(LIST);
    });
    const unsaid = await serve((_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(LIST));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    const bytesMax = 10 * LIST.length;
    const ended = await read(`http://list.example:${unsaid.port}/`, { bytesMax });
    expect(ended.code).toBe('source.too_large');
    expect(ended.paths).toBeLessThanOrEqual(30_000);
    const refused = { paths: 0, code: 'source.too_large' };
    expect(await read(`http://list.example:${said.port}/`, { bytesMax })).toEqual(refused);
  });

  test('a bomb stops at the ratio, or at the cap of what comes out', async () => {
    const bomb = gzipSync(Buffer.concat([Buffer.from(LIST), Buffer.alloc(50_000_000)]));
    const { port } = await serve((_, response) => response.end(bomb));
    const url = `http://list.example:${port}/`;
    expect(await read(url)).toMatchObject({ code: 'source.ratio' });
    const source = { ratioMax: 10_000, decompressedBytesMax: 1_000_000 };
    expect(await read(url, { source })).toMatchObject({ code: 'source.too_large' });
  });

  test('silence before the answer, silence within, and a body that never gets on', async () => {
    const silent = await serve(() => undefined);
    const refused = { paths: 0, code: 'source.slow' };
    expect(await read(`http://list.example:${silent.port}/`, { connectMs: 50 })).toEqual(refused);
    const stalled = await serve((_, response) => void response.write(LIST.slice(0, 100_000)));
    const stopped = await read(`http://list.example:${stalled.port}/`, { idleMs: 1000 });
    expect(stopped.code).toBe('source.slow');
    expect(stopped.paths).toBeGreaterThan(900);
    const dripping = await serve((_, response) => {
      const timer = setInterval(() => response.write('d'), 10);
      response.on('close', () => clearInterval(timer));
    });
    const limits = { idleMs: 60_000, wholeMs: 300 };
    expect(await read(`http://list.example:${dripping.port}/`, limits)).toEqual(refused);
  });
});

describe('a connection that breaks', () => {
  /** Sends so many bytes of the list from where it is asked for, then hangs up. */
  const breaking =
    (step: number, headers: Record<string, string>, etagOf: (n: number) => string): Handler =>
    (request, response) => {
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const same =
        request.headers['if-range'] === undefined || request.headers['if-range'] === '"1"';
      const rest = LIST.slice(from, from + step);
      const range = { 'content-range': `bytes ${from}-${LIST.length - 1}/${LIST.length}` };
      const length = { 'content-length': LIST.length - from, ...headers, etag: etagOf(from) };
      response.writeHead(from > 0 && same ? 206 : 200, from > 0 ? { ...length, ...range } : length);
      response.write(rest, () => {
        if (from + step >= LIST.length) response.end();
        else setImmediate(() => response.destroy());
      });
    };

  test('goes on at the byte it had come to', async () => {
    const step = Math.ceil(LIST.length / 4);
    const { port, asked } = await serve(breaking(step, {}, () => '"1"'));
    const { bytes, ...rest } = await read(`http://list.example:${port}/`);
    expect(rest).toEqual(whole);
    expect(bytes).toEqual([LIST.length, LIST.length]);
    expect(asked).toEqual(['/', ...[1, 2, 3].map((n) => `/ bytes=${n * step}-`)]);
  });

  test('but not more than five times', async () => {
    const { port, asked } = await serve(breaking(1000, {}, () => '"1"'));
    expect(await read(`http://list.example:${port}/`)).toMatchObject({ code: 'source.broken' });
    expect(asked.length).toBe(6);
  });

  test('also where the server is away for a moment, but not for long', async () => {
    const step = Math.ceil(LIST.length / 2);
    const away = async (times: number): Promise<Served> => {
      const honest = breaking(step, {}, () => '"1"');
      let left = times;
      return serve((request, response) => {
        if (request.headers.range === undefined || left-- <= 0) honest(request, response);
        else if (left % 2 === 0) response.writeHead(503).end();
        else request.socket.destroy();
      });
    };
    const moment = await away(4);
    expect(await read(`http://list.example:${moment.port}/`)).toMatchObject(whole);
    expect(moment.asked).toEqual(['/', ...Array<string>(5).fill(`/ bytes=${step}-`)]);
    const long = await away(5);
    expect(await read(`http://list.example:${long.port}/`)).toMatchObject({ code: 'source.http' });
    expect(long.asked.length).toBe(6);
  });

  test('and not with another file, or where that cannot be told', async () => {
    const step = Math.ceil(LIST.length / 2);
    const stopped = { code: 'source.broken' };
    const other = await serve(breaking(step, {}, (from) => (from === 0 ? '"1"' : '"2"')));
    expect(await read(`http://list.example:${other.port}/`)).toMatchObject(stopped);
    expect(other.asked.length).toBe(2);
    const weak = await serve(breaking(step, {}, () => 'W/"1"'));
    expect(await read(`http://list.example:${weak.port}/`)).toMatchObject(stopped);
    const none = await serve(breaking(step, { 'accept-ranges': 'none' }, () => '"1"'));
    expect(await read(`http://list.example:${none.port}/`)).toMatchObject(stopped);
    expect([weak.asked.length, none.asked.length]).toEqual([1, 1]);
  });

  test('nor to an address inside', async () => {
    const step = Math.ceil(LIST.length / 2);
    const { port } = await serve(breaking(step, {}, () => '"1"'));
    const inside = await serve(list, '127.0.0.1', port);
    const names = network({ 'rebound.example': ['127.0.0.2', '127.0.0.1'] });
    const stopped = await read(`http://rebound.example:${port}/`, { network: names });
    expect(stopped.code).toBe('source.address');
    expect(inside.asked).toEqual([]);
  });
});
