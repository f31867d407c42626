/** `tidemark serve`: the embedded ledger with its HTTP endpoints, until it is told to stop. */
import { rm } from 'node:fs/promises';
import { openEngine, sayToTerminal } from '../access/openEngine.ts';
import { answers } from '../access/socket.ts';
import { engineSettings, uploadLimits, uploadRate } from '../config/mapped.ts';
import type { ServeConfig } from '../config/serveSettings.ts';
import { untilCurrent } from '../engine/current.ts';
import { localApp, publicApp } from '../http/app.ts';
import { openLogger, TokenFolder, type Logger } from '@tidemark/runtime';
import { ledgerFolder, readLedgerFile } from '../folder/ledgerFolder.ts';
import { listen, type Listener } from '../http/listener.ts';
import { connectionsMax, openFilesMax } from '../http/openFiles.ts';
import { LogObserver } from '../operations/logObserver.ts';
import { MetricObserver } from '../operations/metricObserver.ts';
import { tellAll } from '../operations/observer.ts';
import { readCertificate } from '../http/tls.ts';
import type { Operations } from '../http/metrics.ts';
import { Uploads } from '../http/uploads.ts';
import { OperatingFault, plainFailure } from '@tidemark/canonical';
import type { Engine } from '../engine/engine.ts';

interface Served extends AsyncDisposable {
  readonly engine: Engine;
  readonly url: string;
}

/** Where everything is told that happens. */
interface Telling {
  readonly log: Logger;
  /** For people at the terminal; where there are lines of JSON instead, one of those. */
  readonly say: (message: string) => void;
}

/**
 * Opens a ledger and listens: to its own commands at once, to everybody once it is current.
 * @throws OperatingFault `serve.running`, `serve.listen` and the engine's
 */
async function serveLedger(
  directory: string,
  config: ServeConfig,
  { log, say }: Telling,
): Promise<Served> {
  const folder = ledgerFolder(directory);
  await using opened = new AsyncDisposableStack();
  let listener: Listener | undefined;
  opened.defer(atSighup(config, () => listener, { log, say }));
  // What is wrong with it is told before anything is opened.
  await readCertificate(config.tls);
  const logged = new LogObserver(log, (await readLedgerFile(folder)).partitions);
  const measured = new MetricObserver();
  const observer = tellAll([logged, measured]);
  const engine = (await answers(folder.socket))
    ? undefined
    : await openEngine(directory, { ...engineSettings(config), observer, say });
  if (engine === undefined) {
    throw new OperatingFault(
      'serve.running',
      `a server runs on ${folder.root} already; ask it with: npx tidemark status ${folder.root}`,
    );
  }
  opened.defer(() => engine.close());
  const operations: Operations = {
    request: (report) => observer.request(report),
    scrape: () => measured.scrape(engine, Date.now()),
    metricsFor: config.metrics.access,
  };
  await rm(folder.socket, { force: true });
  opened.defer(() => rm(folder.socket, { force: true }));
  opened.use(await listen(localApp(engine, operations), config.http, folder.socket));
  await untilCurrent(engine, say);
  const uploads = new Uploads({
    tokens: new TokenFolder(folder.tokens),
    now: Date.now,
    monotonic: () => performance.now(),
    rate: uploadRate(config.uploads),
    limits: uploadLimits(config.uploads),
  });
  const app = publicApp(engine, uploads, operations, config.http.cors);
  const { host, port } = config.listen;
  // As it is now: a ledger that is rebuilt may have taken hours to come here.
  const certificate = await readCertificate(config.tls);
  const { connections } = config.http;
  if (connectionsMax(connections) < connections) {
    say(
      `${openFilesMax()} open files allow only ${connectionsMax(connections)} connections at once`,
    );
  }
  listener = opened.use(await listen(app, config.http, port, { host, certificate, observer }));
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
  const { format, file, level } = config.log;
  const log = openLogger({ level, file, toStderr: format === 'json' });
  const say = format === 'json' ? (message: string) => log.warn(message) : sayToTerminal;
  log.info('start', { directory });
  try {
    await using served = await serveLedger(directory, config, { log, say });
    const { genesis } = served.engine;
    log.info('serving', { url: served.url, ledger: genesis.ledger, name: genesis.name });
    const isReady = Promise.resolve(ready(served));
    await Promise.race([stopped, served.engine.failed, isReady.then(() => stopped)]);
  } catch (error) {
    const { kind, code, message } = plainFailure(error);
    log.error('failure', { kind, code, detail: message });
    throw error;
  } finally {
    log.info('stop');
    await log.flush();
  }
}

function hostInUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/**
 * At each SIGHUP the log's file is opened anew, and the certificate read again where there is one. Where
 * there is neither it is heard all the same: left alone, it would end the process.
 * @param listenerOf undefined before it listens
 * @returns how to stop that
 */
function atSighup(
  { tls, log }: ServeConfig,
  listenerOf: () => Listener | undefined,
  telling: Telling,
): () => void {
  const reload = (): void => {
    telling.log.reopen();
    const listener = listenerOf();
    if (tls.cert !== undefined && listener !== undefined) void present(tls, listener, telling.say);
    if (tls.cert === undefined && log.file === undefined) {
      telling.say('SIGHUP: no certificate and no log file is configured, so nothing is read again');
    }
  };
  process.on('SIGHUP', reload);
  return () => process.off('SIGHUP', reload);
}

/** One that is no good is told and changes nothing. */
async function present(
  tls: ServeConfig['tls'],
  listener: Listener,
  say: (message: string) => void,
): Promise<void> {
  try {
    const certificate = await readCertificate(tls);
    if (certificate !== undefined) listener.present(certificate);
    say('the certificate has been read again');
  } catch (error) {
    if (!(error instanceof OperatingFault)) throw error;
    say(`${error.message}; the old one stays in use (${error.code})`);
  }
}
