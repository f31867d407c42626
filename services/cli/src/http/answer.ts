/** Files as answers: how long they may be kept, and what does not exist. */
import { sha256HexNative } from '@tidemark/canonical/native';
import type { Context } from 'hono';
import { problem } from './problem.ts';

export const FOR_EVER = 'public, max-age=31536000, immutable';
const FOR_SECONDS = 'public, max-age=1';

export function immutable(context: Context, bytes: Uint8Array | undefined, type: string): Response {
  if (bytes === undefined) return notFound(context);
  return new Response(bytes as BodyInit, {
    headers: { 'content-type': type, 'cache-control': FOR_EVER },
  });
}

export function mutable(context: Context, bytes: Uint8Array | undefined, type: string): Response {
  if (bytes === undefined) return notFound(context);
  const etag = `"${sha256HexNative(bytes).slice(0, 32)}"`;
  const headers = { 'content-type': type, 'cache-control': FOR_SECONDS, etag };
  if (context.req.header('if-none-match') === etag)
    return new Response(null, { status: 304, headers });
  return new Response(bytes as BodyInit, { headers });
}

/** 404 for what does not exist, and never anything else: other codes break clients that look for the next root. */
function notFound(context: Context): Response {
  return problem(context, 404, 'http.not_found', 'there is nothing here', {
    'cache-control': FOR_SECONDS,
  });
}
