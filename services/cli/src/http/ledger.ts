/** What a ledger is, for whoever works with it from elsewhere: its shape, and the rules that events are judged by. */
import { readdir } from 'node:fs/promises';
import { createRoute } from '@hono/zod-openapi';
import type { Engine } from '../engine/engine.ts';
import { type App, FAULTS, json } from './document.ts';
import { ledgerSchema } from './schemas.ts';

const LEDGER_ROUTE = createRoute({
  method: 'get',
  path: '/v1/ledger',
  tags: ['reads'],
  summary: 'What the ledger is',
  responses: { 200: json('Its shape and its policy.', ledgerSchema), ...FAULTS },
});

export function addLedger(app: App, engine: Engine): void {
  app.openapi(LEDGER_ROUTE, async (context) => {
    const { ledger, name, bits, partitions, delegation } = engine.genesis;
    const { conflict, classic_ms } = engine.publisher.control.view.policy;
    const answer = {
      ledger,
      name,
      bins: 2 ** bits,
      partitions,
      delegation,
      policy: { conflict, classic_ms },
      keeps_files: await keepsFiles(engine.options.folder.objects),
    };
    return context.json(answer, 200, { 'cache-control': 'no-store' });
  });
}

/** Whether the bytes of any target are there. */
async function keepsFiles(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names.some((name) => /^[0-9a-f]{2}$/.test(name));
}
