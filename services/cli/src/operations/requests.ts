/**
 * Requests as they are observed: a middleware that times them until the last byte has left, and notes that
 * routes leave on the way. It touches no body and copies no answer, so what is served fast stays fast.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context, MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import type { RequestReport, UploadNote } from './observer.ts';

interface Notes {
  readonly id: string;
  readonly route: string;
  subject: string | undefined;
  code: string | undefined;
  uploads: UploadNote | undefined;
}

/** A proxy's own id is kept, so that its log and this one can be held together. */
const FOREIGN_ID = /^[A-Za-z0-9._-]{1,64}$/;
const NOTES = 'notes';

/** Tells of each request that came over a listener. */
export function observeRequests(
  listener: RequestReport['listener'],
  observe: (report: RequestReport) => void,
): MiddlewareHandler {
  return async (context, next) => {
    const { incoming, outgoing } = sides(context);
    // Asked from within this process: nobody has to be told.
    if (incoming === undefined || outgoing === undefined) return next();
    const started = performance.now();
    const { socket } = incoming;
    const sentBefore = socket.bytesWritten;
    const notes = newNotes(context.req.header('x-request-id'), routeOf(context));
    context.set(NOTES, notes);
    outgoing.setHeader('x-request-id', notes.id);
    outgoing.once('close', () => {
      observe({
        ...notes,
        listener,
        method: context.req.method,
        status: outgoing.headersSent ? outgoing.statusCode : 0,
        ms: performance.now() - started,
        bytes: Math.max(0, socket.bytesWritten - sentBefore),
      });
    });
    await next();
  };
}

/** The id of the request at hand; undefined where it did not come over a listener. */
export function requestIdOf(context: Context): string | undefined {
  return notesOf(context)?.id;
}

/** On whose behalf it comes. */
export function noteSubject(context: Context, subject: string): void {
  const notes = notesOf(context);
  if (notes !== undefined) notes.subject = subject;
}

/** The code with which it is refused, or fails. */
export function noteCode(context: Context, code: string): void {
  const notes = notesOf(context);
  if (notes !== undefined) notes.code = code;
}

/** What became of the events that it brought. */
export function noteUploads(
  context: Context,
  accepted: number,
  refusals: readonly { readonly code: string }[],
  parseMs: number,
): void {
  const notes = notesOf(context);
  if (notes === undefined) return;
  const refused = new Map<string, number>();
  for (const { code } of refusals) refused.set(code, (refused.get(code) ?? 0) + 1);
  notes.uploads = { accepted, refused, parseMs };
}

/** The pattern of the last that matched; what matches everything is no route. */
function routeOf(context: Context): string {
  const route = routePath(context, -1);
  return route === '*' || route === '/*' ? 'none' : route;
}

function newNotes(foreign: string | undefined, route: string): Notes {
  const id = foreign !== undefined && FOREIGN_ID.test(foreign) ? foreign : randomUUID();
  return { id, route, subject: undefined, code: undefined, uploads: undefined };
}

function notesOf(context: Context): Notes | undefined {
  return context.get(NOTES) as Notes | undefined;
}

/** Node's own request and response, where there are any. */
export function sides(context: Context): { incoming?: IncomingMessage; outgoing?: ServerResponse } {
  return (context.env ?? {}) as { incoming?: IncomingMessage; outgoing?: ServerResponse };
}
