// JSON of /v1 and the OpenAPI document go out compressed to whom that suits, as metadata does.
import { join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../support/files.ts';
import { ask, jsonOf, type Reply } from './ask.ts';
import { initLedger, type Serving } from './tidemark.ts';

const STATED = ['--length', '7', '--sha256', 'a'.repeat(64), '--wait', 'published'];
const PATHS = Array.from({ length: 20 }, (_, i) => `demo/${i}`);
const DECODE = { gzip: gunzipSync, zstd: zstdDecompressSync } as const;
const CODINGS = ['gzip', 'zstd'] as const;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: Serving;
const get = async (path: string, headers: Record<string, string> = {}): Promise<Reply> =>
  ask(server.url, path, { headers });

beforeAll(async () => {
  folder = await temporaryFolder();
  const ledger = await initLedger(join(folder.path, 'index'), '--bins', '64');
  server = await ledger.serve('--cut-interval', '50ms');
  expect((await ledger.run('add', ...PATHS, ...STATED)).code).toBe(0);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

test.each([
  ['/v1/changes', 'Accept, Accept-Encoding'],
  ['/v1/snapshots/newest', 'Accept-Encoding'],
  ['/openapi.json', 'Accept-Encoding'],
])('%s: the same JSON, shorter', async (path, vary) => {
  const plain = await get(path);
  expect([plain.status, plain.headers.vary]).toEqual([200, vary]);
  expect(plain.headers).not.toHaveProperty('content-encoding');
  for (const coding of CODINGS) {
    const packed = await get(path, { 'accept-encoding': coding });
    const { 'content-encoding': used, 'content-type': type } = packed.headers;
    expect([used, packed.headers.vary]).toEqual([coding, vary]);
    expect(type).toBe(plain.headers['content-type']);
    expect(DECODE[coding](packed.body).equals(plain.body)).toBe(true);
    expect(packed.body.length).toBeLessThan(plain.body.length);
  }
});

test.each(['/v1/snapshots/newest', '/openapi.json'])(
  '%s: each form has a tag of its own',
  async (path) => {
    const forms: Readonly<Record<string, string>>[] = [{}];
    for (const coding of CODINGS) forms.push({ 'accept-encoding': coding });
    const tags: string[] = [];
    for (const form of forms) {
      const { etag = '' } = (await get(path, form)).headers;
      tags.push(etag);
      const again = await get(path, { ...form, 'if-none-match': etag });
      expect([again.status, again.body.length, again.headers.etag]).toEqual([304, 0, etag]);
    }
    expect(new Set(tags).size).toBe(forms.length);
  },
);

test('what is short goes out as it is', async () => {
  for (const path of [`/v1/targets/${PATHS[0]}`, '/v1/snapshots/999999']) {
    const plain = await get(path);
    const asked = await get(path, { 'accept-encoding': 'gzip, zstd' });
    expect(asked.headers).not.toHaveProperty('content-encoding');
    expect([asked.status, asked.headers.vary]).toEqual([plain.status, 'Accept-Encoding']);
    expect(Object.keys(jsonOf(asked))).toEqual(Object.keys(jsonOf(plain)));
  }
});

test('a stream is sent as it comes', async () => {
  const headers = { accept: 'text/event-stream', 'accept-encoding': 'gzip, zstd' };
  const stream = await fetch(new URL('/v1/changes', server.url), { headers });
  expect(stream.headers.get('content-encoding')).toBeNull();
  const { value } = await stream.body!.getReader().read();
  expect(Buffer.from(value!).toString()).toMatch(/^id: /);
});

test('HEAD says what GET would', async () => {
  const headers = { 'accept-encoding': 'gzip' };
  const head = await ask(server.url, '/v1/changes', { method: 'HEAD', headers });
  expect([head.status, head.body.length]).toEqual([200, 0]);
  expect(head.headers['content-encoding']).toBe('gzip');
});
