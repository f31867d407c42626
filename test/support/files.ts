// Two small tools of tests that run real clients: a folder that goes away, files served over HTTP.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, normalize } from 'node:path';

/** `await using folder = await temporaryFolder()`: removed with all it holds at the block's end. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'tidemark-'));
  return {
    path,
    [Symbol.asyncDispose]: async () => await rm(path, { recursive: true, force: true }),
  };
}

/** Serves a folder's files on a free local port; 404 for what is not there. */
export async function serveFolder(
  folder: string,
): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((request, response) => {
    void answer(folder, request.url ?? '/', response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(folder: string, url: string, response: ServerResponse): Promise<void> {
  const path = join(folder, normalize(`/${decodeURIComponent(url)}`));
  try {
    const bytes = await readFile(path);
    response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
  } catch {
    // Whatever cannot be read is not there, as with any static server.
    response.writeHead(404).end();
  }
}
