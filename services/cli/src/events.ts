/** Events from outside: one, a JSON array or NDJSON, each judged for itself. */
import {
  OperatingFault,
  parseJson,
  RejectedInput,
  type Json,
  type JsonObject,
} from '@tidemark/canonical';
import { parseEvent, type Event } from '@tidemark/event';
import type { Receipt } from '@tidemark/intake';
import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Engine } from './engine.ts';
import { noteUploads } from './operations/requests.ts';
import { bodyOf } from './requestBody.ts';
import { tooMany } from './problem.ts';

/** Who asks, and what for. */
export interface Caller {
  /** Goes into the batches. */
  readonly subject: string;
  mayUpload(path: string): boolean;
  /** Takes so many events from the caller's rate. @returns 0, or the seconds after which they fit */
  take(events: number): number;
}

export interface EventLimits {
  /** Of one request. */
  readonly bodyBytesMax: number;
  /** In one request. */
  readonly eventsMax: number;
  /** For the whole body to arrive. */
  readonly bodyMsMax: number;
  /** Of arrays and objects inside each other. */
  readonly depthMax: number;
}

export const EVENT_LIMITS: EventLimits = {
  bodyBytesMax: 16 << 20,
  eventsMax: 10_000,
  bodyMsMax: 60_000,
  depthMax: 32,
};

const PENDING = { state: 'pending' } as const;

type Fate = ReturnType<Engine['publisher']['fate']>;

interface Refusal {
  readonly index: number;
  readonly code: string;
  readonly detail: string;
}

interface Judged {
  readonly events: Event[];
  /** Of each event, its place in the request. */
  readonly places: number[];
  readonly refusals: Refusal[];
}

/**
 * `POST /v1/events?wait=durable|published`: a receipt for each accepted event, a refusal for each other
 * one. 202 where any was accepted; 409 where a single one that was waited for came to nothing; 422 or 403
 * where none was accepted; 413, 415 for the request as a whole; 429 with `Retry-After`.
 */
export async function acceptEvents(
  engine: Engine,
  context: Context,
  caller: Caller,
  limits: EventLimits = EVENT_LIMITS,
): Promise<Response> {
  const wait = context.req.query('wait') ?? 'durable';
  if (wait !== 'durable' && wait !== 'published') {
    throw new RejectedInput('http.wait', 'wait is durable or published');
  }
  const body = await bodyOf(context, limits.bodyBytesMax, limits.bodyMsMax);
  const items = itemsOf(body, context.req.header('content-type') ?? '', limits);
  const judged = judge(items, context.req.header('idempotency-key'), caller);
  const { events, places, refusals } = judged;
  const after = caller.take(events.length);
  if (after > 0) return tooMany(context, 'rate.subject', 'more than this token may send', after);
  const receipts = await submitted(engine, events, caller);
  if (!Array.isArray(receipts)) {
    return tooMany(context, 'intake.busy', receipts.message, engine.intake.busySeconds);
  }
  noteUploads(context, receipts.length, refusals);
  if (wait === 'published') await published(engine, receipts);
  const accepted = receipts.map((receipt, i) => ({
    index: places[i]!,
    receipt,
    // What is only durable has no outcome yet, and needs no publisher that could say so.
    fate: wait === 'published' ? engine.publisher.fate(receipt) : PENDING,
  }));
  const status = statusOf(
    refusals,
    accepted.map(({ fate }) => fate),
  );
  return context.json({ accepted, refused: refusals }, status, { 'cache-control': 'no-store' });
}

/** Receipts, or the fault that says that too much is waiting already. */
async function submitted(
  engine: Engine,
  events: readonly Event[],
  { subject }: Caller,
): Promise<Receipt[] | OperatingFault> {
  try {
    return await engine.submit(events, subject);
  } catch (error) {
    if (error instanceof OperatingFault && error.code === 'intake.busy') return error;
    throw error;
  }
}

/** Resolves once a visible snapshot covers every receipt. */
async function published(engine: Engine, receipts: readonly Receipt[]): Promise<void> {
  await engine.untilVisible(() => {
    const vector = engine.publisher.visible?.vector ?? [];
    return receipts.every(({ partition, offset }) => (vector[partition] ?? 0) > offset);
  });
}

function statusOf(refusals: readonly Refusal[], fates: readonly Fate[]): ContentfulStatusCode {
  if (fates.length === 1 && refusals.length === 0 && fates[0]!.state === 'rejected') return 409;
  if (fates.length > 0) return 202;
  return refusals.length > 0 && refusals.every(({ code }) => code === 'token.path') ? 403 : 422;
}

function itemsOf(body: Uint8Array, type: string, limits: EventLimits): (Json | RejectedInput)[] {
  const { eventsMax } = limits;
  const [media] = type.toLowerCase().split(';');
  const items = media === 'application/x-ndjson' ? linesOf(body, limits) : valuesOf(body, limits);
  if (items.length === 0) throw new RejectedInput('http.empty', 'there is no event in this');
  if (items.length > eventsMax) {
    throw new RejectedInput('http.too_many', `more than ${eventsMax} events; send them in parts`);
  }
  return items;
}

function valuesOf(body: Uint8Array, limits: EventLimits): Json[] {
  const json = jsonOf(body, limits);
  return Array.isArray(json) ? [...(json as readonly Json[])] : [json];
}

function linesOf(body: Uint8Array, limits: EventLimits): (Json | RejectedInput)[] {
  const items: (Json | RejectedInput)[] = [];
  for (let from = 0; from < body.length && items.length <= limits.eventsMax;) {
    const newline = body.indexOf(0x0a, from);
    const end = newline < 0 ? body.length : newline;
    if (end > from) items.push(parsed(body.subarray(from, end), limits));
    from = end + 1;
  }
  return items;
}

function jsonOf(bytes: Uint8Array, { bodyBytesMax, depthMax }: EventLimits): Json {
  return parseJson(bytes, { bytesMax: bodyBytesMax, depthMax });
}

function parsed(line: Uint8Array, limits: EventLimits): Json | RejectedInput {
  try {
    return jsonOf(line, limits);
  } catch (error) {
    if (error instanceof RejectedInput) return error;
    throw error;
  }
}

function judge(
  items: readonly (Json | RejectedInput)[],
  key: string | undefined,
  caller: Caller,
): Judged {
  const judged: Judged = { events: [], places: [], refusals: [] };
  items.forEach((item, index) => {
    try {
      if (item instanceof RejectedInput) throw item;
      const event = parseEvent(items.length === 1 ? withKey(item, key) : item);
      if (!caller.mayUpload(event.path)) {
        throw new RejectedInput('token.path', `this token does not allow to upload ${event.path}`);
      }
      judged.events.push(event);
      judged.places.push(index);
    } catch (error) {
      if (!(error instanceof RejectedInput)) throw error;
      judged.refusals.push({ index, code: error.code, detail: error.message });
    }
  });
  return judged;
}

/** An `Idempotency-Key` header is the id of a single event. */
function withKey(item: Json, key: string | undefined): Json {
  if (key === undefined || typeof item !== 'object' || item === null || Array.isArray(item)) {
    return item;
  }
  if ('id' in item && item['id'] !== key) {
    throw new RejectedInput('event.id', 'its id and the Idempotency-Key differ');
  }
  return { ...(item as JsonObject), id: key };
}
