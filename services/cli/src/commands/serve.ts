/** `tidemark serve`: the embedded ledger with its HTTP endpoints, until it is told to stop. */
import { rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import { answers, openEngine, type EngineSettings } from '../access.ts';
import { untilCurrent } from '../current.ts';
import { localApp, publicApp } from '../http/app.ts';
import { TokenFolder } from '@tidemark/runtime';
import { ledgerFolder } from '../ledgerFolder.ts';
import { Uploads } from '../http/uploads.ts';
import { OperatingFault } from '@tidemark/canonical';
import type { Engine } from '../engine.ts';

export interface ServeOptions extends EngineSettings {
  readonly host: string;
  /** 0 takes one that is free. */
  readonly port: number;
  /** Of one subject's uploads over HTTP. */
  readonly eventsPerSecond?: number;
}

export const EVENTS_PER_SECOND = 20_000;

interface Served extends AsyncDisposable {
  readonly engine: Engine;
  readonly url: string;
}

/**
 * Opens a ledger and listens: to its own commands at once, to everybody once it is current.
 * @throws OperatingFault `serve.running`, `serve.listen` and the engine's
 */
async function serveLedger(directory: string, options: ServeOptions): Promise<Served> {
  const folder = ledgerFolder(directory);
  const engine = (await answers(folder.socket)) ? undefined : await openEngine(directory, options);
  if (engine === undefined) {
    throw new OperatingFault(
      'serve.running',
      `a server runs on ${folder.root} already; ask it with: npx tidemark status ${folder.root}`,
    );
  }
  await using opened = new AsyncDisposableStack();
  opened.defer(() => engine.close());
  await rm(folder.socket, { force: true });
  opened.defer(() => rm(folder.socket, { force: true }));
  opened.use(await listen(localApp(engine), folder.socket));
  await untilCurrent(engine);
  const uploads = new Uploads({
    tokens: new TokenFolder(folder.tokens),
    now: Date.now,
    monotonic: () => performance.now(),
    eventsPerSecond: options.eventsPerSecond ?? EVENTS_PER_SECOND,
  });
  const app = publicApp(engine, uploads);
  const listener = opened.use(await listen(app, options.port, options.host));
  const whole = opened.move();
  return {
    engine,
    url: `http://${hostInUrl(options.host)}:${listener.port}/`,
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  };
}

/**
 * Serves until SIGINT or SIGTERM, or until the ledger cannot go on; a second signal ends it at once.
 * @param ready told once it serves; it is not waited for when the end comes first
 */
export async function serveUntilStopped(
  directory: string,
  options: ServeOptions,
  ready: (served: Served) => void | Promise<void>,
): Promise<void> {
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
  await using served = await serveLedger(directory, options);
  const isReady = Promise.resolve(ready(served));
  await Promise.race([stopped, served.engine.failed, isReady.then(() => stopped)]);
}

/** Whoever is slower holds a connection for nothing. Bodies have a limit of their own. */
const SERVER_OPTIONS = {
  headersTimeout: 10_000,
  requestTimeout: 120_000,
  keepAliveTimeout: 15_000,
};

interface Listener extends AsyncDisposable {
  /** 0 for a socket in the file system. */
  readonly port: number;
}

async function listen(app: Hono, at: number | string, host?: string): Promise<Listener> {
  const server = createAdaptorServer({ fetch: app.fetch, serverOptions: SERVER_OPTIONS });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  if (typeof at === 'string') server.listen(at, resolve);
  else server.listen(at, host, resolve);
  try {
    await promise;
  } catch (cause) {
    throw cannotListen(at, host, cause);
  }
  const address = server.address() as AddressInfo | string;
  return {
    port: typeof address === 'string' ? 0 : address.port,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((done) => server.close(() => done()));
      if ('closeAllConnections' in server) server.closeAllConnections();
      await closed;
    },
  };
}

function cannotListen(at: number | string, host: string | undefined, cause: unknown) {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
  const place = host === undefined ? at : `${host}:${at}`;
  const next =
    code === 'EADDRINUSE' ? 'something else listens there; choose another with --port' : code;
  return new OperatingFault('serve.listen', `cannot listen on ${place}: ${next}`, { cause });
}

function hostInUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
