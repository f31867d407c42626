// Alerts: made of metrics that exist, each with a section of the runbook and with cases both ways.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Registry } from 'prom-client';
import { makeMetrics } from '../src/operations/metrics.ts';

const ROOT = join(import.meta.dirname, '../../..');
const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const RULES = textOf('infra/prometheus/rules.yml');
const CASES = textOf('infra/prometheus/rules.test.yml');
const [, RUNBOOK = ''] = textOf('docs/runbook.md').split(/^## Alerts$/m);

/** Without comments, which may name anything. */
const alerts = RULES.replaceAll(/^ *#.*$/gm, '')
  .split(/^ *- alert: /m)
  .slice(1)
  .map((text) => [/^\w+/.exec(text)![0], text] as const);
const sections = RUNBOOK.split(/^### /m)
  .slice(1)
  .map((text) => [/^`(\w+)`$/m.exec(text)?.[1] ?? text, text] as const);

test('the runbook has a section for each alert, and for no other', () => {
  expect(sections.map(([name]) => name)).toEqual(alerts.map(([name]) => name));
  expect(new Set(alerts.map(([name]) => name)).size).toBeGreaterThan(20);
});

test.each(alerts)(
  '%s: says how urgent it is, what is wrong, and where to read on',
  (name, text) => {
    expect(text.match(/severity: (?:page|ticket) \}/g)).toHaveLength(1);
    expect(text).toMatch(/summary: (?:'|>-\n)[^]*\$labels\.instance/);
    expect(text).toContain(`runbook: docs/runbook.md#${name.toLowerCase()}\n`);
  },
);

test.each(sections)('%s: what it means, how to look, what to do', (name, text) => {
  const parts = [...text.matchAll(/^- \*\*(\w+):\*\* \S/gm)].map(([, part]) => part);
  expect(parts).toEqual(['Means', 'Look', 'Do']);
  const [, rule] = alerts.find(([alert]) => alert === name)!;
  const [, severity = ''] = /severity: (\w+)/.exec(rule)!;
  expect(text).toContain(`- **Means:** ${severity}. `);
});

test('no rule and no case names a metric that does not exist', async () => {
  const registry = new Registry();
  makeMetrics(registry);
  const all = await registry.getMetricsAsJSON();
  const known = new Set(
    all.flatMap(({ name, type }) =>
      String(type) === 'histogram'
        ? ['_bucket', '_count', '_sum'].map((end) => `${name}${end}`)
        : [name],
    ),
  );
  for (const text of [RULES, CASES]) {
    const named = new Set(text.match(/\b(?:tidemark|process|nodejs)_\w+/g));
    expect([...named].filter((name) => !known.has(name))).toEqual([]);
    expect(named.size).toBeGreaterThan(15);
  }
});

test.each(alerts)('%s fires in a case, and in others it does not', (name) => {
  const cases = CASES.split(/^  # /m).filter((text) => text.startsWith(`${name}. `));
  const firing = cases.filter((text) => text.includes('exp_annotations:'));
  const quiet = cases.filter((text) => !firing.includes(text));
  expect(firing.length).toBeGreaterThan(0);
  expect(quiet.length).toBeGreaterThan(0);
  // Where it fires it is quiet first: a threshold is looked at from both sides.
  for (const text of firing) expect(text).toContain(`alertname: ${name}, eval_time: `);
  for (const text of cases) expect(text).toContain('exp_alerts: []');
});
