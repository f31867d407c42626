// Snapshots and what they changed: pages, cursors, the stream, and a rebuild that comes to the same.
import { rm } from 'node:fs/promises';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { parseLeaf } from '@tidemark/event';
import { utf8 } from '@tidemark/canonical';
import { canonicalText, type JsonObject } from '@tidemark/canonical';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/files.ts';
import { ask, jsonOf, type Reply } from './ask.ts';
import { initLedger, type Ledger, type Serving } from './tidemark.ts';

interface Change {
  readonly snapshot: number;
  readonly path: string;
  readonly role: string;
  readonly version: number;
  readonly target: unknown;
}
interface Page {
  readonly changes: readonly Change[];
  readonly cursor: string;
  readonly more: boolean;
}

const HASH = 'a'.repeat(64);
const STATED = ['--length', '7', '--sha256', HASH];
const TARGET = { length: 7, hashes: { sha256: HASH } };

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let ledger: Ledger;
let server: Serving;

const get = async (path: string, headers: Record<string, string> = {}): Promise<Reply> =>
  ask(server.url, path, { headers });
const page = async (path: string): Promise<Page> => jsonOf(await get(path)) as unknown as Page;
const change = async (command: string, ...args: string[]): Promise<unknown> =>
  ledger.json(command, ...args, '--wait', 'published').catch(() => undefined);

/** Every page from the start, of so many changes each. */
async function all(limit: number): Promise<Change[]> {
  const changes: Change[] = [];
  let query = '';
  for (;;) {
    const next = await page(`/v1/changes?limit=${limit}${query}`);
    expect(next.changes.length).toBeLessThanOrEqual(limit);
    changes.push(...next.changes);
    if (!next.more) return changes;
    query = `&after=${next.cursor}`;
  }
}

beforeAll(async () => {
  folder = await temporaryFolder();
  ledger = await initLedger(join(folder.path, 'index'), '--bins', '64');
  server = await ledger.serve('--cut-interval', '50ms');
  await change('add', 'demo/a', ...STATED);
  await change('add', 'demo/b', ...STATED);
  // Changes nothing, and so is no change.
  await change('add', 'demo/a', '--length', '8', '--sha256', HASH);
  await change('yank', 'demo/a');
  await change('remove', 'demo/b');
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

describe('changes', () => {
  test('are what was applied, in the order of the snapshots', async () => {
    const changes = await all(1000);
    expect(changes.map(({ path, target }) => [path, target])).toEqual([
      ['demo/a', TARGET],
      ['demo/b', TARGET],
      ['demo/a', { ...TARGET, custom: { yanked: true } }],
      ['demo/b', null],
    ]);
    const snapshots = changes.map(({ snapshot }) => snapshot);
    expect(snapshots).toEqual(snapshots.toSorted((a, b) => a - b));
    for (const { snapshot, path, role, version, target } of changes) {
      const then = jsonOf(await get(`/v1/targets/${path}?at=${snapshot}`));
      expect(then).toEqual({ path, snapshot, role, version, target });
      expect((await get(`/metadata/${version}.${role}.json`)).status).toBe(200);
    }
  });

  test('come in pages of any size', async () => {
    const whole = await all(1000);
    expect(await all(1)).toEqual(whole);
    expect(await all(3)).toEqual(whole);
  });

  test('of one snapshot may be kept for ever', async () => {
    for (const { snapshot, path } of await all(1000)) {
      const answer = await get(`/v1/snapshots/${snapshot}/changes`);
      expect((jsonOf(answer) as unknown as Page).changes.map((each) => each.path)).toEqual([path]);
      expect(answer.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    }
  });

  test('that come later are behind the newest cursor', async () => {
    const { cursor } = jsonOf(await get('/v1/snapshots/newest')) as { cursor: string };
    const before = await page(`/v1/changes?after=${cursor}`);
    expect(before).toEqual({ changes: [], cursor, more: false });
    await change('add', 'demo/later', ...STATED);
    const { changes } = await page(`/v1/changes?after=${cursor}`);
    expect(changes.map(({ path }) => path)).toEqual(['demo/later']);
  });

  test.each([
    ['after=x', 'changes.cursor'],
    ['after=', 'changes.cursor'],
    [`after=${'A'.repeat(4000)}`, 'changes.cursor'],
    [`after=${Buffer.from('00000000.1.0.0.0').toString('base64url')}`, 'changes.cursor'],
    ['limit=0', 'http.parameter'],
    ['limit=1001', 'http.parameter'],
    ['limit=all', 'http.parameter'],
  ])('%s is refused', async (query, code) => {
    const answer = await get(`/v1/changes?${query}`);
    expect([answer.status, jsonOf(answer)['code']]).toEqual([400, code]);
  });

  test('a cursor that was tampered with is refused', async () => {
    const { cursor } = await page('/v1/changes');
    const text = Buffer.from(cursor, 'base64url').toString();
    const [id = ''] = text.split('.');
    for (const wrong of [`${id}.0.0.0.0`, `${id}.1.4.0.0`, `${id}.01.0.0.0`, `${id}.1.0.0`]) {
      const answer = await get(`/v1/changes?after=${Buffer.from(wrong).toString('base64url')}`);
      expect([answer.status, jsonOf(answer)['code']]).toEqual([400, 'changes.cursor']);
    }
    for (const wrong of [`${id}.1.0.999999.0`, `${id}.999999.0.0.0`]) {
      const answer = await get(`/v1/changes?after=${Buffer.from(wrong).toString('base64url')}`);
      expect(answer.status).toBe(200);
    }
  });
});

describe('a snapshot', () => {
  test('is told with its leaf, which is the snapshot log’s', async () => {
    const newest = jsonOf(await get('/v1/snapshots/newest'));
    const n = Number(newest['snapshot']);
    const answer = await get(`/v1/snapshots/${n}`);
    expect(answer.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    const told = jsonOf(answer);
    expect(told).toEqual(newest);
    const leaf = parseLeaf(utf8(canonicalText(told['leaf'] as JsonObject)));
    expect(leaf).toMatchObject({ n, merkle_root: told['merkle_root'], root: 1 });
    expect(told).toMatchObject({
      vector: leaf.partitions.map(({ events }) => events.size),
      versions: { root: 1, snapshot: leaf.snapshot.version, timestamp: n },
      time: new Date(leaf.time).toISOString(),
    });
    const timestamp = jsonOf(await get(`/metadata/${n}.timestamp.json`));
    expect(timestamp['signed']).toMatchObject({ merkle_root: leaf.merkle_root, version: n });
    const again = await get(`/v1/snapshots/${n}`, { 'if-none-match': answer.headers.etag! });
    expect(again.status).toBe(304);
  });

  test.each([
    ['0', 404, 'snapshot.unknown'],
    ['999999', 404, 'snapshot.unknown'],
    ['0/changes', 404, 'snapshot.unknown'],
    ['999999/changes', 404, 'snapshot.unknown'],
    ['x', 400, 'http.parameter'],
    ['-1', 400, 'http.parameter'],
    ['1e3', 400, 'http.parameter'],
    ['%00', 400, 'http.parameter'],
  ])('%s: %i %s', async (name, status, code) => {
    const answer = await get(`/v1/snapshots/${name}`);
    expect([answer.status, jsonOf(answer)['code']]).toEqual([status, code]);
  });
});

describe('a stream', () => {
  test('tells what there is, what comes, and goes on where it was left', async () => {
    const first = await listen('/v1/changes');
    await first.until((changes) => changes.length >= 4);
    const before = first.changes.length;
    await change('add', 'demo/streamed', ...STATED);
    await first.until((changes) => changes.length > before);
    expect(first.changes).toEqual(await all(1000));
    first.stop();
    await change('add', 'demo/missed', ...STATED);
    const second = await listen('/v1/changes?after=x', { 'last-event-id': first.id });
    await second.until((changes) => changes.length > 0);
    expect(second.changes.map(({ path }) => path)).toEqual(['demo/missed']);
    second.stop();
  });

  test('one too many has to come again', async () => {
    const listeners = await Promise.all(Array.from({ length: 64 }, () => listen('/v1/changes')));
    const refused = await get('/v1/changes', { accept: 'text/event-stream' });
    expect([refused.status, jsonOf(refused)['code']]).toEqual([429, 'changes.listeners']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    for (const each of listeners) each.stop();
    // Their places are free again.
    for (;;) {
      const next = await listen('/v1/changes').catch(() => undefined);
      if (next === undefined) continue;
      next.stop();
      break;
    }
  });

  test('ends when the server does, which waits for nobody', async () => {
    const stream = await listen('/v1/changes');
    expect(await server.stop()).toBe(0);
    await stream.ended;
    server = await ledger.serve('--cut-interval', '50ms');
  });
});

test('what is rebuilt from the log has the same changes at the same cursors', async () => {
  const one = await page('/v1/changes?limit=2');
  const rest = await page(`/v1/changes?after=${one.cursor}`);
  await server.stop();
  await rm(join(ledger.folder, 'state'), { recursive: true });
  server = await ledger.serve('--cut-interval', '50ms');
  expect(await page('/v1/changes?limit=2')).toEqual(one);
  const again = await page(`/v1/changes?after=${one.cursor}`);
  expect(again.changes).toEqual(rest.changes);
});

interface Listening {
  readonly changes: readonly Change[];
  readonly id: string;
  readonly ended: Promise<void>;
  until(holds: (changes: readonly Change[]) => boolean): Promise<void>;
  stop(): void;
}

/** Opens a stream; rejects where the answer is none. */
async function listen(path: string, headers: Record<string, string> = {}): Promise<Listening> {
  const url = new URL(path, server.url);
  const options = { agent: false, headers: { accept: 'text/event-stream', ...headers } };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const sent = httpGet(url, options, resolve).on('error', reject);
  const response = await promise;
  if (response.statusCode !== 200) {
    response.resume();
    throw new Error(`status ${response.statusCode}`);
  }
  expect(response.headers['content-type']).toBe('text/event-stream');
  const changes: Change[] = [];
  let id = '';
  let text = '';
  let told = (): void => undefined;
  response.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      id = /^id: (.*)$/m.exec(text.slice(0, end))?.[1] ?? id;
      const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1];
      if (data !== undefined) changes.push(...(JSON.parse(data) as Page).changes);
      text = text.slice(end + 2);
    }
    told();
  });
  const ended = new Promise<void>((done) => response.on('error', () => done()).on('close', done));
  return {
    changes,
    get id() {
      return id;
    },
    ended,
    until: async (holds) => {
      while (!holds(changes)) await new Promise<void>((more) => (told = more));
    },
    stop: () => sent.destroy(),
  };
}
