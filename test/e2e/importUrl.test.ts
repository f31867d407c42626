// `tidemark import` from URLs, as a process: an honest list first, then each attack, which is refused and changes nothing.
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { sha256HexNative } from '@tidemark/canonical/native';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../support/files.ts';
import { initLedger, type Ledger, type Serving } from './tidemark.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let ledger: Ledger;
let server: Serving;
const servers: ReturnType<typeof createServer>[] = [];

beforeAll(async () => {
  folder = await temporaryFolder();
  ledger = await initLedger(join(folder.path, 'index'), '--bins', '256');
  server = await ledger.serve('--cut-interval', '50ms');
});
afterAll(async () => {
  for (const each of servers) {
    each.closeAllConnections();
    each.close();
  }
  expect(await server.stop()).toBe(0);
  await folder[Symbol.asyncDispose]();
});

const line = (path: string): string => `${path}\t3\t${sha256HexNative(path)}\n`;

async function serve(handler: RequestListener, host = '127.0.0.1'): Promise<number> {
  const each = createServer(handler);
  servers.push(each);
  await new Promise<void>((resolve) => each.listen(0, host, resolve));
  return (each.address() as AddressInfo).port;
}

async function held(): Promise<unknown> {
  const { signed } = JSON.parse(
    Buffer.from((await server.get('metadata/timestamp.json')).body).toString(),
  ) as { signed: { merkle_root: string } };
  return signed.merkle_root;
}

/** A line that begins well and never ends. */
const BOMB = gzipSync(Buffer.concat([Buffer.from('a/3\t'), Buffer.alloc(20_000_000)]));

const ATTACKS: readonly (readonly [string, string, RequestListener, readonly string[]])[] = [
  [
    'a redirect to another scheme',
    'source.url',
    (_, response) => response.writeHead(302, { location: 'file:///etc/hostname' }).end(),
    [],
  ],
  [
    'redirects in a circle',
    'source.redirect',
    (_, response) => response.writeHead(302, { location: '/' }).end(),
    [],
  ],
  ['a bomb', 'source.ratio', (_, response) => response.end(BOMB), []],
  [
    'a bomb in transfer',
    'source.too_large',
    (_, response) => response.setHeader('content-encoding', 'gzip').end(BOMB),
    ['--max-ratio', '10000', '--max-decompressed', '1K'],
  ],
  [
    'a body said to be endless',
    'source.too_large',
    (_, response) => void response.writeHead(200, { 'content-length': 2 ** 50 }).write('pool/'),
    [],
  ],
  [
    'an endless body',
    'source.too_large',
    (_, response) => void response.write('pool/'.repeat(1000)),
    ['--max-bytes', '1K'],
  ],
  [
    'a body that does not get on',
    'source.slow',
    (_, response) => void response.write('pool/'),
    ['--idle-timeout', '200ms'],
  ],
  ['no answer', 'source.slow', () => undefined, ['--connect-timeout', '200ms']],
];

test('an honest list, then each attack: refused, and the ledger is as it was', async () => {
  const honest = await serve((_, response) => response.end(gzipSync(line('a/1') + line('a/2'))));
  const url = `http://127.0.0.1:${honest}/list.gz`;
  const imported = await ledger.json('import', url, '--allow-private');
  expect(imported).toMatchObject({ lines: 2, added: 2, bad: {} });
  const before = await held();

  for (const host of [
    '127.0.0.1',
    'localhost',
    '[::ffff:127.0.0.1]',
    '2130706433',
    '0177.0.0.1',
    '0x7f.1',
  ]) {
    const { code, stdout, stderr } = await ledger.run('import', `http://${host}:${honest}/`);
    expect({ host, code, stdout }).toEqual({ host, code: 1, stdout: '' });
    expect(stderr).toContain('(source.address)');
  }
  for (const [what, refusal, handler, flags] of ATTACKS) {
    const attack = `http://127.0.0.1:${await serve(handler)}/`;
    const run = await ledger.run('import', attack, '--allow-private', '--json', ...flags);
    expect({ what, code: run.code }).toEqual({ what, code: 1 });
    expect(run.stderr).toMatch(new RegExp(`\\(${refusal}\\)|: ${refusal}: `));
    // What shows only after the list has begun is a bad line of it.
    const account = { lines: 1, added: 0, bad: { [refusal]: 1 } };
    if (run.stdout !== '') expect(JSON.parse(run.stdout)).toMatchObject(account);
  }
  expect(await held()).toBe(before);
  expect(await ledger.json('import', url, '--allow-private')).toMatchObject({ unchanged: 2 });
});

test('a list that breaks off: what came is kept, the next run goes on', async () => {
  const LIST = Array.from({ length: 3000 }, (_, i) => line(`b/${i}`)).join('');
  let breaks = true;
  const port = await serve((_, response) => {
    response.writeHead(200, { 'content-length': LIST.length });
    if (!breaks) response.end(LIST);
    else response.write(LIST.slice(0, -1000), () => setImmediate(() => response.destroy()));
  });
  const url = `http://127.0.0.1:${port}/list.tsv`;
  const first = await ledger.run('import', url, '--allow-private');
  expect(first.code).toBe(1);
  expect(first.stderr).toContain('repeating the command is harmless (source.broken)');
  breaks = false;
  const second = await ledger.json<{ added: number; unchanged: number }>(
    'import',
    url,
    '--allow-private',
  );
  expect(second).toMatchObject({ lines: 3000, rejected: {}, bad: {} });
  expect(second.added + second.unchanged).toBe(3000);
  expect(second.unchanged).toBeGreaterThanOrEqual(1000);
});
