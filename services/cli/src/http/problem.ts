/** RFC 9457 problem documents: each answer that is not what was asked for has a stable code. */
import { RequestError } from '@hono/node-server';
import { BrokenInvariant, OperatingFault, RejectedInput } from '@tidemark/canonical';
import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { noteCode, requestIdOf } from '../operations/requests.ts';

const HEADERS = { 'content-type': 'application/problem+json', 'cache-control': 'no-store' };

/** Codes of refusals that are not 422. */
const STATUSES: ReadonlyMap<string, ContentfulStatusCode> = new Map([
  ['changes.cursor', 400],
  ['http.parameter', 400],
  ['token.absent', 401],
  ['token.form', 401],
  ['token.unknown', 401],
  ['token.expired', 401],
  ['token.scope', 403],
  ['receipt.unknown', 404],
  ['snapshot.unknown', 404],
  ['snapshot.void', 404],
  ['view.past', 404],
  ['http.slow', 408],
  ['http.too_large', 413],
  ['http.too_many', 413],
  ['http.encoding', 415],
  ['http.bodies', 429],
]);

/** Headers that go with a status. */
const ADVICE: ReadonlyMap<number, Record<string, string>> = new Map([
  [401, { 'www-authenticate': 'Bearer' }],
  [429, { 'retry-after': '5' }],
]);

const BESIDE = 'beside';

/** Has the answer to a request, should it be a problem, tell what stands all the same. */
export function tellBeside(context: Context, members: object): void {
  context.set(BESIDE, members);
}

/** Answers with a problem. @param more further headers */
export function problem<Code extends string, Status extends ContentfulStatusCode>(
  context: Context,
  status: Status,
  code: Code,
  title: string,
  more: Record<string, string> = {},
) {
  noteCode(context, code);
  const beside = context.get(BESIDE) as object | undefined;
  const id = requestIdOf(context);
  const named: object = id === undefined ? {} : { request_id: id };
  return context.json({ code, title, status, ...named, ...beside }, status, {
    ...HEADERS,
    ...more,
  });
}

/** What an error comes to. Of a defect only the code is told: the rest is for the operator's log. */
export function problemOf(error: Error, context: Context): Response {
  if (error instanceof RejectedInput) {
    const status = STATUSES.get(error.code) ?? (error.code.startsWith('path.') ? 400 : 422);
    return problem(context, status, error.code, error.message, ADVICE.get(status));
  }
  if (error instanceof OperatingFault) return problem(context, 503, error.code, error.message);
  if (error instanceof BrokenInvariant) return problem(context, 500, error.code, error.message);
  return problem(context, 500, 'http.defect', 'a defect of this server');
}

/** What is wrong with a request in which there is nothing to find a route by. */
export function problemBeforeRoutes(error: unknown): Response {
  const isRequests = error instanceof RequestError;
  const [status, code] = isRequests ? [400, 'http.request'] : [500, 'http.defect'];
  const title = isRequests ? 'the request names no place here' : 'a defect of this server';
  return Response.json({ code, title, status }, { status, headers: HEADERS });
}

/** Refused for now: when to come again, in whole seconds, at least one. */
export function tooMany<Code extends string>(
  context: Context,
  code: Code,
  title: string,
  afterSeconds: number,
) {
  const seconds = Math.max(1, Math.ceil(afterSeconds));
  return problem(context, 429, code, title, { 'retry-after': String(seconds) });
}
