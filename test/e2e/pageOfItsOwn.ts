// A page that a test bundles, and serves from an origin of its own under a strict policy.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { build } from 'vite';

export interface Bundle {
  readonly code: string;
  /** The files that it is made of. */
  readonly modules: readonly string[];
}

/** One script for browsers, of a source file and all that it imports. */
export async function bundle(entry: string): Promise<Bundle> {
  const built = await build({
    configFile: false,
    logLevel: 'error',
    build: {
      write: false,
      target: 'es2022',
      modulePreload: false,
      rolldownOptions: { input: entry },
    },
  });
  if (!('output' in built) || built.output.length !== 1) throw new Error('not one script');
  const { code, moduleIds } = built.output[0];
  return { code, modules: moduleIds };
}

/** Nothing may be loaded but the page's script, nobody asked but its server and those named, no text made markup. */
const policy = (others: readonly string[]): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    ["connect-src 'self'", ...others].join(' '),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');

export interface ServedPage extends AsyncDisposable {
  /** With a slash at the end. */
  readonly url: string;
  /** Files beside the page, by name; with headers of their own. */
  readonly files: Map<string, { body: string | Uint8Array; headers?: Record<string, string> }>;
  /** Origins that its script may ask. */
  readonly connect: string[];
}

export async function servePage({ code }: Bundle): Promise<ServedPage> {
  const connect: string[] = [];
  const files: ServedPage['files'] = new Map();
  const answer = (name: string, response: ServerResponse): void => {
    const html = '<!doctype html><title>page</title><script type="module" src="page.js"></script>';
    if (name === '') {
      const headers = { 'content-type': 'text/html', 'content-security-policy': policy(connect) };
      response.writeHead(200, headers).end(html);
    } else if (name === 'page.js') {
      response.writeHead(200, { 'content-type': 'text/javascript' }).end(code);
    } else {
      const file = files.get(name);
      response.writeHead(file === undefined ? 404 : 200, file?.headers).end(file?.body);
    }
  };
  const server = createServer((request, response) => answer(request.url!.slice(1), response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    files,
    connect,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
