/** What the Merkle map says of roles, with its proof: a TAP 16 file for one, a multiproof for several. */
import { createRoute, z } from '@hono/zod-openapi';
import { partitionOfSlot, slotOfRole } from '@tidemark/bin';
import { fromHex, parseJson, RejectedInput, type JsonObject } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import { combineRoots, makeMultiproof, makeTap16File, type ProvedSlot } from '@tidemark/merkle';
import type { Context } from 'hono';
import type { Engine } from '../engine/engine.ts';
import { FileAnswers, FOR_EVER, FOR_SECONDS } from './answer.ts';
import {
  type App,
  FAULTS,
  json,
  JSON_FILE,
  NOT_MODIFIED,
  problemIn,
  problemWith,
} from './document.ts';
import { BodyMemory, bodyOf, type BodyLimits } from './requestBody.ts';
import { multiproofSchema, tap16Schema } from './schemas.ts';

/** In one question. */
const ROLES_MAX = 256;
/** As long as a file's name may be. */
const ROLE = /^[a-z0-9._-]{1,128}$/;
const ROOT = /^[0-9a-f]{64}$/;

/** Anybody may ask, so little may be sent. */
const LIMITS: BodyLimits = {
  bodyBytesMax: 64 << 10,
  bodyMsMax: 15_000,
  silenceMsMax: 5_000,
};
/** For the bodies of all who ask at once. */
const BODIES_BYTES_MAX = 16 << 20;

const root = z.string().openapi({ description: 'merkle_root of a timestamp' });

const FILE_ROUTE = createRoute({
  method: 'get',
  path: `/merkle/{root}/{file}${JSON_FILE}`,
  tags: ['tuf'],
  summary: 'TAP 16: a role’s entry in the Merkle map, and its path to the root',
  description: 'For a role that the map does not have, this proves that.',
  request: {
    params: z.object({ root, file: z.string().openapi({ example: 'snapshot.json' }) }),
  },
  responses: {
    200: json('The file; it never changes.', tap16Schema),
    304: NOT_MODIFIED,
    404: problemWith('http.not_found', 'view.past'),
    ...FAULTS,
  },
});

const questionSchema = z
  .strictObject({ roles: z.array(z.string().regex(ROLE)).min(1).max(ROLES_MAX) })
  .openapi('MerkleQuestion');

const PROOFS_ROUTE = createRoute({
  method: 'post',
  path: '/merkle/{root}/proofs',
  tags: ['tuf'],
  summary:
    'The entries of several roles in the Merkle map, and what leads from all of them to the root',
  description:
    'Roles without `.json`. Hashes that the paths have in common come once. For roles that the map does not have, ' +
    'this proves that.',
  request: {
    params: z.object({ root }),
    // Only described here: what is sent is read within bounds of size and time.
    body: {
      required: true,
      content: { 'application/json': { schema: { $ref: '#/components/schemas/MerkleQuestion' } } },
    },
  },
  responses: {
    200: json('The same for ever for the same roles.', multiproofSchema),
    304: NOT_MODIFIED,
    400: problemWith('http.parameter'),
    404: problemWith('http.not_found', 'view.past'),
    408: problemWith('http.slow'),
    413: problemWith('http.too_large'),
    415: problemWith('http.encoding'),
    422: problemIn(z.string().regex(/^json\./), 'What was sent is no JSON.'),
    429: problemWith('http.bodies'),
    ...FAULTS,
  },
});

export function addMerkle(app: App, engine: Engine): void {
  const answers = new FileAnswers();
  const limits = { ...LIMITS, memory: new BodyMemory(BODIES_BYTES_MAX) };
  app.openAPIRegistry.register('MerkleQuestion', questionSchema);
  app.openapi(FILE_ROUTE, async (context) => {
    const { root: merkleRoot, file } = context.req.valid('param');
    const make = (): Promise<Uint8Array | undefined> => tap16(engine, merkleRoot, file);
    const kind = { type: 'application/json', cacheControl: FOR_EVER } as const;
    return answers.named(context, `merkle/${merkleRoot}/${file}`, make, kind);
  });
  app.openapi(PROOFS_ROUTE, async (context) => {
    const { root: merkleRoot } = context.req.valid('param');
    const proved = await provedSlots(engine, merkleRoot, await rolesIn(context, limits));
    const kind = { type: 'application/json', cacheControl: FOR_SECONDS } as const;
    return answers.file(context, proved && makeMultiproof(proved), kind);
  });
}

/** @throws RejectedInput `http.parameter`, `json.*`, and as `bodyOf` */
async function rolesIn(context: Context, limits: BodyLimits): Promise<readonly string[]> {
  const question = questionSchema.safeParse(parseJson(await bodyOf(context, limits)));
  if (question.success) return question.data.roles;
  throw new RejectedInput('http.parameter', z.prettifyError(question.error));
}

/** The TAP 16 file `ROLE.json` under a root that was published; undefined for another root. */
async function tap16(
  engine: Engine,
  merkleRoot: string,
  file: string,
): Promise<Uint8Array | undefined> {
  const role = file.endsWith('.json') ? file.slice(0, -'.json'.length) : '';
  if (!ROLE.test(role)) return undefined;
  const [proved] = (await provedSlots(engine, merkleRoot, [role])) ?? [];
  return proved && makeTap16File(proved.slot, proved.contents, proved.path);
}

/** The slots of roles under a root that was published; undefined for another root. */
async function provedSlots(
  engine: Engine,
  merkleRoot: string,
  roles: readonly string[],
): Promise<readonly ProvedSlot[] | undefined> {
  const n = ROOT.test(merkleRoot) ? engine.publisher.snapshotOfRoot(merkleRoot) : undefined;
  const row = n === undefined ? undefined : engine.publisher.snapshot(n);
  if (row === undefined) return undefined;
  const { paths } = combineRoots(row.leaf.partitions.map(({ map }) => fromHex(map)));
  const byPartition = Map.groupBy(roles, (role) => partitionOf(engine, role));
  const proved = await Promise.all(
    [...byPartition].map(async ([partition, some]) => {
      const slots = await engine.shards.proofs(partition, some, row.n);
      return slots.map(({ slot, contents, path }) => ({
        slot,
        contents: parseJson(contents) as JsonObject,
        path: [...path, ...paths[partition]!],
      }));
    }),
  );
  return proved.flat();
}

function partitionOf({ genesis }: Engine, role: string): number {
  const slot = slotOfRole(role, genesis, genesis.slot_bits, sha256HexNative);
  return partitionOfSlot(slot, genesis.slot_bits, Math.log2(genesis.partitions));
}
