/** What is, what was and what became of an event, as JSON. */
import { createRoute, z } from '@hono/zod-openapi';
import { partitionOfPathHash } from '@tidemark/bin';
import { parseJson, RejectedInput } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import { binRoleName, checkTargetPath } from '@tidemark/tuf';
import type { Engine } from '../engine/engine.ts';
import {
  type App,
  FAULTS,
  json,
  problemIn,
  problemWith,
  WHOLE_PATH,
  wholeNumber,
} from './document.ts';
import { pathForm } from './eventSchema.ts';
import { fateSchema, listedSchema, targetSchema } from './schemas.ts';

const RECEIPT_ROUTE = createRoute({
  method: 'get',
  operationId: 'receipt',
  path: '/v1/receipts/{partition}/{offset}/{index}',
  tags: ['reads'],
  summary: 'What became of an event',
  request: {
    params: z.object({ partition: wholeNumber, offset: wholeNumber, index: wholeNumber }),
  },
  responses: {
    200: json('So far.', fateSchema),
    400: problemWith('http.parameter'),
    404: problemWith('receipt.unknown'),
    ...FAULTS,
  },
});

const TARGET_ROUTE = createRoute({
  method: 'get',
  path: `/v1/targets/{path}${WHOLE_PATH}`,
  tags: ['reads'],
  summary: 'What is listed for a path',
  request: {
    params: z.object({ path: z.string().openapi(pathForm) }),
    query: z.object({
      at: wholeNumber.optional().openapi({ description: 'A snapshot; the newest otherwise.' }),
    }),
  },
  responses: {
    200: json('What that snapshot lists.', listedSchema),
    400: problemIn(z.string().regex(/^(?:path\.|http\.parameter$)/), '`http.parameter`, `path.…`'),
    404: problemWith('snapshot.unknown', 'view.past'),
    ...FAULTS,
  },
});

export function addReads(app: App, engine: Engine): void {
  app.openapi(RECEIPT_ROUTE, async (context) => {
    const receipt = context.req.valid('param');
    const { partition, offset, index } = receipt;
    if (partition >= engine.genesis.partitions) {
      throw new RejectedInput('receipt.unknown', `there is no partition ${partition}`);
    }
    if (!(await engine.hasEventAt(receipt))) {
      const place = `${partition}/${offset}/${index}`;
      throw new RejectedInput('receipt.unknown', `there is no event at ${place}`);
    }
    return context.json(engine.publisher.fate(receipt), 200, { 'cache-control': 'no-store' });
  });
  app.openapi(TARGET_ROUTE, async (context) => {
    const path = checkTargetPath(context.req.valid('param').path);
    const { at } = context.req.valid('query');
    return context.json(await targetOf(engine, path, at), 200, { 'cache-control': 'no-store' });
  });
}

/** What a snapshot, by default the newest, lists for a path, and where. */
async function targetOf(engine: Engine, path: string, at: number | undefined) {
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
  const target = value === undefined ? null : (parseJson(value) as z.infer<typeof targetSchema>);
  return { path, snapshot, role, version, target };
}
