/** `POST /v1/events`, declared: what it takes and every way in which it may be refused. */
import { createRoute, z } from '@hono/zod-openapi';
import type { Engine } from '../engine/engine.ts';
import type { Admission } from './app.ts';
import { type App, FAULTS, json, problemIn, problemWith } from './document.ts';
import { acceptEvents } from './events.ts';
import { eventId, eventSchema } from './eventSchema.ts';
import { uploadSchema } from './schemas.ts';

/** Only described here: events are read by hand, at the log's full rate, each with its own code. */
const EVENT = { $ref: '#/components/schemas/Event' };

const UPLOAD = createRoute({
  method: 'post',
  path: '/v1/events',
  tags: ['uploads'],
  summary: 'Makes events durable',
  description:
    'One event, an array of them, or NDJSON: a line each. Each is judged for itself. Lines are stored as they ' +
    'arrive: where the rest is too much (408, 413, 429, 503), `accepted` and `refused` stand in the problem ' +
    'document too, and the rest may be sent again.',
  security: [{ token: [] }],
  request: {
    query: z.object({
      wait: z
        .string()
        .optional()
        .openapi({ enum: ['durable', 'published'], description: 'What the answer waits for.' }),
    }),
    headers: z.object({
      'idempotency-key': z.string().optional().openapi({
        pattern: eventId.source,
        description: 'The id of a single event, which may then leave it out or has the same.',
      }),
    }),
    body: {
      required: true,
      content: {
        'application/json': {
          schema: { oneOf: [EVENT, { type: 'array', items: EVENT, minItems: 1 }] },
        },
        'application/x-ndjson': { schema: { type: 'string' } },
      },
    },
  },
  responses: {
    202: {
      ...json('Some or all are accepted.', uploadSchema),
      links: {
        fate: {
          operationId: 'receipt',
          description: 'What became of the first of them.',
          parameters: {
            partition: '$response.body#/accepted/0/receipt/partition',
            offset: '$response.body#/accepted/0/receipt/offset',
            index: '$response.body#/accepted/0/receipt/index',
          },
        },
      },
    },
    400: problemWith('http.parameter'),
    401: problemWith('token.absent', 'token.form', 'token.unknown', 'token.expired'),
    403: {
      description:
        'The token allows none of it: `token.scope`, or each is refused with `token.path`.',
      content: {
        ...json('', uploadSchema).content,
        ...problemWith('token.scope').content,
      },
    },
    408: problemWith('http.slow'),
    409: json('A single event that was waited for came to nothing.', uploadSchema),
    413: problemWith('http.too_large', 'http.too_many'),
    415: problemWith('http.encoding'),
    422: {
      description: 'None was accepted: each has its code, or all of it has one.',
      content: {
        ...json('', uploadSchema).content,
        ...problemIn(z.string().regex(/^(?:json\.|http\.(?:empty|wait|idempotency)$)/), '').content,
      },
    },
    429: problemWith('rate.subject', 'intake.busy', 'intake.ahead', 'http.bodies'),
    ...FAULTS,
  },
});

export function addUploads(app: App, engine: Engine, admission: Admission): void {
  app.openAPIRegistry.register('Event', eventSchema);
  app.openapi(UPLOAD, async (context) =>
    acceptEvents(engine, context, await admission.callerOf(context), admission.limits),
  );
}
