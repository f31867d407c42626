/** `/metrics`: for whoever can open the socket; on the public listener for whom the settings allow. */
import { createRoute } from '@hono/zod-openapi';
import type { Scrape } from '../operations/metricObserver.ts';
import type { Observer } from '../operations/observer.ts';
import type { Admission } from './app.ts';
import { type App, FAULTS, problemWith, text } from './document.ts';

/** What the routes tell, and what is asked about them. */
export interface Operations {
  readonly request: Observer['request'];
  readonly scrape: () => Promise<Scrape>;
  /** Who may see the metrics on the public listener. */
  readonly metricsFor: 'admin' | 'everyone' | 'nobody';
}

const METRICS = createRoute({
  method: 'get',
  path: '/metrics',
  tags: ['operations'],
  summary: 'Figures for Prometheus',
  description:
    'docs/metrics.md lists them. By the settings it asks for an admin’s token, or for none.',
  security: [{ token: [] }],
  responses: {
    200: text('Prometheus’ text format.'),
    401: problemWith('token.absent', 'token.form', 'token.unknown', 'token.expired'),
    403: problemWith('token.scope'),
    ...FAULTS,
  },
});

export function addMetrics(
  app: App,
  { scrape, metricsFor }: Operations,
  { demandAdmin }: Pick<Admission, 'demandAdmin'>,
): void {
  if (metricsFor === 'nobody') return;
  app.openapi(METRICS, async (context) => {
    if (metricsFor === 'admin') await demandAdmin(context);
    const { type, text } = await scrape();
    return context.text(text, 200, { 'content-type': type, 'cache-control': 'no-store' });
  });
}
