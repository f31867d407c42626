/**
 * TUF metadata and the checkpoint. Everything versioned is immutable and made from state when asked for;
 * only timestamp.json and the checkpoint change.
 */
import { createRoute, z } from '@hono/zod-openapi';
import { binOfRole, partitionOfBin } from '@tidemark/bin';
import { utf8 } from '@tidemark/canonical';
import { OFFLINE_ROLES } from '@tidemark/ledger';
import type { Context } from 'hono';
import type { Engine } from '../engine/engine.ts';
import { FileAnswers, type FileKind, FOR_EVER, FOR_SECONDS } from './answer.ts';
import { type App, FAULTS, json, NOT_MODIFIED, problemWith, text } from './document.ts';
import { metadataSchema } from './schemas.ts';

const JSON_FOR_EVER = { type: 'application/json', cacheControl: FOR_EVER } as const;
const JSON_FOR_SECONDS = { type: 'application/json', cacheControl: FOR_SECONDS } as const;
const NOTE = { type: 'text/plain; charset=utf-8', cacheControl: FOR_SECONDS } as const;

const TIMESTAMP = 'timestamp.json';
/** Roles of which the publication store has the files. */
const STORED = new Set<string>(['root', 'snapshot', ...OFFLINE_ROLES]);

const METADATA_ROUTE = createRoute({
  method: 'get',
  path: '/metadata/{name}',
  tags: ['tuf'],
  summary: 'A metadata file',
  description: '`timestamp.json`, or any version of any role: `N.ROLE.json`, which never changes.',
  request: {
    params: z.object({ name: z.string().openapi({ example: '1.root.json' }) }),
  },
  responses: {
    200: json('The file.', metadataSchema),
    304: NOT_MODIFIED,
    404: problemWith('http.not_found'),
    ...FAULTS,
  },
});

const CHECKPOINT_ROUTE = createRoute({
  method: 'get',
  path: '/log/checkpoint',
  tags: ['reads'],
  summary: 'The snapshot log’s newest checkpoint',
  responses: {
    200: text('A C2SP signed note.'),
    304: NOT_MODIFIED,
    404: problemWith('http.not_found'),
    ...FAULTS,
  },
});

export function addMetadata(app: App, engine: Engine): void {
  const answers = new FileAnswers();
  // Of files that each snapshot replaces there is one a snapshot, and it is published before it is visible.
  const newest = (context: Context, name: string, kind: FileKind): Promise<Response> => {
    const n = engine.publisher.visible?.n ?? 0;
    return answers.named(context, `newest/${n}/${name}`, () => engine.store.get(name), kind);
  };
  app.openapi(METADATA_ROUTE, async (context) => {
    const { name } = context.req.valid('param');
    if (name === TIMESTAMP) return newest(context, name, JSON_FOR_SECONDS);
    return answers.named(context, `metadata/${name}`, () => versioned(engine, name), JSON_FOR_EVER);
  });
  app.openapi(CHECKPOINT_ROUTE, async (context) => newest(context, 'checkpoint', NOTE));
}

/** The file `N.ROLE.json`; undefined where there is none of that name. */
async function versioned(engine: Engine, name: string): Promise<Uint8Array | undefined> {
  const [, number, role] = /^([1-9]\d{0,15})\.([a-z0-9-]+)\.json$/.exec(name) ?? [];
  const version = Number(number);
  if (role === undefined || !Number.isSafeInteger(version)) return undefined;
  return roleFile(engine, role, version);
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
  if (bin === undefined) {
    return STORED.has(role) ? engine.store.get(`${version}.${role}.json`) : undefined;
  }
  const visible = engine.publisher.visible?.n ?? 0;
  const partition = partitionOfBin(bin, engine.genesis.bits, Math.log2(engine.genesis.partitions));
  return engine.shards.file(partition, role, version, visible);
}
