/** `DIR/SHA256.NAME` and `SHA256.DIR/NAME`: the bytes of targets, where the ledger also keeps them. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Context, Hono } from 'hono';
import type { Engine } from '../engine.ts';
import { FOR_EVER } from './answer.ts';

export function addTargetFiles(app: Hono, engine: Engine): void {
  app.get('/targets/*', async (context) => target(engine, context));
}

async function target(engine: Engine, context: Context): Promise<Response> {
  const path = new URL(context.req.url).pathname.slice('/targets/'.length);
  const sha256 =
    /(?:^|\/)([0-9a-f]{64})\.[^/]+$/.exec(path)?.[1] ?? /^([0-9a-f]{64})\./.exec(path)?.[1];
  if (sha256 === undefined) return context.notFound();
  const file = join(engine.options.folder.objects, sha256.slice(0, 2), sha256);
  const facts = await stat(file).catch(() => undefined);
  if (facts === undefined) return context.notFound();
  const body = Readable.toWeb(createReadStream(file)) as ReadableStream;
  return new Response(body, {
    headers: {
      'content-type': 'application/octet-stream',
      'content-length': String(facts.size),
      'cache-control': FOR_EVER,
    },
  });
}
