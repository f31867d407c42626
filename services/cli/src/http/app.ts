/** The routes of a running ledger: those that anybody may ask, and those of its own commands. */
import { createRoute } from '@hono/zod-openapi';
import { utf8 } from '@tidemark/canonical';
import type { Context } from 'hono';
import { etag } from 'hono/etag';
import { methodNotAllowed } from 'hono/method-not-allowed';
import type { ServeConfig } from '../config/serveSettings.ts';
import type { Engine } from '../engine/engine.ts';
import { observeRequests } from '../operations/requests.ts';
import { absent, FileAnswers, FOR_SECONDS } from './answer.ts';
import { compressedJson } from './coding.ts';
import { allowReads } from './cors.ts';
import { type App, documentedApp, documentOf, NOT_MODIFIED } from './document.ts';
import { EVENT_LIMITS, type Caller } from './events.ts';
import { addLedger } from './ledger.ts';
import { addMerkle } from './merkle.ts';
import { addMetadata } from './metadata.ts';
import { addMetrics, type Operations } from './metrics.ts';
import { addOperations } from './operations.ts';
import { addPage, pageHeaders } from './page.ts';
import { problem, problemOf } from './problem.ts';
import { addReads } from './reads.ts';
import { secured } from './secure.ts';
import { addSnapshots } from './snapshots.ts';
import { addTargetFiles } from './targetFiles.ts';
import { addUploads } from './uploadRoute.ts';
import type { Uploads } from './uploads.ts';

/** The routes that anybody may ask, and those that need a token. */
export function publicApp(
  engine: Engine,
  uploads: Uploads,
  operations: Operations,
  cors: ServeConfig['http']['cors'] = 'off',
): App {
  const admission: Admission = {
    callerOf: (context) => uploads.callerOf(context),
    demandAdmin: (context) => uploads.demandAdmin(context),
    limits: uploads.limits,
  };
  return appFor(engine, admission, 'public', operations, cors);
}

/** The same for the ledger's own commands: who can open its socket may do everything. */
export function localApp(engine: Engine, operations?: Operations): App {
  const admission: Admission = {
    callerOf: async () => OWNER,
    demandAdmin: async () => undefined,
    limits: EVENT_LIMITS,
  };
  // Who can open the socket sees them, whatever the settings say of others.
  return appFor(engine, admission, 'socket', operations && { ...operations, metricsFor: 'admin' });
}

/** Who may do what. */
export type Admission = Pick<Uploads, 'callerOf' | 'demandAdmin' | 'limits'>;

/** The ledger's owner, through the socket that nobody else can open. */
const OWNER: Caller = { subject: 'local', mayUpload: () => true, mayRunAhead: true, take: () => 0 };

function appFor(
  engine: Engine,
  admission: Admission,
  listener: 'public' | 'socket',
  operations: Operations | undefined,
  cors: ServeConfig['http']['cors'] = 'off',
): App {
  const app = documentedApp();
  app.onError(problemOf);
  app.notFound(absent);
  if (operations !== undefined) app.use(observeRequests(listener, operations.request));
  app.use(methodNotAllowed({ app, onMethodNotAllowed }));
  app.use('/', pageHeaders);
  app.use(secured);
  if (cors === 'reads') allowReads(app);
  // A tag is of the bytes that leave: it is made of what has been compressed.
  app.use('/v1/snapshots/*', etag());
  app.use('/v1/*', compressedJson);
  addPage(app);
  addMetadata(app, engine);
  addMerkle(app, engine);
  addTargetFiles(app, engine);
  addLedger(app, engine);
  addReads(app, engine);
  addSnapshots(app, engine);
  addUploads(app, engine, admission);
  addOperations(app, engine, admission);
  if (operations !== undefined) addMetrics(app, operations, admission);
  addDocument(app);
  return app;
}

function addDocument(app: App): void {
  const answers = new FileAnswers();
  let kept: Uint8Array | undefined;
  app.openapi(DOCUMENT_ROUTE, async (context) => {
    kept ??= utf8(JSON.stringify(documentOf(app)));
    return answers.file(context, kept, { type: 'application/json', cacheControl: FOR_SECONDS });
  });
}

const DOCUMENT_ROUTE = createRoute({
  method: 'get',
  path: '/openapi.json',
  tags: ['operations'],
  summary: 'This document',
  responses: {
    200: {
      description: 'OpenAPI 3.1',
      content: { 'application/json': { schema: { type: 'object' } } },
    },
    304: NOT_MODIFIED,
  },
});

function onMethodNotAllowed(context: Context, methods: readonly string[]): Response {
  const allow = methods.join(', ');
  return problem(context, 405, 'http.method', `this answers to ${allow}`, { allow });
}
