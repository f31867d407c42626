/** `/metrics`: for everybody who can open the socket, on the public listener for whom the settings allow. */
import type { Context, Hono } from 'hono';
import type { Scrape } from './metricObserver.ts';
import type { Observer } from './observer.ts';

/** What the routes tell, and what is asked about them. */
export interface Operations {
  readonly request: Observer['request'];
  readonly scrape: () => Promise<Scrape>;
  /** Who may see the metrics on the public listener. */
  readonly metricsFor: 'admin' | 'everyone' | 'nobody';
}

export function localMetrics(app: Hono, operations: Operations | undefined): void {
  if (operations !== undefined) app.get('/metrics', async () => answer(operations));
}

export function publicMetrics(
  app: Hono,
  operations: Operations,
  tokens: { demandAdmin(context: Context): Promise<void> },
): void {
  const { metricsFor } = operations;
  if (metricsFor === 'nobody') return;
  app.get('/metrics', async (context) => {
    if (metricsFor === 'admin') await tokens.demandAdmin(context);
    return answer(operations);
  });
}

async function answer({ scrape }: Operations): Promise<Response> {
  const { type, text } = await scrape();
  return new Response(text, { headers: { 'content-type': type, 'cache-control': 'no-store' } });
}
