/**
 * TUF metadata, TAP 16 files and the checkpoint. Everything versioned is immutable and made from state
 * when asked for; only timestamp.json and the checkpoint change.
 */
import { binOfRole, partitionOfBin, partitionOfSlot, slotOfRole } from '@tidemark/bin';
import { fromHex, parseJson, utf8, type JsonObject } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import { OFFLINE_ROLES } from '@tidemark/ledger';
import { combineRoots, makeTap16File } from '@tidemark/merkle';
import type { Hono } from 'hono';
import type { Engine } from '../engine.ts';
import { FileAnswers, FOR_EVER, FOR_SECONDS } from './answer.ts';

const JSON_FOR_EVER = { type: 'application/json', cacheControl: FOR_EVER } as const;
const JSON_FOR_SECONDS = { type: 'application/json', cacheControl: FOR_SECONDS } as const;
const NOTE = { type: 'text/plain; charset=utf-8', cacheControl: FOR_SECONDS } as const;

const TIMESTAMP = 'timestamp.json';
/** Roles of which the publication store has the files. */
const STORED = new Set<string>(['root', 'snapshot', ...OFFLINE_ROLES]);

export function addMetadata(app: Hono, engine: Engine): void {
  const answers = new FileAnswers();
  app.get('/metadata/:name', async (context) => {
    const name = context.req.param('name');
    if (name !== TIMESTAMP)
      return answers.file(context, await versioned(engine, name), JSON_FOR_EVER);
    return answers.file(context, await engine.store.get(TIMESTAMP), JSON_FOR_SECONDS);
  });
  app.get('/log/checkpoint', async (context) =>
    answers.file(context, await engine.store.get('checkpoint'), NOTE),
  );
  app.get('/merkle/:root/:file', async (context) => {
    const { root, file } = context.req.param();
    return answers.file(context, await tap16(engine, root, file), JSON_FOR_EVER);
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
  const contents = parseJson(utf8(proof.contents)) as JsonObject;
  return makeTap16File(proof.slot, contents, [...proof.path, ...paths[partition]!]);
}
