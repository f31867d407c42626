/** Snapshots, and what they changed. */
import { createRoute, z } from '@hono/zod-openapi';
import { RejectedInput } from '@tidemark/canonical';
import type { SnapshotRow } from '@tidemark/publisher';
import type { Engine } from '../engine/engine.ts';
import { FOR_EVER, FOR_SECONDS } from './answer.ts';
import { changePage } from './changePages.ts';
import { ChangeStreams } from './changeStream.ts';
import { decodeCursor, encodeCursor, startOf } from './cursor.ts';
import { type App, FAULTS, json, NOT_MODIFIED, problemWith, wholeNumber } from './document.ts';
import { changePageSchema, snapshotSchema, streamedSchema } from './schemas.ts';

const CHANGES_MAX = 1_000;

/** What a snapshot's answer leads to. */
const SNAPSHOT_LINKS = {
  snapshot: {
    operationId: 'snapshot',
    parameters: { n: '$response.body#/snapshot' },
  },
  changes: {
    operationId: 'snapshotChanges',
    parameters: { n: '$response.body#/snapshot' },
  },
  later: {
    operationId: 'changes',
    description: 'What comes after it.',
    parameters: { after: '$response.body#/cursor' },
  },
};

const number = z.object({ n: wholeNumber.openapi({ description: 'A snapshot' }) });
const after = z.string().optional().openapi({ description: 'A cursor; the beginning otherwise.' });
const limit = wholeNumber
  .pipe(z.int().min(1).max(CHANGES_MAX))
  .default(CHANGES_MAX)
  .openapi({ type: 'integer', minimum: 1, maximum: CHANGES_MAX });

const NEWEST_ROUTE = createRoute({
  method: 'get',
  path: '/v1/snapshots/newest',
  tags: ['reads'],
  summary: 'The newest snapshot',
  responses: {
    200: { ...json('The snapshot.', snapshotSchema), links: SNAPSHOT_LINKS },
    304: NOT_MODIFIED,
    404: problemWith('snapshot.unknown'),
    ...FAULTS,
  },
});

const SNAPSHOT_ROUTE = createRoute({
  method: 'get',
  operationId: 'snapshot',
  path: '/v1/snapshots/{n}',
  tags: ['reads'],
  summary: 'A snapshot',
  request: { params: number },
  responses: {
    200: { ...json('The snapshot; it never changes.', snapshotSchema), links: SNAPSHOT_LINKS },
    304: NOT_MODIFIED,
    400: problemWith('http.parameter'),
    404: problemWith('snapshot.unknown', 'snapshot.void'),
    ...FAULTS,
  },
});

const SNAPSHOT_CHANGES_ROUTE = createRoute({
  method: 'get',
  operationId: 'snapshotChanges',
  path: '/v1/snapshots/{n}/changes',
  tags: ['reads'],
  summary: 'What a snapshot changed',
  request: { params: number, query: z.object({ after, limit }) },
  responses: {
    200: json('A page; it never changes.', changePageSchema),
    304: NOT_MODIFIED,
    400: problemWith('http.parameter', 'changes.cursor'),
    404: problemWith('snapshot.unknown', 'snapshot.void', 'view.past'),
    ...FAULTS,
  },
});

const CHANGES_ROUTE = createRoute({
  method: 'get',
  operationId: 'changes',
  path: '/v1/changes',
  tags: ['reads'],
  summary: 'What changed, in order',
  description:
    'With `Accept: text/event-stream` as server-sent events without an end, each as its schema says.',
  request: {
    query: z.object({ after, limit }),
    headers: z.object({
      'last-event-id': z.string().optional().openapi({ description: 'Of a stream: a cursor.' }),
    }),
  },
  responses: {
    200: {
      description: 'A page, or a stream.',
      content: {
        ...json('', changePageSchema).content,
        'text/event-stream': { schema: streamedSchema },
      },
      links: {
        next: {
          operationId: 'changes',
          description: 'The next page.',
          parameters: { after: '$response.body#/cursor' },
        },
      },
    },
    400: problemWith('http.parameter', 'changes.cursor'),
    404: problemWith('view.past'),
    429: problemWith('changes.listeners'),
    ...FAULTS,
  },
});

export function addSnapshots(app: App, engine: Engine): void {
  const streams = new ChangeStreams(engine);
  const { genesis } = engine;
  app.openapi(NEWEST_ROUTE, (context) => {
    const { visible } = engine.publisher;
    if (visible === undefined) throw unknown('newest');
    return context.json(snapshotJson(engine, visible), 200, { 'cache-control': FOR_SECONDS });
  });
  app.openapi(SNAPSHOT_ROUTE, (context) => {
    const row = snapshotOf(engine, context.req.valid('param').n);
    return context.json(snapshotJson(engine, row), 200, { 'cache-control': FOR_EVER });
  });
  app.openapi(SNAPSHOT_CHANGES_ROUTE, async (context) => {
    const { n } = snapshotOf(engine, context.req.valid('param').n);
    const { after, limit } = context.req.valid('query');
    const from = after === undefined ? startOf(n) : decodeCursor(genesis, after);
    if (from.n !== n) {
      throw new RejectedInput('changes.cursor', `this is no cursor of snapshot ${n}`);
    }
    const page = await changePage(engine, from, n, limit);
    return context.json(page, 200, { 'cache-control': FOR_EVER });
  });
  app.openapi(CHANGES_ROUTE, async (context) => {
    const isStream = /\btext\/event-stream\b/i.test(context.req.header('accept') ?? '');
    const query = context.req.valid('query');
    const seen = isStream ? context.req.valid('header')['last-event-id'] : undefined;
    const after = seen ?? query.after;
    const from = after === undefined ? startOf(1) : decodeCursor(genesis, after);
    if (isStream) return streams.open(context, from);
    const last = engine.publisher.visible?.n ?? 0;
    const page = await changePage(engine, from, last, query.limit);
    return context.json(page, 200, { 'cache-control': 'no-store', vary: 'Accept' });
  });
}

/** What the ledger keeps of a snapshot, with its leaf in the snapshot log as it is. */
function snapshotJson({ genesis }: Engine, row: SnapshotRow) {
  const { n, before, time, vector, merkleRoot, classic, leaf, checkpoint } = row;
  return {
    snapshot: n,
    before,
    time: new Date(time).toISOString(),
    merkle_root: merkleRoot,
    vector: [...vector],
    versions: { root: leaf.root, snapshot: classic, timestamp: n },
    leaf,
    checkpoint,
    // For the changes after this snapshot.
    cursor: encodeCursor(genesis, startOf(n + 1)),
  };
}

/** @throws RejectedInput `snapshot.unknown`, `snapshot.void` */
function snapshotOf({ publisher }: Engine, n: number): SnapshotRow {
  if (n < 1 || n > (publisher.visible?.n ?? 0)) throw unknown(String(n));
  const row = publisher.snapshot(n);
  if (row !== undefined) return row;
  throw new RejectedInput('snapshot.void', `number ${n} was declared void, and no snapshot has it`);
}

function unknown(name: string): RejectedInput {
  return new RejectedInput('snapshot.unknown', `there is no snapshot ${name}`);
}
