/** `DIR/SHA256.NAME` and `SHA256.DIR/NAME`: the bytes of targets, where the ledger also keeps them. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Engine } from '../engine/engine.ts';
import { downloadsMax } from './openFiles.ts';
import { absent, FOR_EVER, isKnown } from './answer.ts';
import { type App, bytes, FAULTS, NOT_MODIFIED, problemWith, WHOLE_PATH } from './document.ts';
import { problem, tooMany } from './problem.ts';
import { rangeOf, type ByteRange } from './range.ts';

const AGAIN_SECONDS = 10;

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
    429: problemWith('http.downloads'),
    ...FAULTS,
  },
});

/** A client that is slow keeps its file open, and the ledger needs files for itself. */
class Downloads {
  private open = 0;
  private readonly openMax = downloadsMax();

  get isFull(): boolean {
    return this.open >= this.openMax;
  }

  start(file: string, { start, end }: ByteRange): ReadableStream {
    const stream = createReadStream(file, { start, end });
    this.open++;
    stream.once('close', () => this.open--);
    return Readable.toWeb(stream) as ReadableStream;
  }
}

export function addTargetFiles(app: App, engine: Engine): void {
  const downloads = new Downloads();
  app.openapi(TARGET_ROUTE, async (context) =>
    target(engine, downloads, context, context.req.valid('param').path),
  );
}

async function target(
  engine: Engine,
  downloads: Downloads,
  context: Context,
  path: string,
): Promise<Response> {
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
  // A stream that nobody reads would keep its file open.
  const isEmpty = context.req.method === 'HEAD' || size === 0;
  if (!isEmpty && downloads.isFull) {
    const title = 'too many files are being sent; come again later';
    return tooMany(context, 'http.downloads', title, AGAIN_SECONDS);
  }
  const sent = range ?? { start: 0, end: size - 1 };
  return new Response(isEmpty ? null : downloads.start(file, sent), {
    status: range === undefined ? 200 : 206,
    headers: {
      ...headers,
      'content-type': 'application/octet-stream',
      'content-length': String(sent.end - sent.start + 1),
      ...(range && { 'content-range': `bytes ${range.start}-${range.end}/${size}` }),
    },
  });
}

/** The `Range` header, unless `If-Range` says that the client's part is of another file. */
function wantedRange(context: Context, etag: string): string | undefined {
  const condition = context.req.header('if-range');
  if (condition !== undefined && condition !== etag) return undefined;
  return context.req.header('range');
}

function absentOnly(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
