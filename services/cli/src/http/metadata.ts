/**
 * TUF metadata, TAP 16 files and the checkpoint. Everything versioned is immutable and made from state
 * when asked for; only timestamp.json and the checkpoint change.
 */
import { createRoute, z } from '@hono/zod-openapi';
import { binOfRole, partitionOfBin, partitionOfSlot, slotOfRole } from '@tidemark/bin';
import { fromHex, parseJson, utf8, type JsonObject } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import { OFFLINE_ROLES } from '@tidemark/ledger';
import { combineRoots, makeTap16File } from '@tidemark/merkle';
import type { Context } from 'hono';
import type { Engine } from '../engine/engine.ts';
import { FileAnswers, type FileKind, FOR_EVER, FOR_SECONDS } from './answer.ts';
import { type App, FAULTS, json, NOT_MODIFIED, problemWith, text } from './document.ts';
import { metadataSchema, tap16Schema } from './schemas.ts';

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

const MERKLE_ROUTE = createRoute({
  method: 'get',
  path: '/merkle/{root}/{file}',
  tags: ['tuf'],
  summary: 'TAP 16: a role’s entry in the Merkle map, and its path to the root',
  description: 'For a role that the map does not have, this proves that.',
  request: {
    params: z.object({
      root: z.string().openapi({ description: 'merkle_root of a timestamp' }),
      file: z.string().openapi({ example: 'snapshot.json' }),
    }),
  },
  responses: {
    200: json('The file; it never changes.', tap16Schema),
    304: NOT_MODIFIED,
    404: problemWith('http.not_found', 'view.past'),
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
  app.openapi(MERKLE_ROUTE, async (context) => {
    const { root, file } = context.req.valid('param');
    const make = (): Promise<Uint8Array | undefined> => tap16(engine, root, file);
    return answers.named(context, `merkle/${root}/${file}`, make, JSON_FOR_EVER);
  });
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

/** The TAP 16 file `ROLE.json` under a root that was published; undefined for another root. */
async function tap16(
  engine: Engine,
  merkleRoot: string,
  file: string,
): Promise<Uint8Array | undefined> {
  const [, role] = /^([a-z0-9._-]{1,128})\.json$/.exec(file) ?? [];
  if (role === undefined || !/^[0-9a-f]{64}$/.test(merkleRoot)) return undefined;
  const n = engine.publisher.snapshotOfRoot(merkleRoot);
  const row = n === undefined ? undefined : engine.publisher.snapshot(n);
  if (row === undefined) return undefined;
  const { genesis } = engine;
  const slot = slotOfRole(role, genesis, genesis.slot_bits, sha256HexNative);
  const partition = partitionOfSlot(slot, genesis.slot_bits, Math.log2(genesis.partitions));
  const proof = await engine.shards.proof(partition, role, row.n);
  const { paths } = combineRoots(row.leaf.partitions.map(({ map }) => fromHex(map)));
  const contents = parseJson(proof.contents) as JsonObject;
  return makeTap16File(proof.slot, contents, [...proof.path, ...paths[partition]!]);
}
