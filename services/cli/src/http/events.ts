/**
 * Events from outside: one, a JSON array or NDJSON, each judged for itself.
 *
 * They are stored in groups, a group while the next one arrives. So where an upload breaks off, or is too
 * much, what came before stands: the answer has its receipts beside the reason.
 */
import { OperatingFault, RejectedInput, type Json, type JsonObject } from '@tidemark/canonical';
import { parseEvent, type Event } from '@tidemark/event';
import type { Receipt } from '@tidemark/intake';
import type { Context } from 'hono';
import type { Engine } from '../engine/engine.ts';
import { noteUploads } from '../operations/requests.ts';
import { itemsOf, type Item, type ItemLimits } from './items.ts';
import { tellBeside, tooMany } from './problem.ts';

/** Who asks, and what for. */
export interface Caller {
  /** Goes into the batches. */
  readonly subject: string;
  mayUpload(path: string): boolean;
  /** Whether it may run ahead of the snapshots: it waits for them by itself. */
  readonly mayRunAhead: boolean;
  /** Takes so many events from the caller's rate. @returns 0, or the seconds after which they fit */
  take(events: number): number;
}

export const EVENT_LIMITS: ItemLimits = {
  bodyBytesMax: 16 << 20,
  eventsMax: 10_000,
  bodyMsMax: 60_000,
  silenceMsMax: 15_000,
  depthMax: 32,
};

/** Lines judged and stored at once, or a few more. */
const GROUP = 4_096;

const PENDING = { state: 'pending' } as const;

type Fate = ReturnType<Engine['publisher']['fate']>;

interface Accepted {
  /** The place among the request's events. */
  readonly index: number;
  readonly receipt: Receipt;
}

interface Refusal {
  readonly index: number;
  /** Of NDJSON, from 1. */
  readonly line?: number;
  readonly code: string;
  readonly detail: string;
}

/** Too much for now: nothing of this group was taken. */
interface Excess {
  readonly code: 'rate.subject' | 'intake.busy' | 'intake.ahead';
  readonly title: string;
  readonly afterSeconds: number;
}

/**
 * `POST /v1/events?wait=durable|published`: a receipt for each accepted event, a refusal for each other
 * one. 202 where any was accepted; 409 where a single one that was waited for came to nothing; 422 or 403
 * where none was accepted; 408, 413, 415 for the request as a whole; 429 with `Retry-After`. The last two
 * kinds also list what was accepted and refused before.
 */
export async function acceptEvents(
  engine: Engine,
  context: Context,
  caller: Caller,
  limits: ItemLimits,
) {
  const wait = context.req.query('wait') ?? 'durable';
  if (wait !== 'durable' && wait !== 'published') {
    throw new RejectedInput('http.wait', 'wait is durable or published');
  }
  const upload = new Upload(engine, caller, context.req.header('idempotency-key'));
  let excess: Excess | undefined;
  try {
    excess = await upload.take(itemsOf(context, limits));
  } catch (error) {
    if (!upload.isEmpty)
      tellBeside(
        context,
        upload.answer(() => PENDING),
      );
    throw error;
  } finally {
    noteUploads(context, upload.accepted.length, upload.refused, upload.parseMs);
  }
  if (excess !== undefined) {
    if (!upload.isEmpty)
      tellBeside(
        context,
        upload.answer(() => PENDING),
      );
    return tooMany(context, excess.code, excess.title, excess.afterSeconds);
  }
  if (wait === 'published')
    await published(
      engine,
      upload.accepted.map(({ receipt }) => receipt),
    );
  // What is only durable has no outcome yet, and needs no publisher that could say so.
  const fateOf = (receipt: Receipt): Fate =>
    wait === 'published' ? engine.publisher.fate(receipt) : PENDING;
  const answer = upload.answer(fateOf);
  const status = statusOf(
    upload.refused,
    answer.accepted.map(({ fate }) => fate),
  );
  return context.json(answer, status, { 'cache-control': 'no-store' });
}

/** One request's events on their way into the log. */
class Upload {
  readonly accepted: Accepted[] = [];
  readonly refused: Refusal[] = [];
  /** For judging all of it. */
  parseMs = 0;
  private readonly engine: Engine;
  private readonly caller: Caller;
  /** The id of a single event. */
  private readonly key: string | undefined;

  constructor(engine: Engine, caller: Caller, key: string | undefined) {
    this.engine = engine;
    this.caller = caller;
    this.key = key;
  }

  /** Whether nothing of it was stored. */
  get isEmpty(): boolean {
    return this.accepted.length === 0;
  }

  answer(fateOf: (receipt: Receipt) => Fate) {
    const accepted = this.accepted.map((each) => ({ ...each, fate: fateOf(each.receipt) }));
    return { accepted, refused: this.refused };
  }

  /** Stores what arrives, group by group. @returns what ended it before its end */
  async take(arriving: AsyncIterable<readonly Item[]>): Promise<Excess | undefined> {
    let storing: Promise<Excess | undefined> = Promise.resolve(undefined);
    let group: Item[] = [];
    try {
      for await (const items of arriving) {
        group.push(...items);
        // What came as one array is in memory as a whole: all of it is stored, or nothing.
        if (group.length < GROUP || group[0]!.line === undefined) continue;
        const excess = await storing;
        if (excess !== undefined) return excess;
        storing = this.store(group);
        // It is awaited later, and may fail before.
        storing.catch(() => undefined);
        group = [];
      }
    } finally {
      // Whatever ends the request: what is under way is told about.
      await storing;
    }
    const excess = await storing;
    return excess ?? this.store(group);
  }

  private async store(group: readonly Item[]): Promise<Excess | undefined> {
    const isSingle = group.length === 1 && group[0]!.index === 0;
    if (this.key !== undefined && !isSingle) {
      const title = 'an Idempotency-Key is the id of a single event; here are several';
      throw new RejectedInput('http.idempotency', title);
    }
    const started = performance.now();
    const { events, places } = this.judge(group);
    this.parseMs += performance.now() - started;
    if (events.length === 0) return undefined;
    const behind = this.caller.mayRunAhead ? 0 : this.engine.unseen.waitSeconds(performance.now());
    if (behind > 0) {
      const title = 'the snapshots are behind; come again later';
      return { code: 'intake.ahead', title, afterSeconds: behind };
    }
    const afterSeconds = this.caller.take(events.length);
    if (afterSeconds > 0) {
      return { code: 'rate.subject', title: 'more than this token may send', afterSeconds };
    }
    try {
      const receipts = await this.engine.submit(events, this.caller.subject);
      receipts.forEach((receipt, i) => this.accepted.push({ index: places[i]!, receipt }));
      return undefined;
    } catch (error) {
      if (!(error instanceof OperatingFault) || error.code !== 'intake.busy') throw error;
      const afterSeconds = this.engine.intake.busySeconds;
      return { code: 'intake.busy', title: error.message, afterSeconds };
    }
  }

  private judge(group: readonly Item[]): { events: Event[]; places: number[] } {
    const events: Event[] = [];
    const places: number[] = [];
    for (const { index, line, value } of group) {
      try {
        if (value instanceof RejectedInput) throw value;
        const event = parseEvent(withKey(value, this.key));
        if (!this.caller.mayUpload(event.path)) {
          throw new RejectedInput(
            'token.path',
            `this token does not allow to upload ${event.path}`,
          );
        }
        events.push(event);
        places.push(index);
      } catch (error) {
        if (!(error instanceof RejectedInput)) throw error;
        const { code, message: detail } = error;
        this.refused.push({ index, ...(line !== undefined && { line }), code, detail });
      }
    }
    return { events, places };
  }
}

/** Resolves once a visible snapshot covers every receipt. */
async function published(engine: Engine, receipts: readonly Receipt[]): Promise<void> {
  await engine.untilVisible(() => {
    const vector = engine.publisher.visible?.vector ?? [];
    return receipts.every(({ partition, offset }) => (vector[partition] ?? 0) > offset);
  });
}

function statusOf(refused: readonly Refusal[], fates: readonly Fate[]): 202 | 403 | 409 | 422 {
  if (fates.length === 1 && refused.length === 0 && fates[0]!.state === 'rejected') return 409;
  if (fates.length > 0) return 202;
  return refused.length > 0 && refused.every(({ code }) => code === 'token.path') ? 403 : 422;
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
