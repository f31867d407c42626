/**
 * TUF metadata, TAP 16 files and the checkpoint. Everything versioned is immutable and made from state
 * when asked for; only timestamp.json and the checkpoint change.
 */
import { binOfRole, partitionOfBin, partitionOfSlot, slotOfRole } from '@tidemark/bin';
import { fromHex, parseJson, utf8, type JsonObject } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import { combineRoots, makeTap16File } from '@tidemark/merkle';
import type { Context, Hono } from 'hono';
import type { Engine } from '../engine.ts';
import { immutable, mutable } from './answer.ts';

const TIMESTAMP = 'timestamp.json';

export function addMetadata(app: Hono, engine: Engine): void {
  app.get('/metadata/:name', (context) => metadata(engine, context, context.req.param('name')));
  app.get('/log/checkpoint', async (context) =>
    mutable(context, await engine.store.get('checkpoint'), 'text/plain; charset=utf-8'),
  );
  app.get('/merkle/:root/:file', async (context) => {
    const { root, file } = context.req.param();
    const bytes = await tap16(engine, root, file.replace(/\.json$/, ''));
    return immutable(context, bytes, 'application/json');
  });
}

async function metadata(engine: Engine, context: Context, name: string): Promise<Response> {
  if (name === TIMESTAMP)
    return mutable(context, await engine.store.get(TIMESTAMP), 'application/json');
  const [, number, role] = /^([1-9]\d{0,15})\.([a-z0-9._-]+)\.json$/.exec(name) ?? [];
  const bytes =
    number === undefined || role === undefined
      ? undefined
      : await roleFile(engine, role, Number(number));
  return immutable(context, bytes, 'application/json');
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
