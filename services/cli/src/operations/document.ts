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
  const metrics = markdownTable(['name', 'type', 'labels', 'what it is'], rows);
  const steps = markdownTable(['step', 'rate', 'errors', 'latency'], STEPS.map(stepRow));
  return [INTRODUCTION, metrics, ABOUT_STEPS, steps].join('\n');
}

/** A `log.read` is of the steps that read the logs; what else befalls a log, of those that append. */
const APPENDS = 'log.(busy|full|locked|unavailable|unknown|write)';

/** A step of the flow: its name, then selectors in Prometheus' language. */
type Step = readonly [name: string, rate: string, errors: string, latency: string];

const STEPS: readonly Step[] = [
  ['parse', 'uploads_accepted_total', 'uploads_refused_total', 'parse_seconds'],
  ['take in', 'intake_events_total', failures('intake'), 'intake_seconds'],
  ['store', 'log_records_total', failures('log'), 'log_commit_seconds'],
  ['cut', 'cuts_total', failures('sealer'), 'cut_seconds'],
  ['fold', 'fold_events_total', failures('shard', 'log.read'), 'decide_seconds'],
  [
    'write bins',
    'fold_roles_signed_total',
    failures('shard', '(keys|state).*'),
    'write_bins_seconds',
  ],
  ['report', 'report_seconds_count', failures('shard', APPENDS), 'report_seconds'],
  [
    'assemble',
    'assemble_seconds_count',
    failures('publisher', '(log.read|state.*)'),
    'assemble_seconds',
  ],
  ['seal', 'seal_seconds_count', failures('publisher', APPENDS), 'seal_seconds'],
  ['publish', 'snapshots_total', failures('publisher', 'publish.*'), 'publish_seconds'],
  ['serve', 'http_requests_total', 'http_requests_total{status=~"5.."}', 'http_request_seconds'],
];

function failures(step: string, code?: string): string {
  return `failures_total{step="${step}"${code === undefined ? '' : `,code=~"${code}"`}}`;
}

function stepRow([name, ...selectors]: Step): string[] {
  return [name, ...selectors.map((selector) => `\`tidemark_${selector.replaceAll('|', '\\|')}\``)];
}

const INTRODUCTION = `# Metrics

This file is made from the sources by \`npm run docs\`.

\`/metrics\` has them in Prometheus' text format. Through the socket in the ledger's folder nothing more is asked. On the
public listener it needs a token made with \`--admin\`, unless \`metrics.access\` says otherwise
([configuration](configuration.md)). [infra/prometheus](../infra/prometheus) has a configuration to start from and rules for
alerts; the [runbook](runbook.md#alerts) has a section for each. Both are tested with Prometheus 2.42, Debian bookworm's.
`;

const ABOUT_STEPS = `## Steps

Each step of [an upload's life](../README.md#life-of-an-upload) has a rate, errors and a latency. Events that are refused or come to
nothing are no faults: \`tidemark_uploads_refused_total\`, \`tidemark_fold_events_total{outcome="rejected"}\`. Codes tell the steps of
one thread apart.
`;
