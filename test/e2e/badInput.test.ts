// Bad input at the edge, case by case, against one server: each has its answer, and nothing is left of it.
//
// Addresses that are answered with 404 are in http.test.ts, certificates in tls.test.ts, lists that are
// fetched in importUrl.test.ts, uploads that break off late in streamedUploads.test.ts.
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256HexNative } from '@tidemark/canonical/native';
import { TokenFolder } from '@tidemark/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../support/files.ts';
import { ask, jsonOf } from './ask.ts';
import { BAD_INPUTS, LARGE_INPUT, SETTINGS, SLOW_INPUTS } from './badInputCases.ts';
import type { BadInput, Known } from './badInput.ts';
import { exchange } from './rawHttp.ts';
import { initLedger, type Serving } from './tidemark.ts';

const CONTENT = 'the bytes of a target';
/** What the process may have more in memory after all cases: heap that has not been collected yet. */
const GROWTH_BYTES_MAX = 96 << 20;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: Serving;
let known: Known;
let residentBefore: number;
let saidBefore: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  const ledger = await initLedger(join(folder.path, 'index'), '--bins', '64');
  const config = join(folder.path, 'serve.json');
  const content = join(folder.path, 'content');
  await writeFile(config, JSON.stringify(SETTINGS));
  await writeFile(content, CONTENT);
  const tokens = await makeTokens(join(ledger.folder, 'tokens'));
  server = await ledger.serve('--config', config);
  await ledger.json('add', 'demo/a', '--file', content, '--wait', 'published');
  const { cursor } = jsonOf(await ask(server.url, '/v1/snapshots/1'));
  known = {
    tokens,
    cursor: Buffer.from(String(cursor), 'base64url').toString(),
    target: sha256HexNative(CONTENT),
  };
  // Once beforehand, so that what is loaded and compiled only then is there.
  await demandAnswered(BAD_INPUTS[0]!);
  saidBefore = server.stderr;
  residentBefore = await figure('process_resident_memory_bytes');
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
  await folder[Symbol.asyncDispose]();
});

async function makeTokens(directory: string): Promise<Map<string, string>> {
  const folderOf = new TokenFolder(directory);
  const nothing = { upload: [], read: false, admin: false, expires: null };
  const grants = {
    everything: { ...nothing, upload: [''] },
    numpy: { ...nothing, upload: ['numpy', 'simple/numpy/'] },
    reader: { ...nothing, read: true },
    admin: { ...nothing, admin: true },
    expired: { ...nothing, upload: [''], expires: Date.now() - 1000 },
  };
  const tokens = new Map<string, string>();
  for (const [subject, grant] of Object.entries(grants)) {
    const { text } = await folderOf.create({ subject, ...grant }, Date.now(), randomBytes);
    tokens.set(subject, text);
  }
  return tokens;
}

async function figure(name: string): Promise<number> {
  const { body } = await ask(server.url, '/metrics');
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(body.toString())?.[1]);
}

/** Of a problem, or of each event that came to nothing. */
function codesIn(body: string): string | undefined {
  if (!body.startsWith('{')) return undefined;
  const {
    code,
    accepted = [],
    refused = [],
  } = JSON.parse(body) as {
    code?: string;
    accepted?: readonly { readonly fate: { readonly code?: string } }[];
    refused?: readonly { readonly code: string }[];
  };
  const codes = [...refused, ...accepted.map(({ fate }) => fate)].flatMap(
    (each) => each.code ?? [],
  );
  return code ?? (codes.length === 0 ? undefined : codes.join());
}

test('there are many, each with a name of its own', () => {
  const names = [...SLOW_INPUTS, ...BAD_INPUTS].map(({ name }) => name);
  expect(names.length).toBeGreaterThanOrEqual(200);
  expect(new Set(names).size).toBe(names.length);
});

/** Sends it, and demands the one answer that it gets. */
async function demandAnswered({ name, steps, end, status, code }: BadInput): Promise<void> {
  const { statuses, head, body } = await exchange(server.url, steps(known), end);
  expect([name, ...statuses]).toEqual(status === undefined ? [name] : [name, status]);
  expect([name, codesIn(body)]).toEqual([name, code]);
  if (code === undefined && status !== undefined && status >= 400)
    expect([name, body]).toEqual([name, '']);
  if (status === 401) expect(head).toContain('\r\nwww-authenticate: bearer\r\n');
  if (body.startsWith('{"code"')) {
    expect(head).toContain('\r\ncontent-type: application/problem+json\r\n');
  }
}

test.each(BAD_INPUTS)('$name: $status $code', async (input) => {
  const events = await figure('tidemark_intake_events_total');
  await demandAnswered(input);
  expect((await figure('tidemark_intake_events_total')) - events).toBe(input.kept ?? 0);
});

test('whoever is slow is cut off, all at once as one alone', async () => {
  const events = await figure('tidemark_intake_events_total');
  const many = Array.from({ length: 10 }, () => SLOW_INPUTS).flat();
  await Promise.all(many.map(demandAnswered));
  expect((await figure('tidemark_intake_events_total')) - events).toBe(0);
});

test('large bodies at once are refused before they fill the memory', async () => {
  const many = Array.from({ length: 20 }, async () =>
    exchange(server.url, LARGE_INPUT.steps(known)),
  );
  const replies = await Promise.all(many);
  const full = replies.filter(({ statuses }) => statuses[0] === 429);
  expect(full.length).toBeGreaterThanOrEqual(3);
  for (const { head, body } of full) {
    expect([codesIn(body), head]).toEqual([
      'http.bodies',
      expect.stringContaining('retry-after: 5'),
    ]);
  }
  const slow = replies.filter(({ statuses }) => statuses[0] === 408);
  expect([full.length + slow.length, slow.length > 0]).toEqual([20, true]);
  // All of it is free again.
  await demandAnswered(LARGE_INPUT);
});

test('what is listed is what was taken, and nothing else', async () => {
  const { changes, more } = jsonOf(await ask(server.url, '/v1/changes')) as {
    changes: readonly { readonly path: string; readonly target: { readonly length: number } }[];
    more: boolean;
  };
  const listed = changes.map(({ path, target }) => `${path} ${target.length}`).toSorted();
  const kept = ['a', 'b', 'c', 'd', 'other', 'seen', 'time', 'utf8'].map(
    (name) => `kept/${name} 1`,
  );
  expect([listed, more]).toEqual([
    [`demo/a ${CONTENT.length}`, ...kept, 'numpy 1', 'numpy/kept 1'].toSorted(),
    false,
  ]);
});

test('the server is well, and no larger than before', async () => {
  const { ready } = jsonOf(await ask(server.url, '/readyz'));
  expect(ready).toBe(true);
  expect(server.stderr).toBe(saidBefore);
  const { body } = await ask(server.url, '/metrics');
  expect(body.toString()).not.toContain('http.defect');
  const growth = (await figure('process_resident_memory_bytes')) - residentBefore;
  process.stderr.write(
    `${BAD_INPUTS.length + SLOW_INPUTS.length} cases of bad input: ${Math.round(growth / 1e6)} MB more in memory\n`,
  );
  expect(growth).toBeLessThan(GROWTH_BYTES_MAX);
});
