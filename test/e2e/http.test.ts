// What everybody may fetch: caching, compression, ranges, methods, and paths that nobody honest writes.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { sha256HexNative } from '@tidemark/canonical/native';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/files.ts';
import { ask, jsonOf, type Reply } from './ask.ts';
import { initLedger, type Ledger, type Serving } from './tidemark.ts';

const CONTENT = 'the bytes of a target';
const SHA256 = sha256HexNative(CONTENT);
const FOR_EVER = 'public, max-age=31536000, immutable';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let ledger: Ledger;
let server: Serving;
const get = async (path: string, headers: Record<string, string> = {}): Promise<Reply> =>
  ask(server.url, path, { headers });

beforeAll(async () => {
  folder = await temporaryFolder();
  ledger = await initLedger(join(folder.path, 'index'), '--bins', '64');
  server = await ledger.serve('--cut-interval', '50ms');
  const file = join(folder.path, 'content');
  await writeFile(file, CONTENT);
  await ledger.json('add', 'demo/a', '--file', file, '--wait', 'published');
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

interface Timestamp {
  readonly signed: {
    readonly version: number;
    readonly merkle_root: string;
    readonly meta: { readonly 'snapshot.json': { readonly version: number } };
  };
}

async function newest(): Promise<Timestamp['signed']> {
  return (jsonOf(await get('/metadata/timestamp.json')) as unknown as Timestamp).signed;
}

describe('caching', () => {
  test('what has a version may be kept for ever, what has none for a second', async () => {
    const { version, merkle_root, meta } = await newest();
    const snapshot = `${meta['snapshot.json'].version}.snapshot.json`;
    const kept = [
      `${version}.timestamp.json`,
      '1.root.json',
      '1.targets.json',
      '1.bins.json',
      '1.bin-00.json',
      snapshot,
    ].map((name) => `/metadata/${name}`);
    for (const path of [...kept, `/merkle/${merkle_root}/timestamp.json`]) {
      const { status, headers } = await get(path);
      expect([path, status, headers['cache-control']]).toEqual([path, 200, FOR_EVER]);
      expect(headers['content-type']).toBe('application/json');
    }
    for (const path of ['/metadata/timestamp.json', '/log/checkpoint']) {
      expect((await get(path)).headers['cache-control']).toBe('public, max-age=1');
    }
  });

  test('what a client has is not sent again', async () => {
    for (const path of ['/metadata/1.root.json', `/targets/${SHA256}.demo/a`]) {
      const { etag = '' } = (await get(path)).headers;
      expect(etag).toMatch(/^"[0-9a-f]+"$/);
      for (const known of [etag, `"other", W/${etag}`, '*']) {
        const again = await get(path, { 'if-none-match': known });
        expect([again.status, again.body.length, again.headers.etag]).toEqual([304, 0, etag]);
        expect(again.headers['cache-control']).toBe(FOR_EVER);
      }
      expect((await get(path, { 'if-none-match': '"other"' })).status).toBe(200);
    }
  });

  test.each([
    ['gzip', gunzipSync],
    ['zstd', zstdDecompressSync],
  ])('%s: the same bytes under a tag of their own', async (coding, decode) => {
    const { meta } = await newest();
    const path = `/metadata/${meta['snapshot.json'].version}.snapshot.json`;
    const plain = await get(path);
    const packed = await get(path, { 'accept-encoding': coding });
    expect(plain.headers).not.toHaveProperty('content-encoding');
    expect(packed.headers['content-encoding']).toBe(coding);
    expect(packed.body.length).toBeLessThan(plain.body.length);
    expect(Number(packed.headers['content-length'])).toBe(packed.body.length);
    expect(decode(packed.body).equals(plain.body)).toBe(true);
    expect(packed.headers.etag).not.toBe(plain.headers.etag);
    for (const { headers } of [plain, packed]) expect(headers.vary).toBe('Accept-Encoding');
    const again = { 'accept-encoding': coding, 'if-none-match': packed.headers.etag! };
    expect((await get(path, again)).status).toBe(304);
    // It has the packed one, and now asks for the other.
    expect((await get(path, { 'if-none-match': packed.headers.etag! })).status).toBe(200);
  });

  test('what is kept under names of its own cannot be asked for by those', async () => {
    const { meta } = await newest();
    const path = `/metadata/${meta['snapshot.json'].version}.snapshot.json`;
    const { headers } = await get(path, { 'accept-encoding': 'gzip' });
    const digest = headers.etag!.slice(1, 33);
    for (const name of [`gzip/${digest}`, `..%2Fgzip%2F${digest}`, `newest/1/timestamp.json`]) {
      for (const folder of ['/metadata', `/merkle/${'0'.repeat(64)}`, '']) {
        expect((await get(`${folder}/${name.replaceAll('/', '%2F')}`)).status).toBe(404);
      }
    }
  });

  test('HEAD says what GET would, without the body', async () => {
    for (const path of ['/metadata/1.root.json', `/targets/${SHA256}.demo/a`]) {
      const full = await get(path);
      const head = await ask(server.url, path, { method: 'HEAD' });
      expect([head.status, head.body.length]).toEqual([200, 0]);
      const { date: _d, connection: _c, 'x-request-id': _i, ...same } = full.headers;
      expect(head.headers).toMatchObject(same);
    }
    const missing = await ask(server.url, '/metadata/2.root.json', { method: 'HEAD' });
    expect([missing.status, missing.body.length]).toEqual([404, 0]);
  });
});

describe('ranges of a target', () => {
  const path = `/targets/demo/${SHA256}.a`;

  test.each([
    ['bytes=4-8', 206, CONTENT.slice(4, 9), `bytes 4-8/${CONTENT.length}`],
    ['bytes=4-', 206, CONTENT.slice(4), `bytes 4-20/${CONTENT.length}`],
    ['bytes=-6', 206, CONTENT.slice(-6), `bytes 15-20/${CONTENT.length}`],
    ['bytes=0-1,3-4', 200, CONTENT, undefined],
    ['nonsense', 200, CONTENT, undefined],
  ])('%s', async (range, status, content, stated) => {
    const answer = await get(path, { range });
    expect([answer.status, answer.body.toString()]).toEqual([status, content]);
    expect(answer.headers['content-range']).toBe(stated);
    expect(Number(answer.headers['content-length'])).toBe(content.length);
  });

  test('one behind the end is refused, with the length', async () => {
    const answer = await get(path, { range: 'bytes=21-' });
    expect([answer.status, jsonOf(answer)['code']]).toEqual([416, 'http.range']);
    expect(answer.headers['content-range']).toBe('bytes */21');
  });

  test('of another file: the whole', async () => {
    const range = { range: 'bytes=4-8' };
    expect((await get(path, { ...range, 'if-range': `"${SHA256}"` })).status).toBe(206);
    expect((await get(path, { ...range, 'if-range': '"other"' })).status).toBe(200);
  });

  test('of metadata there are none', async () => {
    expect((await get('/metadata/1.root.json', { range: 'bytes=0-0' })).status).toBe(200);
  });
});

test.each([
  ['POST', '/metadata/timestamp.json', 'GET, HEAD'],
  ['DELETE', `/targets/${SHA256}.demo/a`, 'GET, HEAD'],
  ['PUT', '/v1/targets/demo/a', 'GET, HEAD'],
  ['GET', '/v1/events', 'POST'],
  ['OPTIONS', '/healthz', 'GET, HEAD'],
])('%s %s is answered with 405 and what would do', async (method, path, allow) => {
  const answer = await ask(server.url, path, { method });
  expect([answer.status, answer.headers.allow]).toEqual([405, allow]);
  expect(jsonOf(answer)).toMatchObject({ code: 'http.method', status: 405 });
  expect(answer.headers['content-type']).toBe('application/problem+json');
});

test('every answer forbids to guess its type, to frame it and to run it', async () => {
  for (const path of ['/', '/metadata/1.root.json', '/absent', `/targets/${SHA256}.demo/a`]) {
    const { headers } = await get(path);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
      'referrer-policy': 'no-referrer',
    });
    expect(headers).not.toHaveProperty('strict-transport-security');
  }
});

describe('what does not exist is 404', () => {
  test.each([
    '2.root.json',
    '1.timestamp',
    '0.root.json',
    '01.root.json',
    '-1.root.json',
    '1.nobody.json',
    '1....json',
    '1.bin-zz.json',
    '1.bin-000.json',
    '9007199254740993.root.json',
    '9999999999999999999999.root.json',
    'root.json',
    'snapshot.json',
    'checkpoint',
    '.versions/timestamp.json',
    '.lock.1',
    '1.root.json/',
    '1.root.json/x',
    '',
    '1%2eroot.json%00',
    '%2e%2e/ledger.json',
    '..%2fledger.json',
    '%2e%2e%2fledger.json',
    '1.root%2f..%2f1.root.json',
    '%',
    '%zz',
    '%c0%ae%c0%ae/ledger.json',
    '%ff',
    '1.root.json%0d%0aset-cookie:a=b',
    'a'.repeat(300),
    '%2e'.repeat(20),
  ])('metadata/%s', async (name) => {
    const answer = await get(`/metadata/${name}`);
    expect([answer.status, jsonOf(answer)['code']]).toEqual([404, 'http.not_found']);
    expect(answer.headers['cache-control']).toBe('public, max-age=1');
  });

  test.each([
    '/targets/',
    '/targets/demo/a',
    `/targets/${'0'.repeat(64)}.demo/a`,
    `/targets/${SHA256}`,
    '/targets/%2e%2e/ledger.json',
    '/targets/..%2f..%2fledger.json',
    `/targets/%00${SHA256}.a`,
    '/targets/%zz',
    '/merkle/x/timestamp.json',
    `/merkle/${'0'.repeat(64)}/timestamp.json`,
    '/log/checkpoint%00',
    '/log/../ledger.json',
    '/%2e%2e/%2e%2e/etc/passwd',
    '//etc/passwd',
    '/v1/receipts/4/0/0',
    '/v1/targets/demo/a?at=0',
    '/v1/targets/demo/a?at=999999',
  ])('%s', async (path) => {
    const answer = await get(path);
    expect(answer.status).toBe(404);
    expect(answer.headers['content-type']).toBe('application/problem+json');
  });
});

test.each([
  ['/v1/targets/%', 'path.charset'],
  ['/v1/targets/%zz', 'path.charset'],
  ['/v1/targets/a%00', 'path.charset'],
  ['/v1/targets/a%0Ab', 'path.charset'],
  ['/v1/targets/%E2%80%A8', 'path.charset'],
  ['/v1/targets/a%2f..%2fb', 'path.dot_segment'],
  ['/v1/targets/%2fetc', 'path.absolute'],
  ['/v1/targets/a%2f%2fb', 'path.empty_segment'],
  ['/v1/targets/%ff', 'path.charset'],
  [`/v1/targets/${'a'.repeat(513)}`, 'path.too_long'],
  ['/v1/targets/demo/a?at=x', 'http.parameter'],
  ['/v1/targets/demo/a?at=-1', 'http.parameter'],
  ['/v1/targets/demo/a?at=', 'http.parameter'],
  ['/v1/receipts/x/0/0', 'http.parameter'],
  ['/v1/receipts/0/1.5/0', 'http.parameter'],
  ['/v1/receipts/0/0/%00', 'http.parameter'],
])('%s is answered with 400 %s', async (path, code) => {
  const answer = await get(path);
  expect([answer.status, jsonOf(answer)['code']]).toEqual([400, code]);
});

test('a path in its percent-encoding is the same path', async () => {
  expect(jsonOf(await get('/v1/targets/%64emo%2Fa'))).toMatchObject({ path: 'demo/a' });
  expect((await get(`/targets/${SHA256}%2Edemo/a`)).body.toString()).toBe(CONTENT);
});
