/** docs/metrics.md: every metric, its type and its labels, made from what is registered. */
import { Registry } from 'prom-client';
import { markdownTable } from '../docs/markdown.ts';
import { makeMetrics } from './metrics.ts';

export async function metricsDocument(): Promise<string> {
  const registry = new Registry();
  makeMetrics(registry);
  const all = await registry.getMetricsAsJSON();
  const labels = new Map(
    registry.getMetricsAsArray().map((metric) => {
      const { labelNames } = metric as unknown as { labelNames?: readonly string[] };
      return [metric.name, labelNames ?? []] as const;
    }),
  );
  const rows = all.map(({ name, type, help }) => [
    `\`${name}\``,
    String(type),
    (labels.get(name) ?? []).map((label) => `\`${label}\``).join(', '),
    help,
  ]);
  return `${INTRODUCTION}\n${markdownTable(['name', 'type', 'labels', 'what it is'], rows)}`;
}

const INTRODUCTION = `# Metrics

This file is made from the sources by \`npm run docs\`.

\`/metrics\` has them in Prometheus' text format. Through the socket in the ledger's folder nothing more is asked. On the
public listener it needs a token made with \`--admin\`, unless \`metrics.access\` says otherwise
([configuration](configuration.md)).
`;
