/** The account of an import: whatever the list holds and the ledger answers, each line is counted once. */
import { PassThrough, Readable } from 'node:stream';
import type { Json, JsonObject } from '@tidemark/canonical';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Access } from '../src/access/access.ts';
import { importFile } from '../src/commands/import.ts';
import { openSource, type BadLine } from '../src/sources.ts';

const SHA = 'c0'.repeat(32);

/** What the stand-in answers for an event; `refused` comes without a receipt. */
const ANSWERS = ['applied', 'unchanged', 'conflict', 'absent', 'duplicate', 'refused'] as const;
type Reply = (typeof ANSWERS)[number];

const NEWEST = {
  snapshot: 2,
  time: '2026-11-24T12:00:00.000Z',
  merkle_root: SHA,
  versions: { root: 1, snapshot: 2, timestamp: 2 },
};

const APPLIED = { state: 'applied', snapshot: 2 };

function ledgerWith(conflict: string): Json {
  const shape = { ledger: 'a1', name: 'index', bins: 64, partitions: 4, delegation: 'succinct' };
  return { ...shape, policy: { conflict, classic_ms: null }, keeps_files: false };
}

/** Answers as a ledger does, with outcomes that the test chooses, and lists or does not list what is asked for. */
function standIn(replies: readonly Reply[], isListed: boolean, conflict: string): Access {
  let at = 0;
  const outcome = (index: number): { accepted: JsonObject[]; refused: JsonObject[] } => {
    const reply = replies[at++ % replies.length]!;
    if (reply === 'refused') {
      return { accepted: [], refused: [{ index, code: 'token.path', detail: 'not yours' }] };
    }
    const fates = {
      applied: { state: 'applied' },
      unchanged: { state: 'unchanged', code: 'unchanged' },
      duplicate: { state: 'unchanged', code: 'duplicate', first: { offset: at, index: 0 } },
    };
    const fate = reply in fates ? fates[reply as 'applied'] : { state: 'rejected', code: reply };
    const receipt = { partition: 0, offset: at, index: 0 };
    return { accepted: [{ index, receipt, fate: { ...fate, snapshot: 2 } }], refused: [] };
  };
  const answer = (path: string, body: string): Json => {
    if (path === '/v1/ledger') return ledgerWith(conflict);
    if (path === '/v1/snapshots/newest') return NEWEST;
    if (path.startsWith('/v1/receipts/')) {
      return path.endsWith('2/0') ? APPLIED : { state: 'rejected', code: 'conflict', snapshot: 2 };
    }
    if (path.startsWith('/v1/targets/')) {
      const target = { length: 1, hashes: { sha256: SHA } };
      const at = { snapshot: 2, role: 'bin-0', version: 1 };
      return { path: path.slice(12), ...at, target: isListed ? target : null };
    }
    const outcomes = body.split('\n').map((_, index) => outcome(index));
    return {
      accepted: outcomes.flatMap(({ accepted }) => accepted),
      refused: outcomes.flatMap(({ refused }) => refused),
    };
  };
  const ask: Access['ask'] = async (_, path, { body = '' } = {}) => ({
    status: 200,
    body: Buffer.from(JSON.stringify(answer(path, body))),
  });
  return {
    files: {} as Access['files'],
    firstRoot: async () => undefined,
    isRunning: true,
    ask,
    [Symbol.asyncDispose]: async () => {},
  };
}

const path = fc.constantFrom('a/1', 'a/2', 'a/3', '../up');
const line = fc.oneof(
  fc.record({ path, length: fc.constantFrom(1, 2), sha256: fc.constant(SHA) }),
  fc.record({ path, type: fc.constantFrom('target.removed', 'target.yanked') }),
  fc.record({
    path,
    length: fc.constant(1),
    sha256: fc.constant(SHA),
    custom: fc.constant({ a: 1 }),
  }),
  fc.record({ path, type: fc.constant('target.yanked'), id: fc.constant('mine') }),
  fc.record({ path, length: fc.constant(-1) }),
);

test('adds up to the lines read, dry or not', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { minLength: 1, maxLength: 20 }),
      fc.array(fc.constantFrom(...ANSWERS), { minLength: 1, maxLength: 20 }),
      fc.boolean(),
      fc.constantFrom('reject', 'replace'),
      fc.boolean(),
      async (lines, replies, isListed, conflict, dryRun) => {
        const text = lines.map((each) => JSON.stringify(each)).join('\n\n');
        const source = await openSource('-', { stdin: Readable.from([Buffer.from(text)]) });
        const options = { dryRun, output: new PassThrough().resume() };
        const told: BadLine[] = [];
        const access = standIn(replies, isListed, conflict);
        const account = await importFile(access, source, (bad) => told.push(bad), options);
        const { added, replaced, removed, yanked, unchanged, rejected, bad } = account;
        const refused = [...rejected.values(), ...bad.values()].reduce((a, b) => a + b, 0);
        expect(account.lines).toBe(lines.length);
        expect(added + replaced + removed + yanked + unchanged + refused).toBe(lines.length);
        expect(told.length).toBe(refused);
        expect(account.bytesRead).toBe(text.length);
      },
    ),
    { numRuns: 500 },
  );
});

test('lines about one path keep their order and never meet; the others do not wait for them', async () => {
  const PATHS = 1_500;
  const lines = Array.from({ length: 6_000 }, (_, i) => ({
    path: `a/${(i * i + 7 * i) % PATHS}`,
    type: 'target.yanked',
    id: `mine-${i}`,
  }));
  const honest = standIn(['applied'], true, 'reject');
  const underWay = new Set<string>();
  const order: string[] = [];
  let bodies = 0;
  const access: Access = {
    ...honest,
    ask: async (method, path, options) => {
      const body = options?.body;
      if (body === undefined) return honest.ask(method, path);
      const events = body
        .split('\n')
        .map((each) => JSON.parse(each) as { path: string; id: string });
      for (const event of events) {
        expect(underWay.has(event.path)).toBe(false);
        underWay.add(event.path);
        order.push(event.id);
      }
      await new Promise((resolve) => setTimeout(resolve, (bodies++ * 7) % 11));
      for (const event of events) underWay.delete(event.path);
      return honest.ask(method, path, options);
    },
  };
  const text = lines.map((each) => JSON.stringify(each)).join('\n');
  const source = await openSource('-', { stdin: Readable.from([Buffer.from(text)]) });
  const output = new PassThrough().resume();
  const account = await importFile(access, source, () => undefined, { output });
  expect(account.yanked).toBe(lines.length);
  const placeOf = new Map(order.map((id, place) => [id, place]));
  const last = new Map<string, number>();
  for (const { path, id } of lines) {
    expect(placeOf.get(id)).toBeGreaterThan(last.get(path) ?? -1);
    last.set(path, placeOf.get(id)!);
  }
  const perPath = [...Map.groupBy(lines, ({ path }) => path).values()];
  const most = Math.max(...perPath.map(({ length }) => length));
  expect(bodies).toBeLessThan(most + lines.length / 500);
});
