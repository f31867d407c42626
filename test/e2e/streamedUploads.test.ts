// Long uploads, line by line: stored as they arrive, and what stands where they break off.
import { randomUUID } from 'node:crypto';
import { request, type ClientRequest } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../support/files.ts';
import { initLedger, tidemark, type Ledger, type Serving } from './tidemark.ts';

interface Answer {
  readonly status: number;
  readonly code?: string;
  readonly accepted?: readonly { readonly index: number }[];
  readonly refused?: readonly {
    readonly index: number;
    readonly line: number;
    readonly code: string;
  }[];
}

/** So many lines are stored at once, or a few more. */
const GROUP = 4096;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let ledger: Ledger;
let server: Serving;
/** Each of its own subject, and so with a rate of its own. */
const tokens: string[] = [];

beforeAll(async () => {
  folder = await temporaryFolder();
  ledger = await initLedger(join(folder.path, 'index'), '--bins', '64');
  for (const subject of ['early', 'broken', 'many', 'rate']) tokens.push(await token(subject));
  server = await ledger.serve('--cut-interval', '50ms', '--events-per-second', '150');
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function token(subject: string): Promise<string> {
  const args = ['tokens', 'create', ledger.folder, '--subject', subject, '--upload'];
  const { stdout } = await tidemark(args);
  return /tdm_\w+-?[\w-]*/.exec(stdout)![0];
}

function line(path: string): string {
  const hashes = { sha256: 'a'.repeat(64) };
  const event = { id: randomUUID(), type: 'target.added', path, length: 1, hashes };
  return `${JSON.stringify(event)}\n`;
}

const lines = (prefix: string, from: number, to: number): string =>
  Array.from({ length: to - from }, (_, i) => line(`${prefix}/${from + i}`)).join('');

interface Upload {
  readonly sent: ClientRequest;
  readonly answer: Promise<Answer>;
}

function upload(bearer: string): Upload {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const headers = {
    authorization: `Bearer ${bearer}`,
    'content-type': 'application/x-ndjson',
    'transfer-encoding': 'chunked',
  };
  const url = new URL('v1/events', server.url);
  const sent = request(url, { method: 'POST', agent: false, headers }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    response.once('end', () => resolve({ ...JSON.parse(text), status: response.statusCode }));
    response.once('error', reject);
  });
  sent.once('error', reject);
  promise.catch(() => undefined);
  return { sent, answer: promise };
}

async function isListed(path: string): Promise<boolean> {
  const { body } = await server.get(`v1/targets/${path}`);
  const { target } = JSON.parse(Buffer.from(body).toString()) as { target: unknown };
  return target !== null;
}

async function untilListed(path: string): Promise<void> {
  while (!(await isListed(path))) await new Promise((resolve) => setTimeout(resolve, 50));
}

test('what has arrived is published while the rest is still to come', async () => {
  const { sent, answer } = upload(tokens[0]!);
  sent.write(lines('early', 0, GROUP + 500));
  await untilListed('early/0');
  sent.end(`{\n${lines('late', 0, 10)}`);
  const { status, accepted, refused } = await answer;
  expect(status).toBe(202);
  expect(accepted?.length).toBe(GROUP + 510);
  expect(new Set(accepted?.map(({ index }) => index)).size).toBe(GROUP + 510);
  const place = { index: GROUP + 500, line: GROUP + 501 };
  expect(refused).toMatchObject([{ ...place, code: 'json.syntax' }]);
  await untilListed('late/9');
});

test('where it breaks off, what was stored stands, and nothing of the rest', async () => {
  const { sent } = upload(tokens[1]!);
  sent.write(lines('broken', 0, GROUP + 500));
  await untilListed('broken/0');
  sent.destroy();
  const { sent: next, answer } = upload(tokens[0]!);
  next.end(line('after/broken'));
  expect((await answer).status).toBe(202);
  await untilListed('after/broken');
  expect(await isListed(`broken/${GROUP + 499}`)).toBe(false);
});

test('of too many lines, those before are told to be stored', async () => {
  const { sent, answer } = upload(tokens[2]!);
  sent.end(`x\n${lines('many', 0, 10_000)}`);
  const { status, code, accepted, refused } = await answer;
  expect([status, code]).toEqual([413, 'http.too_many']);
  expect(accepted!.length).toBeGreaterThanOrEqual(2 * GROUP - 1);
  expect(refused).toMatchObject([{ index: 0, line: 1, code: 'json.syntax' }]);
  for (const { index } of [accepted![0]!, accepted!.at(-1)!])
    await untilListed(`many/${index - 1}`);
});

test('more than its rate: what fits is stored, the rest may come again', async () => {
  // A minute at once: 9,000.
  const first = upload(tokens[3]!);
  first.sent.end(lines('rate', 0, 4_000));
  expect((await first.answer).status).toBe(202);
  const second = upload(tokens[3]!);
  second.sent.end(lines('more', 0, 9_500));
  const { status, code, accepted } = await second.answer;
  expect([status, code]).toEqual([429, 'rate.subject']);
  expect(accepted!.length).toBeGreaterThanOrEqual(GROUP);
  expect(accepted!.length).toBeLessThan(2 * GROUP);
  await untilListed('more/0');
});
