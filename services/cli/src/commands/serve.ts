/** `tidemark serve`: the embedded ledger with its HTTP endpoints, until it is told to stop. */
import { rm } from 'node:fs/promises';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import { answers, openEngine, type EngineSettings } from '../access.ts';
import { localApp, publicApp } from '../http.ts';
import { ledgerFolder } from '../ledgerFolder.ts';
import { OperatingFault } from '@tidemark/canonical';
import type { Engine } from '../engine.ts';

export interface ServeOptions extends EngineSettings {
  readonly host: string;
  readonly port: number;
}

export interface Served extends AsyncDisposable {
  readonly engine: Engine;
  readonly url: string;
}

/** Opens a ledger and listens. @throws OperatingFault `serve.running`, `serve.listen` and the engine's */
export async function serveLedger(directory: string, options: ServeOptions): Promise<Served> {
  const folder = ledgerFolder(directory);
  if (await answers(folder.socket)) {
    throw new OperatingFault('serve.running', `a server runs on ${folder.root} already`);
  }
  const engine = await openEngine(directory, options);
  await rm(folder.socket, { force: true });
  const stopLocal = await listen(localApp(engine), folder.socket);
  const stopPublic = await listen(publicApp(engine), options.port, options.host);
  return {
    engine,
    url: `http://${options.host}:${options.port}/`,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([stopPublic(), stopLocal()]);
      await engine.close();
      await rm(folder.socket, { force: true });
    },
  };
}

/** Serves until SIGINT or SIGTERM, or until the ledger cannot go on. */
export async function serveUntilStopped(served: Served): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
  try {
    await Promise.race([promise, served.engine.failed]);
  } finally {
    await served[Symbol.asyncDispose]();
  }
}

async function listen(app: Hono, at: number | string, host?: string): Promise<() => Promise<void>> {
  const server = createAdaptorServer({ fetch: app.fetch });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  if (typeof at === 'string') server.listen(at, resolve);
  else server.listen(at, host, resolve);
  try {
    await promise;
  } catch (cause) {
    throw new OperatingFault(
      'serve.listen',
      `cannot listen on ${host ?? ''}:${at}: ${String(cause)}`,
      {
        cause,
      },
    );
  }
  return async () => {
    const closed = new Promise<void>((done) => server.close(() => done()));
    if ('closeAllConnections' in server) server.closeAllConnections();
    await closed;
  };
}
