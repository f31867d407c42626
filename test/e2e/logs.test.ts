// Logs of a real run: one line for each thing, whole and named; nothing secret in any of them.
import { createHash, randomUUID } from 'node:crypto';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readKeys } from '@tidemark/cli';
import { temporaryFolder } from '../support/files.ts';
import { initLedger, tidemark, type Ledger, type Serving } from './tidemark.ts';

interface Line {
  readonly level: string;
  readonly time: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let ledger: Ledger;
let token: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  ledger = await initLedger(join(folder.path, 'index'), '--bins', '64');
  const args = ['tokens', 'create', ledger.folder, '--subject', 'team', '--upload', 'team'];
  ({ token } = JSON.parse((await tidemark([...args, '--json'])).stdout) as { token: string });
});
afterAll(() => folder[Symbol.asyncDispose]());

async function configured(log: object): Promise<string[]> {
  const file = join(folder.path, 'serve.json');
  await writeFile(file, JSON.stringify({ log, ledger: { cut_interval: '50ms' } }));
  return ['--config', file];
}

function linesOf(text: string): Line[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

function event(path: string): object {
  const sha256 = createHash('sha256').update(path).digest('hex');
  return { id: randomUUID(), type: 'target.added', path, length: 1, hashes: { sha256 } };
}

async function post(server: Serving, events: unknown, bearer: string, id?: string) {
  const response = await fetch(new URL('v1/events?wait=published', server.url), {
    method: 'POST',
    headers: { authorization: `Bearer ${bearer}`, ...(id && { 'x-request-id': id }) },
    body: JSON.stringify(events),
  });
  const problem = (await response.json()) as { code?: string; request_id?: string };
  return { status: response.status, id: response.headers.get('x-request-id'), ...problem };
}

test('each request, snapshot, start and stop is a line', async () => {
  const server = await ledger.serve(...(await configured({ format: 'json' })));
  const two = await post(server, [event('team/a'), event('team/b'), event('x/y')], token, 'mine');
  expect([two.status, two.id]).toEqual([202, 'mine']);
  const wrong = await post(server, [event('team/a')], `${token}x`, 'not an id');
  expect(wrong).toMatchObject({ status: 401, code: 'token.form' });
  expect(wrong.id).toMatch(/^[0-9a-f-]{36}$/);
  expect(wrong.request_id).toBe(wrong.id);
  const absent = await fetch(new URL('nothing/here?token=secret', server.url));
  await absent.text();
  await fetch(new URL('healthz', server.url)).then((answer) => answer.text());
  expect(await server.stop()).toBe(0);

  expect(server.stdout).toMatch(/^Serving .* on http:.*\nStopped; nothing .* is lost\.\n$/);
  const lines = linesOf(server.stderr);
  for (const { time } of lines) expect(new Date(time).toISOString()).toBe(time);
  const requests = lines.filter(({ msg }) => msg === 'request');
  expect(requests.find((each) => each['request_id'] === 'mine')).toEqual({
    level: 'info',
    time: expect.any(String),
    msg: 'request',
    request_id: 'mine',
    listener: 'public',
    method: 'POST',
    route: '/v1/events',
    status: 202,
    ms: expect.any(Number),
    bytes: expect.any(Number),
    subject: 'team',
    accepted: 2,
    refused: { 'token.path': 1 },
  });
  expect(requests.find((each) => each['request_id'] === wrong.id)).toMatchObject({
    route: '/v1/events',
    status: 401,
    code: 'token.form',
  });
  expect(requests.find(({ status }) => status === 404)).toMatchObject({
    route: 'none',
    code: 'http.not_found',
  });
  expect(requests.map(({ route }) => route)).not.toContain('/healthz');
  const snapshots = lines.filter(({ msg }) => msg === 'snapshot');
  expect(snapshots.find(({ events }) => events === 2)).toMatchObject({
    n: expect.any(Number),
    cut_time: expect.any(String),
    rejected: 0,
    roles: 2,
    ms: expect.any(Number),
  });
  expect([lines[0]?.msg, lines.at(-1)?.msg]).toEqual(['start', 'stop']);
});

test('in words as ever, with a file of lines that is opened anew at SIGHUP', async () => {
  const file = join(folder.path, 'serve.log');
  await using server = await ledger.serve(...(await configured({ file, level: 'debug' })));
  await server.get('healthz');
  const written = async (path: string): Promise<string> => {
    for (;;) {
      const text = await readFile(path, 'utf8').catch(() => '');
      if (text.includes('/healthz')) return text;
      await delay(20);
    }
  };
  const before = linesOf(await written(file));
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  await rename(file, `${file}.1`);
  server.signal('SIGHUP');
  while (!(await stat(file).catch(() => undefined))) await delay(20);
  await server.get('healthz');
  const after = linesOf(await written(file));
  expect(before.some(({ msg }) => msg === 'start')).toBe(true);
  expect(after.some(({ msg }) => msg === 'start')).toBe(false);
  expect(server.stderr).toBe('');
  expect(await server.stop()).toBe(0);
});

test('SIGHUP ends nothing where there is nothing to read again, and says so', async () => {
  await using server = await ledger.serve(...(await configured({ format: 'json' })));
  server.signal('SIGHUP');
  while (!server.stderr.includes('SIGHUP')) await delay(20);
  expect(linesOf(server.stderr).find(({ msg }) => msg.startsWith('SIGHUP'))).toEqual({
    level: 'warn',
    time: expect.any(String),
    msg: 'SIGHUP: no certificate and no log file is configured, so nothing is read again',
  });
  expect((await server.get('healthz')).status).toBe(200);
  expect(await server.stop()).toBe(0);
});

test('nothing secret is in the logs of a run, nor in what it says', async () => {
  const file = join(folder.path, 'all.log');
  const server = await ledger.serve(
    ...(await configured({ file, format: 'json', level: 'debug' })),
  );
  await post(server, [event('team/c')], token);
  await post(server, [event('team/d')], `${token.slice(0, -1)}_`);
  await fetch(new URL(`v1/targets/x?token=${token}`, server.url)).then((answer) => answer.text());
  await fetch(new URL(`metadata/${token}`, server.url)).then((answer) => answer.text());
  await ledger.json('status');
  await server.stop();
  const all = (await readFile(file, 'utf8')) + server.stderr + server.stdout;
  expect(linesOf(server.stderr).length).toBeGreaterThan(5);
  for (const secret of await secrets()) expect(all).not.toContain(secret);
});

/** The passphrase, the token and its secret part, and what is in the files of the keys. */
async function secrets(): Promise<string[]> {
  const passphrase = (await readFile(ledger.passphraseFile, 'utf8')).trim();
  const secret = token.split('_').slice(2).join('_');
  expect(passphrase.length).toBeGreaterThan(8);
  expect(secret).toHaveLength(43);
  return [passphrase, token, secret, 'ciphertext', 'PRIVATE KEY', ...(await seeds(passphrase))];
}

/** Of the online keys, as bytes are commonly written. */
async function seeds(passphrase: string): Promise<string[]> {
  const keys = await readKeys(join(ledger.folder, 'keys'), passphrase);
  expect(keys.size).toBe(8);
  return [...keys.values()].flatMap(({ seed }) => {
    const bytes = Buffer.from(seed);
    return [bytes.toString('hex'), bytes.toString('base64'), bytes.toString('base64url')];
  });
}
