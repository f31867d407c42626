/** The routes of a running ledger: those that anybody may ask, and those of its own commands. */
import { parseTimestamp } from '@tidemark/tuf';
import { utf8 } from '@tidemark/canonical';
import { OFFLINE_ROLES } from '@tidemark/ledger';
import { Hono, type Context } from 'hono';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { secureHeaders } from 'hono/secure-headers';
import type { Engine } from '../engine.ts';
import { reasonsAgainst, type Vitals } from '../ready.ts';
import { statusOf } from '../status.ts';
import { absent } from './answer.ts';
import { acceptEvents, type Caller } from './events.ts';
import { addMetadata } from './metadata.ts';
import { problem, problemOf } from './problem.ts';
import { addReads } from './reads.ts';
import { addSnapshots } from './snapshots.ts';
import { addTargetFiles } from './targetFiles.ts';
import type { Uploads } from './uploads.ts';

/** The routes that anybody may ask, and those that need a token. */
export function publicApp(engine: Engine, uploads: Uploads): Hono {
  const app = readApp(engine);
  app.post('/v1/events', async (context) =>
    acceptEvents(engine, context, await uploads.callerOf(context), uploads.limits),
  );
  app.get('/v1/status', async (context) => {
    await uploads.demandAdmin(context);
    return context.json(await statusOf(engine));
  });
  return app;
}

/** The same for the ledger's own commands: who can open its socket may do everything. */
export function localApp(engine: Engine): Hono {
  const app = readApp(engine);
  app.post('/v1/events', async (context) => acceptEvents(engine, context, OWNER));
  app.get('/v1/status', async (context) => context.json(await statusOf(engine)));
  return app;
}

/** The ledger's owner, through the socket that nobody else can open. */
const OWNER: Caller = { subject: 'local', mayUpload: () => true, take: () => 0 };

function readApp(engine: Engine): Hono {
  const app = new Hono();
  app.onError(problemOf);
  app.notFound(absent);
  app.use(methodNotAllowed({ app, onMethodNotAllowed }));
  app.use(secureHeaders(SECURITY));
  app.get('/', (context) => context.text(welcome(engine)));
  app.get('/healthz', (context) => context.text('ok\n'));
  app.get('/readyz', (context) => {
    const reasons = reasonsAgainst(vitalsOf(engine), Date.now());
    const ready = reasons.length === 0;
    return context.json({ ready, reasons }, ready ? 200 : 503, { 'cache-control': 'no-store' });
  });
  addMetadata(app, engine);
  addTargetFiles(app, engine);
  addReads(app, engine);
  addSnapshots(app, engine);
  return app;
}

/** Nothing here is a page, and everything may be fetched from anywhere: it is public or has a token. */
const SECURITY: Parameters<typeof secureHeaders>[0] = {
  contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"], sandbox: [] },
  crossOriginResourcePolicy: 'cross-origin',
  xFrameOptions: 'DENY',
  // For whoever ends TLS to say.
  strictTransportSecurity: false,
};

function onMethodNotAllowed(context: Context, methods: readonly string[]): Response {
  const allow = methods.join(', ');
  return problem(context, 405, 'http.method', `this answers to ${allow}`, { allow });
}

function vitalsOf({ fault, publisher, intake }: Engine): Vitals {
  const text = publisher.visible?.timestamp;
  const timestamp = text === undefined ? undefined : parseTimestamp(utf8(text));
  return {
    fault,
    timestampExpires: timestamp && Date.parse(timestamp.signed.expires),
    queueBytes: intake.queueBytes,
    queueBytesMax: intake.queueBytesMax,
  };
}

function welcome(engine: Engine): string {
  const { genesis, publisher } = engine;
  const row = publisher.visible;
  const roles = [...OFFLINE_ROLES, `${2 ** genesis.bits} bins`].join(', ');
  return (
    `Tidemark ledger ${genesis.name}\n\n` +
    `snapshot     ${row?.n ?? 'none yet'}\n` +
    `merkle root  ${row?.merkleRoot ?? '-'}\n` +
    `roles        ${roles}\n\n` +
    'TUF metadata is at /metadata/timestamp.json, targets below /targets/.\n'
  );
}
