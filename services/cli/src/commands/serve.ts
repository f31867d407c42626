/** `tidemark serve`: the embedded ledger with its HTTP endpoints, until it is told to stop. */
import { rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import { answers, openEngine, type EngineSettings } from '../access.ts';
import type { ServeConfig } from '../config/serveSettings.ts';
import { untilCurrent } from '../current.ts';
import { localApp, publicApp } from '../http.ts';
import { TokenFolder, type RateLimitOptions } from '@tidemark/runtime';
import { ledgerFolder } from '../ledgerFolder.ts';
import type { EventLimits } from '../events.ts';
import { Uploads } from '../uploads.ts';
import { OperatingFault } from '@tidemark/canonical';
import type { Engine } from '../engine.ts';

interface Served extends AsyncDisposable {
  readonly engine: Engine;
  readonly url: string;
}

/**
 * Opens a ledger and listens: to its own commands at once, to everybody once it is current.
 * @throws OperatingFault `serve.running`, `serve.listen` and the engine's
 */
async function serveLedger(directory: string, config: ServeConfig): Promise<Served> {
  const folder = ledgerFolder(directory);
  const engine = (await answers(folder.socket))
    ? undefined
    : await openEngine(directory, settingsOf(config));
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
  opened.use(await listen(localApp(engine), config, folder.socket));
  await untilCurrent(engine);
  const uploads = new Uploads({
    tokens: new TokenFolder(folder.tokens),
    now: Date.now,
    monotonic: () => performance.now(),
    rate: rateOf(config.uploads),
    limits: limitsOf(config.uploads),
  });
  const app = publicApp(engine, uploads);
  const { host, port } = config.listen;
  const listener = opened.use(await listen(app, config, port, host));
  const whole = opened.move();
  return {
    engine,
    url: `http://${hostInUrl(host)}:${listener.port}/`,
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  };
}

/**
 * Serves until SIGINT or SIGTERM, or until the ledger cannot go on; a second signal ends it at once.
 * @param ready told once it serves; it is not waited for when the end comes first
 */
export async function serveUntilStopped(
  directory: string,
  config: ServeConfig,
  ready: (served: Served) => void | Promise<void>,
): Promise<void> {
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
  await using served = await serveLedger(directory, config);
  const isReady = Promise.resolve(ready(served));
  await Promise.race([stopped, served.engine.failed, isReady.then(() => stopped)]);
}

interface Listener extends AsyncDisposable {
  /** 0 for a socket in the file system. */
  readonly port: number;
}

async function listen(
  app: Hono,
  { http }: ServeConfig,
  at: number | string,
  host?: string,
): Promise<Listener> {
  // Whoever is slower holds a connection for nothing. Bodies have a limit of their own.
  const serverOptions = {
    headersTimeout: http.headers_time,
    requestTimeout: http.request_time,
    keepAliveTimeout: http.idle_time,
  };
  const server = createAdaptorServer({ fetch: app.fetch, serverOptions });
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

function settingsOf({ intake, storage, ledger, faults }: ServeConfig): EngineSettings {
  return {
    shards: ledger.shards,
    cutIntervalMs: ledger.cut_interval,
    cutRecordsMax: ledger.cut_records,
    memoryBudgetBytes: ledger.memory,
    verifyBins: ledger.verify_bins,
    intakeQueueBytesMax: intake.queue,
    storageQueueBytesMax: storage.queue,
    storageTailBytesMax: storage.tail,
    faultMsMax: faults.wait_time,
    restartsMax: faults.restarts,
    stopMsMax: faults.stop_time,
  };
}

function limitsOf(uploads: ServeConfig['uploads']): EventLimits {
  return {
    bodyBytesMax: uploads.body_size,
    eventsMax: uploads.items,
    bodyMsMax: uploads.body_time,
    depthMax: uploads.depth,
  };
}

function rateOf(uploads: ServeConfig['uploads']): RateLimitOptions {
  const perSecond = uploads.events_per_second;
  const burst = (perSecond * uploads.burst_time) / 1000;
  return { perSecond, burst, subjectsMax: uploads.subjects };
}
