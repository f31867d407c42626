// Pages of other sites read what anybody may read, where the operator says so; nothing else is opened to them.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/files.ts';
import { ask, type Reply } from './ask.ts';
import { initLedger, type Ledger, type Serving } from './tidemark.ts';

const ORIGIN = 'https://elsewhere.example';
const READS = [
  '/metadata/timestamp.json',
  '/metadata/99.root.json',
  '/merkle/x/timestamp.json',
  '/targets/demo/a',
  '/log/checkpoint',
  '/v1/targets/demo/a',
  '/v1/targets/demo/%00',
  '/v1/snapshots/newest',
  '/v1/changes',
];

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let ledger: Ledger;
let server: Serving;

const corsOf = ({ headers }: Reply): string[] =>
  Object.entries(headers)
    .filter(([name]) => name.startsWith('access-control-'))
    .map(([name, value]) => `${name.slice('access-control-'.length)}: ${String(value)}`)
    .toSorted();
const asked = async (method: string, path: string, wanted?: string): Promise<Reply> => {
  const headers = {
    origin: ORIGIN,
    ...(wanted !== undefined && {
      'access-control-request-method': wanted,
      'access-control-request-headers': 'if-none-match',
    }),
  };
  return ask(server.url, path, { method, headers });
};

beforeAll(async () => {
  folder = await temporaryFolder();
  ledger = await initLedger(join(folder.path, 'index'), '--bins', '64');
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

describe('http.cors: reads', () => {
  beforeAll(async () => {
    const file = join(folder.path, 'config.json');
    await writeFile(file, JSON.stringify({ http: { cors: 'reads' } }));
    server = await ledger.serve('--config', file);
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  test.each(READS)('%s may be read from anywhere, whatever the answer', async (path) => {
    for (const method of ['GET', 'HEAD']) {
      expect(corsOf(await asked(method, path))).toEqual([
        'allow-origin: *',
        'expose-headers: Content-Range,ETag,Retry-After,X-Request-Id',
      ]);
    }
  });

  test.each(READS)('%s: who asks for leave to read gets it', async (path) => {
    const answer = await asked('OPTIONS', path, 'GET');
    expect([answer.status, answer.body.length]).toEqual([204, 0]);
    expect(corsOf(answer)).toEqual([
      'allow-headers: Content-Type,If-None-Match,If-Range,Last-Event-ID,Range',
      `allow-methods: ${path.startsWith('/merkle/') ? 'GET,HEAD,POST' : 'GET,HEAD'}`,
      'allow-origin: *',
      'expose-headers: Content-Range,ETag,Retry-After,X-Request-Id',
      'max-age: 86400',
    ]);
  });

  test('nobody gets leave to upload, and what takes a token is not opened', async () => {
    expect(corsOf(await asked('OPTIONS', '/v1/events', 'POST'))).toContain(
      'allow-methods: GET,HEAD',
    );
    expect(corsOf(await asked('POST', '/v1/events'))).toEqual([]);
    for (const path of ['/', '/healthz', '/readyz', '/metrics']) {
      expect([path, ...corsOf(await asked('GET', path))]).toEqual([path]);
      expect([path, (await asked('OPTIONS', path, 'GET')).status]).toEqual([path, 405]);
    }
  });

  test('proofs may be asked for from anywhere', async () => {
    const answer = await asked('POST', `/merkle/${'0'.repeat(64)}/proofs`);
    expect(answer.status).toBe(422);
    expect(corsOf(answer)).toContain('allow-origin: *');
  });

  test('OPTIONS that asks for no leave is a method like others', async () => {
    const { status, headers } = await asked('OPTIONS', '/v1/changes');
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD']);
  });
});

test('by default nothing is opened', async () => {
  server = await ledger.serve();
  await using _ = server;
  for (const path of READS) {
    expect([path, ...corsOf(await asked('GET', path))]).toEqual([path]);
    const { status, headers } = await asked('OPTIONS', path, 'GET');
    expect([path, status, headers.allow]).toEqual([path, 405, 'GET, HEAD']);
  }
});
