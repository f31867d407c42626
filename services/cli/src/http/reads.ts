/** What is, what was and what became of an event, as JSON. */
import { partitionOfPathHash } from '@tidemark/bin';
import { parseJson, RejectedInput, utf8, type JsonObject } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import { binRoleName, checkTargetPath } from '@tidemark/tuf';
import type { Hono } from 'hono';
import type { Engine } from '../engine.ts';
import { numberIn } from './parameters.ts';

export function addReads(app: Hono, engine: Engine): void {
  app.get('/v1/receipts/:partition/:offset/:index', (context) => {
    const { partition, offset, index } = context.req.param();
    const receipt = {
      partition: numberIn(partition, 'partition'),
      offset: numberIn(offset, 'offset'),
      index: numberIn(index, 'index'),
    };
    if (receipt.partition >= engine.genesis.partitions) {
      throw new RejectedInput('receipt.unknown', `there is no partition ${partition}`);
    }
    return context.json(engine.publisher.fate(receipt), 200, { 'cache-control': 'no-store' });
  });
  app.get('/v1/targets/:path{.+}', async (context) => {
    const path = checkTargetPath(context.req.param('path'));
    const at = context.req.query('at');
    const snapshot = at === undefined ? undefined : numberIn(at, 'at');
    return context.json(await targetOf(engine, path, snapshot), 200, {
      'cache-control': 'no-store',
    });
  });
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
