/**
 * What a running ledger answers: TUF metadata, TAP 16 files and targets for everybody; events and
 * reads for the commands that talk to it through the socket in its folder.
 *
 * Everything versioned is immutable and made from state when asked for; only timestamp.json changes.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fromHex, parseJson, RejectedInput, utf8, type JsonObject } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import {
  binOfRole,
  partitionOfBin,
  partitionOfPathHash,
  partitionOfSlot,
  slotOfRole,
} from '@tidemark/bin';
import { OFFLINE_ROLES } from '@tidemark/ledger';
import { combineRoots, makeTap16File } from '@tidemark/merkle';
import { binRoleName } from '@tidemark/tuf';
import { Hono, type Context, type MiddlewareHandler } from 'hono';
import type { Engine } from './engine.ts';
import { acceptEvents, type Caller } from './events.ts';
import { localMetrics, publicMetrics, type Operations } from './operations/metricRoutes.ts';
import { observeRequests } from './operations/requests.ts';
import { problem, problemOf } from './problem.ts';
import { reasonsAgainst, vitalsOf } from './ready.ts';
import { statusOf } from './status.ts';
import type { Uploads } from './uploads.ts';

const FOR_EVER = 'public, max-age=31536000, immutable';
const FOR_SECONDS = 'public, max-age=1';
const TIMESTAMPS = new Set(['timestamp.json']);

/** The routes that anybody may ask, and those that need a token. */
export function publicApp(engine: Engine, uploads: Uploads, operations: Operations): Hono {
  const app = readApp(engine, observeRequests('public', operations.request));
  publicMetrics(app, operations, uploads);
  app.post('/v1/events', async (context) =>
    acceptEvents(engine, context, await uploads.callerOf(context), uploads.limits),
  );
  app.get('/v1/status', async (context) => {
    await uploads.demandAdmin(context);
    return context.json(await statusOf(engine));
  });
  return app;
}

/** The same for the ledger's own commands: who can open its socket may do everything. */
export function localApp(engine: Engine, operations?: Operations): Hono {
  const app = readApp(engine, observeRequests('socket', operations?.request));
  localMetrics(app, operations);
  app.post('/v1/events', async (context) => acceptEvents(engine, context, OWNER));
  app.get('/v1/status', async (context) => context.json(await statusOf(engine)));
  return app;
}

/** The ledger's owner, through the socket that nobody else can open. */
const OWNER: Caller = { subject: 'local', mayUpload: () => true, take: () => 0 };

function readApp(engine: Engine, observed: MiddlewareHandler): Hono {
  const app = new Hono();
  app.use(observed);
  app.onError(problemOf);
  app.notFound((context) => problem(context, 404, 'http.not_found', 'there is nothing here'));
  app.get('/', (context) => context.text(welcome(engine)));
  app.get('/healthz', (context) => context.text('ok\n'));
  app.get('/readyz', (context) => {
    const reasons = reasonsAgainst(vitalsOf(engine), Date.now());
    const ready = reasons.length === 0;
    return context.json({ ready, reasons }, ready ? 200 : 503, { 'cache-control': 'no-store' });
  });
  app.get('/metadata/:name', (context) => metadata(engine, context, context.req.param('name')));
  app.get('/log/checkpoint', async (context) =>
    mutable(context, await engine.store.get('checkpoint'), 'text/plain; charset=utf-8'),
  );
  app.get('/merkle/:root/:file', async (context) => {
    const { root, file } = context.req.param();
    const bytes = await tap16(engine, root, file.replace(/\.json$/, ''));
    return immutable(context, bytes, 'application/json');
  });
  app.get('/targets/*', async (context) => target(engine, context));
  app.get('/v1/receipts/:partition/:offset/:index', (context) => {
    const { partition, offset, index } = context.req.param();
    const receipt = { partition: Number(partition), offset: Number(offset), index: Number(index) };
    return context.json(engine.publisher.fate(receipt));
  });
  app.get('/v1/targets/*', async (context) => {
    const path = decodeURIComponent(new URL(context.req.url).pathname.slice('/v1/targets/'.length));
    const at = context.req.query('at');
    return context.json(await targetOf(engine, path, at === undefined ? undefined : Number(at)));
  });
  return app;
}

async function metadata(engine: Engine, context: Context, name: string): Promise<Response> {
  if (TIMESTAMPS.has(name))
    return mutable(context, await engine.store.get(name), 'application/json');
  const [, number, role] = /^([1-9]\d{0,15})\.([a-z0-9._-]+)\.json$/.exec(name) ?? [];
  if (number === undefined || role === undefined) return context.notFound();
  return immutable(context, await roleFile(engine, role, Number(number)), 'application/json');
}

/** Any version of any role that is visible; undefined where there is none. */
async function roleFile(
  engine: Engine,
  role: string,
  version: number,
): Promise<Uint8Array | undefined> {
  if (role === 'timestamp') {
    const row = engine.publisher.snapshot(version);
    return row && utf8(row.timestamp);
  }
  const bin = binOfRole(role, engine.genesis);
  if (bin === undefined) return engine.store.get(`${version}.${role}.json`);
  const visible = engine.publisher.visible?.n ?? 0;
  const partition = partitionOfBin(bin, engine.genesis.bits, Math.log2(engine.genesis.partitions));
  return engine.shards.file(partition, role, version, visible);
}

/** The TAP 16 file of a role under a root that was published; undefined for another root. */
async function tap16(
  engine: Engine,
  merkleRoot: string,
  role: string,
): Promise<Uint8Array | undefined> {
  if (!/^[0-9a-f]{64}$/.test(merkleRoot) || !/^[a-z0-9._-]{1,128}$/.test(role)) return undefined;
  const n = engine.publisher.snapshotOfRoot(merkleRoot);
  const row = n === undefined ? undefined : engine.publisher.snapshot(n);
  if (row === undefined) return undefined;
  const { genesis } = engine;
  const slot = slotOfRole(role, genesis, genesis.slot_bits, sha256HexNative);
  const partition = partitionOfSlot(slot, genesis.slot_bits, Math.log2(genesis.partitions));
  const proof = await engine.shards.proof(partition, role, row.n);
  const { paths } = combineRoots(row.maps.map(fromHex));
  const contents = parseJson(utf8(proof.contents)) as JsonObject;
  return makeTap16File(proof.slot, contents, [...proof.path, ...paths[partition]!]);
}

/** What a snapshot, by default the newest, lists for a path, and where. */
async function targetOf(engine: Engine, path: string, at: number | undefined): Promise<JsonObject> {
  const { genesis } = engine;
  const visible = engine.publisher.visible?.n ?? 0;
  const snapshot = at ?? visible;
  if (!(snapshot >= 1 && snapshot <= visible)) {
    throw new RejectedInput('snapshot.unknown', `there is no snapshot ${snapshot}`);
  }
  const hash = sha256HexNative(path);
  const partition = partitionOfPathHash(hash, Math.log2(genesis.partitions));
  const { bin, version, value } = await engine.shards.target(partition, path, snapshot);
  const role = binRoleName(genesis.prefix, genesis.bits, bin);
  const target = value === undefined ? null : (parseJson(utf8(value)) as JsonObject);
  return { path, snapshot, role, version, target };
}

/** `DIR/SHA256.NAME` and `SHA256.DIR/NAME`: the bytes, where the ledger also keeps them. */
async function target(engine: Engine, context: Context): Promise<Response> {
  const path = new URL(context.req.url).pathname.slice('/targets/'.length);
  const sha256 =
    /(?:^|\/)([0-9a-f]{64})\.[^/]+$/.exec(path)?.[1] ?? /^([0-9a-f]{64})\./.exec(path)?.[1];
  if (sha256 === undefined) return context.notFound();
  const file = join(engine.options.folder.objects, sha256.slice(0, 2), sha256);
  const facts = await stat(file).catch(() => undefined);
  if (facts === undefined) return context.notFound();
  const body = Readable.toWeb(createReadStream(file)) as ReadableStream;
  return new Response(body, {
    headers: {
      'content-type': 'application/octet-stream',
      'content-length': String(facts.size),
      'cache-control': FOR_EVER,
    },
  });
}

function immutable(context: Context, bytes: Uint8Array | undefined, type: string): Response {
  if (bytes === undefined) return notFound(context);
  return new Response(bytes as BodyInit, {
    headers: { 'content-type': type, 'cache-control': FOR_EVER },
  });
}

function mutable(context: Context, bytes: Uint8Array | undefined, type: string): Response {
  if (bytes === undefined) return notFound(context);
  const etag = `"${sha256HexNative(bytes).slice(0, 32)}"`;
  const headers = { 'content-type': type, 'cache-control': FOR_SECONDS, etag };
  if (context.req.header('if-none-match') === etag)
    return new Response(null, { status: 304, headers });
  return new Response(bytes as BodyInit, { headers });
}

/** 404 for what does not exist, and never anything else: other codes break clients that look for the next root. */
function notFound(context: Context): Response {
  return problem(context, 404, 'http.not_found', 'there is nothing here', {
    'cache-control': FOR_SECONDS,
  });
}

function welcome(engine: Engine): string {
  const { genesis, publisher } = engine;
  const row = publisher.visible;
  const roles = [...OFFLINE_ROLES, `${2 ** genesis.bits} bins`].join(', ');
  return (
    `Tidemark ledger ${genesis.name}\n\n` +
    `snapshot     ${row?.n ?? 'none yet'}\n` +
    `merkle root  ${row?.merkleRoot ?? '-'}\n` +
    `roles        ${roles}\n\n` +
    'TUF metadata is at /metadata/timestamp.json, targets below /targets/.\n'
  );
}
