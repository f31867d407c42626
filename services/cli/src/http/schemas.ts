/** The shapes of what the ledger answers in JSON. */
import { z } from '@hono/zod-openapi';
import { leafSchema } from '@tidemark/event';

const count = z.int().nonnegative();
const time = z.iso.datetime();
export const hex32Bytes = z.string().regex(/^[0-9a-f]{64}$/);

const receiptSchema = z
  .object({
    partition: count,
    offset: count,
    index: count,
  })
  .describe('Where an event stands in the log.')
  .openapi('Receipt');

export const fateSchema = z
  .union([
    z.object({ state: z.literal('pending') }),
    z.object({ state: z.literal('applied'), snapshot: count }),
    z.object({
      state: z.enum(['unchanged', 'rejected']),
      snapshot: count,
      code: z.string().describe('Why it changed nothing.'),
      first: z
        .object({ offset: count, index: count })
        .optional()
        .describe('Of a duplicate: where the event was seen first.'),
    }),
  ])
  .describe('What became of an event.')
  .openapi('Fate');

/** A target as a role lists it. */
export const targetSchema = z
  .object({
    length: count,
    hashes: z.object({ sha256: hex32Bytes }),
    custom: z.record(z.string(), z.unknown()).optional(),
  })
  .openapi('Target');

export const listedSchema = z
  .object({
    path: z.string(),
    snapshot: count,
    role: z.string().describe('The bin that lists the path, or would.'),
    version: count.describe('Of that role; 0 before its first.'),
    target: targetSchema.nullable(),
  })
  .openapi('Listed');

export const snapshotSchema = z
  .object({
    snapshot: count,
    before: count.describe(
      'The snapshot before it; numbers between the two are void. 0 for the first.',
    ),
    time,
    merkle_root: hex32Bytes,
    vector: z
      .array(count)
      .describe('Of each partition of events, the offset behind the last one covered.'),
    versions: z.object({ root: count, snapshot: count, timestamp: count }),
    leaf: leafSchema,
    checkpoint: z.string().describe('Of the snapshot log with this leaf: a C2SP signed note.'),
    cursor: z.string().describe('For the changes after this snapshot.'),
  })
  .openapi('Snapshot');

const changeSchema = z
  .object({
    snapshot: count,
    time,
    role: z.string(),
    version: count.describe('Of that role from this snapshot on.'),
    path: z.string(),
    target: targetSchema.nullable().describe('null where it is not listed any more.'),
  })
  .openapi('Change');

export const changePageSchema = z
  .object({
    changes: z.array(changeSchema),
    cursor: z.string().describe('For the next page.'),
    more: z
      .boolean()
      .describe('Whether there is more now, even where this page is short or empty.'),
  })
  .openapi('ChangePage');

/** A variable, since the type that is asked for does not have everything that JSON Schema does. */
const STREAMED = {
  description: 'A JSON object with `changes`, as a page has them.',
  contentMediaType: 'application/json',
  contentSchema: {
    type: 'object',
    properties: { changes: { type: 'array', items: { $ref: '#/components/schemas/Change' } } },
    required: ['changes'],
  },
} as const;

/** A server-sent event; those without data only tell the position. */
export const streamedSchema = z
  .object({
    event: z.literal('changes'),
    id: z.string().describe('A cursor.'),
    data: z.string().openapi(STREAMED),
  })
  .openapi('StreamedChanges');

export const readySchema = z
  .object({
    ready: z.boolean(),
    reasons: z.array(z.object({ code: z.string(), detail: z.string() })),
  })
  .openapi('Ready');

export const ledgerSchema = z
  .object({
    ledger: z.string().describe('Its id.'),
    name: z.string(),
    bins: count,
    partitions: count,
    delegation: z.string(),
    policy: z.object({
      conflict: z
        .enum(['reject', 'replace'])
        .describe('`replace`: other content may take a path. `reject`: it may not.'),
      classic_ms: count
        .nullable()
        .describe('snapshot.json follows by so many ms at most; null: it is only renewed.'),
    }),
    keeps_files: z.boolean().describe('Whether the bytes of any target are below /targets/.'),
  })
  .openapi('Ledger');

/** By role. */
const expires = z.record(z.string(), time);
/** Why `/readyz` is red. */
const reasons = z.array(z.object({ code: z.string(), detail: z.string() }));

export const statusSchema = z
  .object({
    ledger: z.string(),
    name: z.string(),
    snapshot: count,
    snapshot_time: time.nullable(),
    merkle_root: hex32Bytes.nullable(),
    fault: z.string().nullable(),
    expires,
    reasons,
  })
  .catchall(z.union([z.string(), z.number(), z.null(), expires, reasons]))
  .openapi('Status');

/** A TUF file; the specification says what `signed` holds. */
export const metadataSchema = z
  .object({
    signatures: z.array(z.object({ keyid: hex32Bytes, sig: z.string() })),
    signed: z.looseObject({
      _type: z.enum(['root', 'targets', 'snapshot', 'timestamp']),
      version: z.int().positive(),
      spec_version: z.string(),
      expires: z.string(),
    }),
  })
  .openapi('Metadata');

export const tap16Schema = z
  .object({
    leaf_contents: z.record(z.string(), z.unknown()),
    merkle_path: z.record(z.string(), hex32Bytes),
    path_directions: z.record(z.string(), z.int().min(-1).max(1)),
  })
  .openapi('MerkleFile');

export const multiproofSchema = z
  .object({
    leaves: z.record(z.string(), z.record(z.string(), z.unknown())),
    siblings: z.array(hex32Bytes),
  })
  .openapi('MerkleMultiproof');

export const uploadSchema = z
  .object({
    accepted: z.array(
      z.object({
        index: count.describe('The place of the event in the request.'),
        receipt: receiptSchema,
        fate: fateSchema,
      }),
    ),
    refused: z.array(
      z.object({
        index: count,
        line: count.optional().describe('Of NDJSON: the line, from 1.'),
        code: z.string(),
        detail: z.string(),
      }),
    ),
  })
  .openapi('Upload');
