/** For who runs a ledger: what it is, whether it answers, whether it does its work. */
import { createRoute } from '@hono/zod-openapi';
import { OFFLINE_ROLES } from '@tidemark/ledger';
import type { Engine } from '../engine/engine.ts';
import { reasonsAgainst, vitalsOf } from '../engine/ready.ts';
import { statusOf } from '../engine/status.ts';
import type { Admission } from './app.ts';
import { type App, FAULTS, json, problemWith, text, textOrPage } from './document.ts';
import { readySchema, statusSchema } from './schemas.ts';

const WELCOME = createRoute({
  method: 'get',
  path: '/',
  tags: ['operations'],
  summary: 'Which ledger this is',
  responses: { 200: textOrPage('Its name, its newest snapshot, its roles; a page for browsers.') },
});

const HEALTH = createRoute({
  method: 'get',
  path: '/healthz',
  tags: ['operations'],
  summary: 'Whether the process answers',
  responses: { 200: text('`ok`') },
});

const READY = createRoute({
  method: 'get',
  path: '/readyz',
  tags: ['operations'],
  summary: 'Whether it does its work',
  responses: {
    200: json('It does.', readySchema),
    503: json('It does not, and why.', readySchema),
  },
});

const STATUS = createRoute({
  method: 'get',
  path: '/v1/status',
  tags: ['operations'],
  summary: 'What an operator wants to know at a glance',
  security: [{ token: [] }],
  responses: {
    200: json('Figures; more may come.', statusSchema),
    401: problemWith('token.absent', 'token.form', 'token.unknown', 'token.expired'),
    403: problemWith('token.scope'),
    ...FAULTS,
  },
});

export function addOperations(
  app: App,
  engine: Engine,
  admission: Pick<Admission, 'demandAdmin'>,
): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'token', {
    type: 'http',
    scheme: 'bearer',
    description: 'npx tidemark tokens create',
  });
  app.openapi(WELCOME, (context) => context.text(welcome(engine), 200));
  app.openapi(HEALTH, (context) => context.text('ok\n', 200));
  app.openapi(READY, (context) => {
    const reasons = reasonsAgainst(vitalsOf(engine), Date.now());
    const ready = reasons.length === 0;
    return context.json({ ready, reasons }, ready ? 200 : 503, { 'cache-control': 'no-store' });
  });
  app.openapi(STATUS, async (context) => {
    await admission.demandAdmin(context);
    return context.json(await statusOf(engine), 200, { 'cache-control': 'no-store' });
  });
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
    'TUF metadata is at /metadata/timestamp.json, targets below /targets/, the API at /openapi.json.\n'
  );
}
