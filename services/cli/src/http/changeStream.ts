/**
 * Changes as they become visible: server-sent events, a page each.
 *
 * The next page is made when the one before has gone out, so a slow reader costs one page of memory; one
 * that reads nothing for long is cut off. How many listen at once is bounded.
 */
import type { HttpBindings } from '@hono/node-server';
import { utf8 } from '@tidemark/canonical';
import type { Context } from 'hono';
import type { Engine } from '../engine/engine.ts';
import { changePage } from './changePages.ts';
import { decodeCursor, encodeCursor, type Cursor } from './cursor.ts';
import { tooMany } from './problem.ts';

export interface StreamLimits {
  readonly listenersMax: number;
  /** Of one message. */
  readonly changesMax: number;
  /** Without a change, between two signs of life. */
  readonly heartbeatMs: number;
  /** Nothing is taken for so long: whoever listens has gone, and nobody told. */
  readonly stalledMs: number;
}

const LIMITS: StreamLimits = {
  listenersMax: 64,
  changesMax: 200,
  heartbeatMs: 15_000,
  stalledMs: 60_000,
};
const AGAIN_SECONDS = 30;

export class ChangeStreams {
  private readonly engine: Engine;
  private readonly limits: StreamLimits;
  private listeners = 0;

  constructor(engine: Engine, limits = LIMITS) {
    this.engine = engine;
    this.limits = limits;
  }

  /** Answers with every change from a cursor on, for as long as the client stays. */
  open(context: Context, from: Cursor): Response {
    const { listenersMax } = this.limits;
    if (this.listeners >= listenersMax) {
      const title = `${listenersMax} clients listen already; ask for pages, or come again`;
      return tooMany(context, 'changes.listeners', title, AGAIN_SECONDS);
    }
    const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-store' };
    if (context.req.method === 'HEAD') return new Response(null, { headers });
    return new Response(this.stream(context, from), { headers });
  }

  private stream(context: Context, from: Cursor): ReadableStream<Uint8Array> {
    const gone = new AbortController();
    const { outgoing } = (context.env ?? {}) as Partial<HttpBindings>;
    const watch = setTimeout(() => outgoing?.destroy(), this.limits.stalledMs).unref();
    this.listeners++;
    gone.signal.addEventListener('abort', () => {
      clearTimeout(watch);
      this.listeners--;
    });
    const messages = this.messages(from, gone.signal);
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          watch.refresh();
          try {
            const { value, done } = await messages.next();
            watch.refresh();
            if (done === true) controller.close();
            else controller.enqueue(utf8(value));
          } catch (error) {
            gone.abort();
            throw error;
          }
        },
        cancel: () => gone.abort(),
      },
      { highWaterMark: 0 },
    );
  }

  private async *messages(from: Cursor, gone: AbortSignal): AsyncGenerator<string, void> {
    const { engine } = this;
    const { changesMax, heartbeatMs } = this.limits;
    let id = encodeCursor(engine.genesis, from);
    yield position(id);
    while (!gone.aborted) {
      const last = engine.publisher.visible?.n ?? 0;
      const page = await changePage(engine, decodeCursor(engine.genesis, id), last, changesMax);
      id = page.cursor;
      if (page.changes.length > 0) yield message(id, page.changes);
      if (page.more) continue;
      const rest = AbortSignal.any([gone, AbortSignal.timeout(heartbeatMs)]);
      await engine.untilVisible(() => (engine.publisher.visible?.n ?? 0) > last, rest);
      if (rest.aborted) yield position(id);
    }
  }
}

function message(id: string, changes: unknown): string {
  return `event: changes\nid: ${id}\ndata: ${JSON.stringify({ changes })}\n\n`;
}

/** No event for whoever listens, but from here on they go on after a break. */
function position(id: string): string {
  return `id: ${id}\n\n`;
}
