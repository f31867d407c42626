/** Events from outside: a JSON array or NDJSON, each judged for itself. */
import { parseJson, RejectedInput, type Json } from '@tidemark/canonical';
import { parseEvent, type Event } from '@tidemark/event';
import type { Receipt } from '@tidemark/intake';
import type { Context } from 'hono';
import type { Engine } from './engine.ts';

const BODY_BYTES_MAX = 16 << 20;
const EVENTS_MAX = 10_000;
/** Who asks, through the socket that only the ledger's owner can open. */
const LOCAL_SUBJECT = 'local';

const PENDING = { state: 'pending' } as const;

interface Refusal {
  readonly index: number;
  readonly code: string;
  readonly detail: string;
}

/**
 * `POST /v1/events?wait=durable|published`: 202 with a receipt for each accepted event and a refusal
 * for each other one, 422 where none was accepted, 413 for too much at once.
 */
export async function acceptEvents(engine: Engine, context: Context): Promise<Response> {
  const body = new Uint8Array(await context.req.arrayBuffer());
  if (body.length > BODY_BYTES_MAX) return context.json({ code: 'http.too_large' }, 413);
  const items = itemsOf(body, context.req.header('content-type') ?? '');
  if (items.length > EVENTS_MAX) return context.json({ code: 'http.too_many' }, 413);
  const { events, places, refusals } = judge(items);
  const receipts = await engine.submit(events, LOCAL_SUBJECT);
  const isAwaited = context.req.query('wait') === 'published';
  if (isAwaited) await published(engine, receipts);
  const accepted = receipts.map((receipt, i) => ({
    index: places[i]!,
    receipt,
    // What is only durable has no outcome yet, and needs no publisher that could say so.
    fate: isAwaited ? engine.publisher.fate(receipt) : PENDING,
  }));
  return context.json({ accepted, refused: refusals }, accepted.length > 0 ? 202 : 422);
}

/** Resolves once a visible snapshot covers every receipt. */
async function published(engine: Engine, receipts: readonly Receipt[]): Promise<void> {
  await engine.untilVisible(() => {
    const vector = engine.publisher.visible?.vector ?? [];
    return receipts.every(({ partition, offset }) => (vector[partition] ?? 0) > offset);
  });
}

function itemsOf(body: Uint8Array, type: string): (Json | RejectedInput)[] {
  if (!type.startsWith('application/x-ndjson')) {
    const json = parseJson(body);
    if (Array.isArray(json)) return [...(json as readonly Json[])];
    return [json];
  }
  const items: (Json | RejectedInput)[] = [];
  for (let from = 0; from < body.length;) {
    const newline = body.indexOf(0x0a, from);
    const end = newline < 0 ? body.length : newline;
    if (end > from) items.push(parsed(body.subarray(from, end)));
    from = end + 1;
  }
  return items;
}

function parsed(line: Uint8Array): Json | RejectedInput {
  try {
    return parseJson(line);
  } catch (error) {
    if (error instanceof RejectedInput) return error;
    throw error;
  }
}

function judge(items: readonly (Json | RejectedInput)[]): {
  events: Event[];
  places: number[];
  refusals: Refusal[];
} {
  const events: Event[] = [];
  const places: number[] = [];
  const refusals: Refusal[] = [];
  items.forEach((item, index) => {
    try {
      if (item instanceof RejectedInput) throw item;
      events.push(parseEvent(item));
      places.push(index);
    } catch (error) {
      if (!(error instanceof RejectedInput)) throw error;
      refusals.push({ index, code: error.code, detail: error.message });
    }
  });
  return { events, places, refusals };
}
