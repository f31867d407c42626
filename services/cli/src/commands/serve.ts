/** `tidemark serve`: the embedded ledger with its HTTP endpoints, until it is told to stop. */
import { rm } from 'node:fs/promises';
import { answers, openEngine } from '../access.ts';
import { engineSettings, uploadLimits, uploadRate } from '../config/mapped.ts';
import type { ServeConfig } from '../config/serveSettings.ts';
import { untilCurrent } from '../current.ts';
import { localApp, publicApp } from '../http.ts';
import { TokenFolder } from '@tidemark/runtime';
import { ledgerFolder } from '../ledgerFolder.ts';
import { listen, type Listener } from '../listener.ts';
import { readCertificate } from '../tls.ts';
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
  const certificate = await readCertificate(config.tls);
  const engine = (await answers(folder.socket))
    ? undefined
    : await openEngine(directory, engineSettings(config));
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
  opened.use(await listen(localApp(engine), config.http, folder.socket));
  await untilCurrent(engine);
  const uploads = new Uploads({
    tokens: new TokenFolder(folder.tokens),
    now: Date.now,
    monotonic: () => performance.now(),
    rate: uploadRate(config.uploads),
    limits: uploadLimits(config.uploads),
  });
  const app = publicApp(engine, uploads);
  const { host, port } = config.listen;
  const listener = opened.use(await listen(app, config.http, port, { host, certificate }));
  if (certificate !== undefined) opened.defer(reloadAtSighup(config, listener));
  const whole = opened.move();
  return {
    engine,
    url: `${certificate === undefined ? 'http' : 'https'}://${hostInUrl(host)}:${listener.port}/`,
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

function hostInUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/**
 * Reads the certificate again at each SIGHUP. One that is no good is told and changes nothing.
 * @returns how to stop that
 */
function reloadAtSighup({ tls }: ServeConfig, listener: Listener): () => void {
  const reload = (): void => void present(tls, listener);
  process.on('SIGHUP', reload);
  return () => process.off('SIGHUP', reload);
}

async function present(tls: ServeConfig['tls'], listener: Listener): Promise<void> {
  try {
    const certificate = await readCertificate(tls);
    if (certificate !== undefined) listener.present(certificate);
    console.error('tidemark: the certificate has been read again');
  } catch (error) {
    if (!(error instanceof OperatingFault)) throw error;
    console.error(`tidemark: ${error.message}; the old one stays in use (${error.code})`);
  }
}
