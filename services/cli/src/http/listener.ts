/** A listening server of HTTP routes: on a port, with or without TLS, or on a socket in a folder. */
import { createServer as createPlainServer } from 'node:http';
import { createServer, Server } from 'node:https';
import type { AddressInfo, Server as TcpServer, Socket } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import { getRequestListener } from '@hono/node-server';
import { OperatingFault } from '@tidemark/canonical';
import type { Hono } from 'hono';
import type { ServeConfig } from '../config/serveSettings.ts';
import { problemBeforeRoutes } from './problem.ts';
import { connectionsMax } from './openFiles.ts';
import type { Observer } from '../operations/observer.ts';

/** How often connections are looked at: so much later than at its time a slow one is closed. */
const CHECK_MS = 500;

export interface Listener extends AsyncDisposable {
  /** 0 for a socket in the file system. */
  readonly port: number;
  /** New connections get another certificate; those that are open keep theirs. */
  present(certificate: SecureContextOptions): void;
}

export interface ListenOptions {
  readonly host?: string;
  readonly certificate?: SecureContextOptions | undefined;
  /** Told of the connections. */
  readonly observer?: Pick<Observer, 'connections' | 'dropped'>;
}

/**
 * Listens at a port of a host, with TLS where there is a certificate, or at a socket in the file system.
 * @throws OperatingFault `serve.listen`
 */
export async function listen(
  app: Hono,
  http: ServeConfig['http'],
  at: number | string,
  { host, certificate, observer }: ListenOptions = {},
): Promise<Listener> {
  // Whoever is slower holds a connection for nothing. Bodies have a limit of their own.
  const serverOptions = {
    headersTimeout: http.headers_time,
    requestTimeout: http.request_time,
    keepAliveTimeout: http.idle_time,
    connectionsCheckingInterval: CHECK_MS,
  };
  const answer = getRequestListener(app.fetch, { errorHandler: problemBeforeRoutes });
  const server =
    certificate === undefined
      ? createPlainServer(serverOptions)
      : createServer({ ...serverOptions, ...certificate });
  server.timeout = http.stall_time;
  boundConnections(server, connectionsMax(http.connections), observer);
  server.on('request', (incoming, outgoing) => {
    outgoing.on('timeout', closeStalled);
    void answer(incoming, outgoing);
  });
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
    present: (next) => {
      if (server instanceof Server) server.setSecureContext(next);
    },
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((done) => server.close(() => done()));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** One more than may be open is accepted and closed at once: whoever it is can tell that from a host that is down. */
function boundConnections(
  server: TcpServer,
  max: number,
  observer: ListenOptions['observer'],
): void {
  let open = 0;
  const changed = (by: 1 | -1): void => {
    open += by;
    observer?.connections(open, max);
  };
  server.maxConnections = max;
  server.on('connection', (socket: Socket) => {
    changed(1);
    socket.once('close', () => changed(-1));
  });
  server.on('drop', () => observer?.dropped());
}

/** While an answer is made nothing moves either; but where bytes wait to be taken, whoever asked is gone or means harm. */
function closeStalled(socket: Socket): void {
  if (socket.writableLength > 0) socket.destroy();
}

function cannotListen(at: number | string, host: string | undefined, cause: unknown) {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
  const place = host === undefined ? at : `${host}:${at}`;
  const next =
    code === 'EADDRINUSE' ? 'something else listens there; choose another with --port' : code;
  return new OperatingFault('serve.listen', `cannot listen on ${place}: ${next}`, { cause });
}
