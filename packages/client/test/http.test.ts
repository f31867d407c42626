/** Fetching from real servers, honest and not. */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { utf8 } from '@tidemark/canonical';
import { expect, test } from 'vitest';
import { httpFetch } from '../src/index.ts';

test('bytes come as they are; 404 and 403 are nothing', async () => {
  const body = Buffer.alloc(300_000, 'abc');
  await using server = await serve((request, response) => {
    if (request.url === '/file') response.end(body);
    else response.writeHead(request.url === '/none' ? 404 : 403).end('<html>');
  });
  const fetch = httpFetch();
  expect(await joined(await fetch(`${server.url}/file`))).toEqual(body);
  expect(await fetch(`${server.url}/none`)).toBeUndefined();
  expect(await fetch(`${server.url}/forbidden`)).toBeUndefined();
});

test.each([429, 500, 503])('%i is a fault, not an answer', async (status) => {
  await using server = await serve((_, response) => void response.writeHead(status).end('no'));
  const fetched = httpFetch()(`${server.url}/file`);
  await expect(fetched).rejects.toMatchObject({ code: 'client.fetch' });
});

test('nobody there, and an answer that breaks off', async () => {
  await using server = await serve((_, response) => {
    response.writeHead(200, { 'content-length': 10 });
    response.write('half', () => response.destroy());
  });
  await expect(httpFetch()('http://127.0.0.1:1/file')).rejects.toMatchObject({
    code: 'client.fetch',
  });
  expect(await httpFetch()('http://127.0.0.1:1/proofs', utf8('{}'))).toBeUndefined();
  const chunks = httpFetch()(`${server.url}/file`).then(joined);
  await expect(chunks).rejects.toMatchObject({ code: 'client.fetch' });
});

test('silence, before the answer and in it, and a trickle', async () => {
  await using server = await serve((request, response) => {
    if (request.url === '/silent') return;
    response.write('first');
    if (request.url === '/stops') return;
    const trickle = setInterval(() => response.write('x'), 10);
    response.once('close', () => clearInterval(trickle));
  });
  const fetch = httpFetch({ silenceMs: 100 });
  for (const path of ['/silent', '/stops', '/trickles']) {
    const chunks = fetch(`${server.url}${path}`).then(joined);
    await expect(chunks).rejects.toMatchObject({ code: 'client.slow' });
  }
});

test('an answer may take longer than a silence, if it comes', async () => {
  await using server = await serve((_, response) => {
    let left = 8;
    const steady = setInterval(() => {
      response.write(Buffer.alloc(2_000));
      if (--left > 0) return;
      clearInterval(steady);
      response.end();
    }, 50);
  });
  const chunks = await httpFetch({ silenceMs: 300 })(`${server.url}/steady`);
  expect((await joined(chunks)).length).toBe(16_000);
});

test('a caller who takes its time is not the server’s slowness', async () => {
  await using server = await serve((_, response) => void response.end(Buffer.alloc(500_000)));
  const chunks = await httpFetch({ silenceMs: 50, bytesPerSecondMin: 10_000_000 })(server.url);
  let bytes = 0;
  await setTimeout(200);
  for await (const chunk of chunks!) {
    if (bytes === 0) await setTimeout(200);
    bytes += chunk.length;
  }
  expect(bytes).toBe(500_000);
});

test('whoever has enough ends the request', async () => {
  const closed = Promise.withResolvers<void>();
  await using server = await serve((_, response) => {
    const endless = setInterval(() => response.write(Buffer.alloc(65_536)), 1);
    response.once('close', () => {
      clearInterval(endless);
      closed.resolve();
    });
  });
  for await (const chunk of (await httpFetch()(`${server.url}/endless`))!) {
    if (chunk.length > 0) break;
  }
  await closed.promise;
});

async function serve(listener: RequestListener): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function joined(chunks: AsyncIterable<Uint8Array> | undefined): Promise<Buffer> {
  const kept: Uint8Array[] = [];
  for await (const chunk of chunks!) kept.push(chunk);
  return Buffer.concat(kept);
}
