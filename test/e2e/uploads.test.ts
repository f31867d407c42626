// Uploads over HTTP: honest ones, and too many of them. What is no upload is in badInput.test.ts.
import { createHash, randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/files.ts';
import { initLedger, tidemark, type Ledger, type Serving } from './tidemark.ts';

interface Answer {
  readonly status: number;
  readonly code?: string;
  readonly accepted?: { readonly index: number; readonly fate: { readonly state: string } }[];
  readonly refused?: { readonly index: number; readonly code: string }[];
  readonly headers: Headers;
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let ledger: Ledger;
let server: Serving;
let everything: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  ledger = await initLedger(join(folder.path, 'index'), '--bins', '64');
  everything = await token('--subject', 'index', '--upload');
  server = await ledger.serve('--cut-interval', '50ms', '--events-per-second', '500');
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function token(...args: string[]): Promise<string> {
  const { stdout, stderr } = await tidemark(['tokens', 'create', ledger.folder, ...args]);
  const made = /tdm_[0-9a-f]{16}_[A-Za-z0-9_-]{43}/.exec(stdout)?.[0];
  if (made === undefined) throw new Error(stdout + stderr);
  return made;
}

function event(path: string, more: object = {}): object {
  const sha256 = createHash('sha256').update(path).digest('hex');
  return { id: randomUUID(), type: 'target.added', path, length: 1, hashes: { sha256 }, ...more };
}

async function post(
  body: unknown,
  options: { token?: string; query?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { token: bearer = everything, query = '', headers = {} } = options;
  const response = await fetch(new URL(`v1/events${query}`, server.url), {
    method: 'POST',
    headers: { ...(bearer === '' ? {} : { authorization: `Bearer ${bearer}` }), ...headers },
    body: typeof body === 'string' || body instanceof Uint8Array ? (body as BodyInit) : json(body),
  });
  const answer = (await response.json()) as object;
  return { ...answer, status: response.status, headers: response.headers };
}

const json = (value: unknown): string => JSON.stringify(value);

describe('an upload', () => {
  test('is durable, then visible, and may be sent again', async () => {
    const upload = event('honest/one');
    const first = await post(upload);
    expect(first).toMatchObject({ status: 202, accepted: [{ fate: { state: 'pending' } }] });
    const again = await post(upload, { query: '?wait=published' });
    expect(again).toMatchObject({ status: 202, accepted: [{ fate: { state: 'unchanged' } }] });
    const shown = await server.get('v1/targets/honest/one');
    expect(JSON.parse(Buffer.from(shown.body).toString())).toMatchObject({ target: { length: 1 } });
  });

  test('of many is judged one by one', async () => {
    const lines = [json(event('many/1')), '{', json(event('many/../2')), '', json(event('many/3'))];
    const headers = { 'content-type': 'application/x-ndjson' };
    const answer = await post(lines.join('\n'), { query: '?wait=published', headers });
    expect(answer.status).toBe(202);
    expect(answer.accepted?.map(({ index, fate }) => [index, fate.state])).toEqual([
      [0, 'applied'],
      [3, 'applied'],
    ]);
    expect(answer.refused?.map(({ index, code }) => [index, code])).toEqual([
      [1, 'json.syntax'],
      [2, 'path.dot_segment'],
    ]);
  });

  test('takes its id from Idempotency-Key', async () => {
    const { id: _, ...upload } = event('keyed/one') as { id: string };
    const headers = { 'idempotency-key': randomUUID() };
    expect(await post(upload, { headers })).toMatchObject({ status: 202 });
    const again = await post(upload, { headers, query: '?wait=published' });
    expect(again.accepted).toMatchObject([{ fate: { state: 'unchanged', code: 'duplicate' } }]);
    expect(await post(event('keyed/two'), { headers })).toMatchObject({
      status: 422,
      refused: [{ code: 'event.id' }],
    });
  });

  test('that the fold refuses is a conflict for who waited', async () => {
    await post(event('taken/one'), { query: '?wait=published' });
    const other = event('taken/one', { length: 2 });
    expect(await post(other, { query: '?wait=published' })).toMatchObject({
      status: 409,
      accepted: [{ fate: { state: 'rejected', code: 'conflict' } }],
    });
  });
});

describe('a token', () => {
  test('that is revoked counts no more', async () => {
    const short = await token('--subject', 'short', '--upload');
    await delayed(1100, async () =>
      expect((await post(event('s/1'), { token: short })).status).toBe(202),
    );
    const [, id = ''] = short.split('_');
    await tidemark(['tokens', 'revoke', ledger.folder, id]);
    await delayed(1100, async () =>
      expect(await post(event('s/2'), { token: short })).toMatchObject({ code: 'token.unknown' }),
    );
  });
});

async function delayed(ms: number, act: () => Promise<unknown>): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
  await act();
}

test('too much of one subject has to wait, as long as it is told; others need not', async () => {
  const greedy = await token('--subject', 'greedy', '--upload');
  await delayed(1100, async () => undefined);
  const batch = (): object[] => Array.from({ length: 10_000 }, (_, i) => event(`g/${i}`));
  const statuses = [];
  let after = 0;
  for (let i = 0; i < 5; i++) {
    const answer = await post(batch(), { token: greedy });
    statuses.push(answer.status);
    if (answer.status === 429) {
      expect(answer.code).toBe('rate.subject');
      after = Number(answer.headers.get('retry-after'));
    }
  }
  // A minute of them at once: 30,000.
  expect(statuses).toEqual([202, 202, 202, 429, 429]);
  expect(after).toBeGreaterThanOrEqual(1);
  expect(after).toBeLessThanOrEqual(20);
  expect((await post(event('not/greedy'))).status).toBe(202);
});

test('a ledger that works says that it is ready', async () => {
  const { status, body } = await server.get('readyz');
  expect([status, JSON.parse(Buffer.from(body).toString())]).toEqual([
    200,
    { ready: true, reasons: [] },
  ]);
});

test('a client that goes away in the middle leaves nothing', async () => {
  const { hostname, port } = new URL(server.url);
  const path = `half/${randomUUID()}`;
  const body = json([event(path)]);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.write(
    `POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${everything}\r\n` +
      `content-length: ${body.length + 10}\r\n\r\n${body}`,
  );
  await delayed(200, async () => socket.destroy());
  expect((await post(event('after/half'), { query: '?wait=published' })).status).toBe(202);
  const { body: shown } = await server.get(`v1/targets/${path}`);
  expect(JSON.parse(Buffer.from(shown).toString())).toMatchObject({ target: null });
});
