/** Snapshots, and what they changed. */
import { RejectedInput, type JsonObject } from '@tidemark/canonical';
import type { SnapshotRow } from '@tidemark/publisher';
import type { Context, Hono } from 'hono';
import { etag } from 'hono/etag';
import type { Engine } from '../engine.ts';
import { FOR_EVER, FOR_SECONDS } from './answer.ts';
import { changePage } from './changePages.ts';
import { ChangeStreams } from './changeStream.ts';
import { decodeCursor, encodeCursor, startOf } from './cursor.ts';
import { numberIn } from './parameters.ts';

const CHANGES_MAX = 1_000;

export function addSnapshots(app: Hono, engine: Engine): void {
  const streams = new ChangeStreams(engine);
  app.use('/v1/snapshots/*', etag());
  app.get('/v1/snapshots/newest', (context) => {
    const { visible } = engine.publisher;
    if (visible === undefined) throw unknown('newest');
    return context.json(snapshotJson(engine, visible), 200, { 'cache-control': FOR_SECONDS });
  });
  app.get('/v1/snapshots/:n', (context) => {
    const row = snapshotOf(engine, context.req.param('n'));
    return context.json(snapshotJson(engine, row), 200, { 'cache-control': FOR_EVER });
  });
  app.get('/v1/snapshots/:n/changes', async (context) => {
    const { n } = snapshotOf(engine, context.req.param('n'));
    const after = context.req.query('after');
    const from = after === undefined ? startOf(n) : decodeCursor(engine.genesis, after);
    if (from.n !== n)
      throw new RejectedInput('changes.cursor', `this is no cursor of snapshot ${n}`);
    const page = await changePage(engine, from, n, limitOf(context));
    return context.json(page, 200, { 'cache-control': FOR_EVER });
  });
  app.get('/v1/changes', async (context) => {
    const isStream = /\btext\/event-stream\b/i.test(context.req.header('accept') ?? '');
    const seen = isStream ? context.req.header('last-event-id') : undefined;
    const after = seen ?? context.req.query('after');
    const from = after === undefined ? startOf(1) : decodeCursor(engine.genesis, after);
    if (isStream) return streams.open(context, from);
    const last = engine.publisher.visible?.n ?? 0;
    const page = await changePage(engine, from, last, limitOf(context));
    return context.json(page, 200, { 'cache-control': 'no-store', vary: 'Accept' });
  });
}

/** What the ledger keeps of a snapshot, with its leaf in the snapshot log as it is. */
function snapshotJson({ genesis }: Engine, row: SnapshotRow): JsonObject {
  const { n, before, time, vector, merkleRoot, classic, leaf, checkpoint } = row;
  return {
    snapshot: n,
    before,
    time: new Date(time).toISOString(),
    merkle_root: merkleRoot,
    vector: [...vector],
    versions: { root: leaf.root, snapshot: classic, timestamp: n },
    leaf: leaf as unknown as JsonObject,
    checkpoint,
    // For the changes after this snapshot.
    cursor: encodeCursor(genesis, startOf(n + 1)),
  };
}

/** @throws RejectedInput `http.parameter`, `snapshot.unknown`, `snapshot.void` */
function snapshotOf({ publisher }: Engine, text: string): SnapshotRow {
  const n = numberIn(text, 'a snapshot');
  if (n < 1 || n > (publisher.visible?.n ?? 0)) throw unknown(text);
  const row = publisher.snapshot(n);
  if (row !== undefined) return row;
  throw new RejectedInput('snapshot.void', `number ${n} was declared void, and no snapshot has it`);
}

function unknown(text: string): RejectedInput {
  return new RejectedInput('snapshot.unknown', `there is no snapshot ${text}`);
}

/** @throws RejectedInput `http.parameter` */
function limitOf(context: Context): number {
  const text = context.req.query('limit');
  const limit = text === undefined ? CHANGES_MAX : numberIn(text, 'limit');
  if (limit >= 1 && limit <= CHANGES_MAX) return limit;
  throw new RejectedInput('http.parameter', `limit is a number from 1 to ${CHANGES_MAX}`);
}
