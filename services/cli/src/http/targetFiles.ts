/** `DIR/SHA256.NAME` and `SHA256.DIR/NAME`: the bytes of targets, where the ledger also keeps them. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Engine } from '../engine.ts';
import { absent, FOR_EVER, isKnown } from './answer.ts';
import { type App, bytes, FAULTS, NOT_MODIFIED, problemWith, WHOLE_PATH } from './document.ts';
import { problem } from './problem.ts';
import { rangeOf, type ByteRange } from './range.ts';

const TARGET_ROUTE = createRoute({
  method: 'get',
  path: `/targets/{path}${WHOLE_PATH}`,
  tags: ['tuf'],
  summary: 'The bytes of a target',
  request: {
    params: z.object({
      path: z.string().openapi({ description: '`DIR/SHA256.NAME` or `SHA256.DIR/NAME`' }),
    }),
    headers: z.object({
      range: z.string().optional().openapi({ example: 'bytes=0-1023' }),
      'if-range': z.string().optional(),
    }),
  },
  responses: {
    200: bytes('The file; it never changes.'),
    206: bytes('The range that was asked for.'),
    304: NOT_MODIFIED,
    404: problemWith('http.not_found'),
    416: problemWith('http.range'),
    ...FAULTS,
  },
});

export function addTargetFiles(app: App, engine: Engine): void {
  app.openapi(TARGET_ROUTE, async (context) =>
    target(engine, context, context.req.valid('param').path),
  );
}

async function target(engine: Engine, context: Context, path: string): Promise<Response> {
  const sha256 =
    /(?:^|\/)([0-9a-f]{64})\.[^/]+$/.exec(path)?.[1] ?? /^([0-9a-f]{64})\./.exec(path)?.[1];
  if (sha256 === undefined) return absent(context);
  const file = join(engine.options.folder.objects, sha256.slice(0, 2), sha256);
  const size = await stat(file).then(({ size }) => size, absentOnly);
  if (size === undefined) return absent(context);
  const etag = `"${sha256}"`;
  const headers = { 'cache-control': FOR_EVER, etag, 'accept-ranges': 'bytes' };
  if (isKnown(context.req.header('if-none-match'), etag)) {
    return new Response(null, { status: 304, headers });
  }
  const range = rangeOf(wantedRange(context, etag), size);
  if (range === 'unsatisfiable') {
    return problem(context, 416, 'http.range', `this file has ${size} bytes`, {
      'content-range': `bytes */${size}`,
    });
  }
  return whole(context, file, size, range, headers);
}

/** The `Range` header, unless `If-Range` says that the client's part is of another file. */
function wantedRange(context: Context, etag: string): string | undefined {
  const condition = context.req.header('if-range');
  if (condition !== undefined && condition !== etag) return undefined;
  return context.req.header('range');
}

function whole(
  context: Context,
  file: string,
  size: number,
  range: ByteRange | undefined,
  headers: Record<string, string>,
): Response {
  const { start, end } = range ?? { start: 0, end: size - 1 };
  // A stream that nobody reads would keep its file open.
  const body =
    context.req.method === 'HEAD' || size === 0
      ? null
      : (Readable.toWeb(createReadStream(file, { start, end })) as ReadableStream);
  return new Response(body, {
    status: range === undefined ? 200 : 206,
    headers: {
      ...headers,
      'content-type': 'application/octet-stream',
      'content-length': String(end - start + 1),
      ...(range && { 'content-range': `bytes ${start}-${end}/${size}` }),
    },
  });
}

function absentOnly(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
