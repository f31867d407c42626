/**
 * The shape of an event, for the document: `parseEvent` judges events by hand, and tests hold the two together. Only
 * the bounds on all of `custom`, 4,096 bytes and 8 levels, are more than a schema can say.
 */
import { z } from '@hono/zod-openapi';
import { hex32Bytes } from './schemas.ts';

export const eventId = /^[A-Za-z0-9._-]{1,64}$/;
const PATH = /^[A-Za-z0-9_+~!-][A-Za-z0-9._+~!-]*(?:\/[A-Za-z0-9_+~!-][A-Za-z0-9._+~!-]*){0,15}$/;
const PATH_LENGTH_MAX = 512;
const WHOLE_MAX = { maximum: Number.MAX_SAFE_INTEGER };

/** How a target's path is written, for parameters that are judged elsewhere. */
export const pathForm = { pattern: PATH.source, maxLength: PATH_LENGTH_MAX };

type Custom = string | number | boolean | readonly Custom[] | { readonly [name: string]: Custom };

const customValue: z.ZodType<Custom> = z
  .lazy(() =>
    z.union([
      z.string().regex(/^[ -~]*$/),
      z.int().openapi({ minimum: Number.MIN_SAFE_INTEGER, ...WHOLE_MAX }),
      z.boolean(),
      z.array(customValue),
      customMembers(),
    ]),
  )
  .openapi('CustomValue');

/** Names like those of an array's items are put into another order by some clients. */
const CUSTOM_NAME = /^(?!(?:0|[1-9][0-9]*)$)[ -~]*$/;
/** A variable, since the type that is asked for does not have everything that JSON Schema does. */
const CUSTOM_NAMES = {
  description: 'Names are printable ASCII, and no numbers.',
  propertyNames: { type: 'string', pattern: CUSTOM_NAME.source },
} as const;

function customMembers() {
  return z.record(z.string().regex(CUSTOM_NAME), customValue).openapi(CUSTOM_NAMES);
}

const named = {
  id: z.string().regex(eventId).describe('Of your choice, a UUID say: makes a resend harmless.'),
  path: z.string().max(PATH_LENGTH_MAX).regex(PATH),
  expected: z
    .union([z.literal('absent'), z.int().positive().openapi(WHOLE_MAX), hex32Bytes])
    .optional()
    .describe('Applied only where this is held: no target, the version of its bin, its SHA-256.'),
};
const custom = customMembers()
  .refine((members) => Object.keys(members).length > 0)
  .openapi({ minProperties: 1 })
  .optional()
  .describe('Published as it is; at most 4,096 bytes and 8 levels.');

export const eventSchema = z
  .discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('target.added'),
      ...named,
      length: z.int().nonnegative().openapi(WHOLE_MAX).describe('In bytes.'),
      hashes: z.strictObject({ sha256: hex32Bytes }),
      custom,
    }),
    z.strictObject({ type: z.literal('target.removed'), ...named }),
    z.strictObject({ type: z.literal('target.yanked'), ...named, custom }),
  ])
  .openapi('Event');
