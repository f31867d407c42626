// A real Prometheus scrapes a running ledger with the configuration and the rules that we ship, adapted only in
// addresses and intervals: it has every metric, no alert while all is well, and the right one after a fault.
import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { requireComponent } from '../support/component.ts';
import { temporaryFolder } from '../support/files.ts';
import { Prometheus } from '../support/prometheus.ts';
import { providePrometheus } from '../support/provision.ts';
import { CHECKOUT, initLedger, tidemark, type Ledger, type Serving } from './tidemark.ts';

const run = promisify(execFile);
const INFRA = join(CHECKOUT, 'infra/prometheus');

interface Rule {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
  readonly state: 'inactive' | 'pending' | 'firing';
  readonly alerts: readonly { readonly annotations: Readonly<Record<string, string>> }[];
  readonly group: string;
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let ledger: Ledger;
let server: Serving;
let uploader: string;
let config: string;
let prometheus: Prometheus;

async function token(...grant: string[]): Promise<string> {
  const args = ['tokens', 'create', ledger.folder, '--subject', 'x', ...grant, '--json'];
  return (JSON.parse((await tidemark(args)).stdout) as { token: string }).token;
}

/** Ours, each of these texts replaced wherever it stands. @throws where one does not */
async function adapted(name: string, changes: readonly (readonly [RegExp, string])[]) {
  let text = await readFile(join(INFRA, name), 'utf8');
  for (const [from, to] of changes) {
    expect(text).toMatch(from);
    text = text.replaceAll(from, to);
  }
  await writeFile(join(folder.path, name), text);
  return join(folder.path, name);
}

async function post(): Promise<void> {
  const path = `team/${randomUUID()}`;
  const sha256 = createHash('sha256').update(path).digest('hex');
  const event = { id: randomUUID(), type: 'target.added', path, length: 1, hashes: { sha256 } };
  const response = await fetch(new URL('v1/events', server.url), {
    method: 'POST',
    headers: { authorization: `Bearer ${uploader}` },
    body: JSON.stringify([event]),
  });
  await response.text();
  expect(response.status).toBe(202);
}

/** Asks again and again, with an upload in between, until the answer is as it should be. */
async function eventually<T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (holds(answer)) return answer;
    await post();
    await delay(200);
  }
}

async function rules(): Promise<Rule[]> {
  const { groups } = await prometheus.api<{ groups: { name: string; rules: Rule[] }[] }>('rules');
  return groups.flatMap(({ name, rules }) => rules.map((rule) => ({ ...rule, group: name })));
}

async function rule(name: string): Promise<Rule> {
  return (await rules()).find((each) => each.name === name)!;
}

await requireComponent('Prometheus', providePrometheus, 'Prometheus', (programs) => {
  beforeAll(async () => {
    folder = await temporaryFolder();
    ledger = await initLedger(join(folder.path, 'index'), '--bins', '64');
    uploader = await token('--upload', 'team');
    const tokenFile = join(folder.path, 'tidemark.token');
    await writeFile(tokenFile, await token('--admin'), { mode: 0o600 });
    server = await ledger.serve('--cut-interval', '50ms');
    config = await adapted('prometheus.yml', [
      [/\/etc\/prometheus\/tidemark\.token/g, tokenFile],
      [/127\.0\.0\.1:8080/g, new URL(server.url).host],
      [/(?<=_interval: )\w+/g, '1s'],
    ]);
    await adapted('rules.yml', [[/(?<=^ +for: )\w+$/gm, '2s']]);
    prometheus = await Prometheus.start(programs.prometheus, config, join(folder.path, 'data'));
  });
  afterAll(async () => {
    await prometheus[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  test.concurrent.each([
    ['check', 'rules', join(INFRA, 'rules.yml')],
    ['check', 'config', '--syntax-only', join(INFRA, 'prometheus.yml')],
    ['test', 'rules', join(INFRA, 'rules.test.yml')],
  ])('promtool %s %s', async (...args) => {
    expect((await run(programs.promtool, args)).stdout).toContain('SUCCESS');
  });

  test('the target is up, its token from a file', async () => {
    expect((await run(programs.promtool, ['check', 'config', config])).stdout).toContain('SUCCESS');
    const up = await eventually(
      () => prometheus.query('up'),
      (samples) => samples.length > 0,
    );
    const labels = { job: 'tidemark', instance: new URL(server.url).host };
    expect(up).toEqual([{ metric: { __name__: 'up', ...labels }, value: 1 }]);
  });

  test('every metric that docs/metrics.md lists is there, with its type', async () => {
    const found = await prometheus.api<{ metric: string; type: string }[]>('targets/metadata');
    const text = await readFile(join(CHECKOUT, 'docs/metrics.md'), 'utf8');
    const listed = /^\| `(\w+)` +\| (counter|gauge|histogram) /gm;
    const documented = [...text.matchAll(listed)].map(([, name, type]) => `${name} ${type}`);
    expect(found.map(({ metric, type }) => `${metric} ${type}`).toSorted()).toEqual(
      documented.toSorted(),
    );
    expect(documented.length).toBeGreaterThan(50);
  });

  test('every step has a rate, a latency, and no errors', async () => {
    const text = await readFile(join(CHECKOUT, 'docs/metrics.md'), 'utf8');
    const steps = [...text.split('## Steps')[1]!.matchAll(/^\| ([a-z ]+?) +(\| `.*)$/gm)].map(
      ([, name, cells = '']) => [
        name,
        ...[...cells.matchAll(/`([^`]+)`/g)].map(([, cell = '']) => cell.replaceAll('\\|', '|')),
      ],
    );
    expect(steps).toHaveLength(11);
    for (const [name, rate, errors, latency] of steps) {
      const perSecond = await eventually(
        () => prometheus.value(`sum(rate(${rate}[1m]))`),
        (value) => value > 0,
      );
      expect(perSecond, name).toBeLessThan(1e6);
      const failed = await prometheus.value(`sum(rate(${errors}[1m])) or vector(0)`);
      expect(failed, name).toBe(0);
      const bucket = `sum by (le) (rate(${latency}_bucket[1m]))`;
      const seconds = await eventually(
        () => prometheus.value(`histogram_quantile(0.99, ${bucket})`),
        (value) => value > 0,
      );
      expect(seconds, name).toBeLessThan(60);
    }
  });

  test('ages and times to live are sane', async () => {
    expect(await prometheus.value('tidemark_timestamp_age_seconds')).toBeLessThan(3600);
    expect(await prometheus.value('tidemark_unsealed_age_seconds')).toBeGreaterThanOrEqual(0);
    await eventually(
      () => prometheus.value('tidemark_unsealed_age_seconds'),
      (value) => value < 10,
    );
    const days = await prometheus.query('tidemark_role_expiry_seconds / 86400');
    const rounded = days.map(({ metric, value }) => [metric['role'], Math.round(value)]);
    expect(Object.fromEntries(rounded)).toEqual({
      root: 365,
      targets: 365,
      bins: 365,
      snapshot: 1,
      timestamp: 1,
    });
  });

  test('all rules are loaded and healthy, and none fires', async () => {
    const loaded = await eventually(rules, (all) =>
      all.every(({ health }) => health !== 'unknown'),
    );
    const text = await readFile(join(INFRA, 'rules.yml'), 'utf8');
    const ours = [...text.matchAll(/- alert: (\w+)/g)].map(([, name = '']) => name);
    // Its groups come in no particular order.
    expect(loaded.map(({ name }) => name).toSorted()).toEqual(ours.toSorted());
    for (const { name, health, lastError } of loaded) {
      expect([name, health, lastError]).toEqual([name, 'ok', undefined]);
    }
    // What that group says is about the disks and the load of the machine that runs this.
    const others = loaded.filter(({ group }) => group !== 'tidemark-machine');
    expect(others.length).toBeGreaterThan(10);
    expect(others.filter(({ state }) => state !== 'inactive').map(({ name }) => name)).toEqual([]);
    // Nor has any ever; before the first scrape the ledger was missed, which takes more than 2 s to matter.
    const names = others.map(({ name }) => name).join('|');
    const ever = `count_over_time(ALERTS{alertname=~"${names}",instance!=""}[5m])`;
    expect(await prometheus.query(ever)).toEqual([]);
  });

  test('a fault is pending, fires, says why, and is over once it is mended', async () => {
    // Nothing can be published without it, whoever runs this.
    const needed = join(ledger.folder, 'metadata', '.tmp');
    await rename(needed, `${needed}-gone`);
    const { alerts } = await eventually(
      () => rule('TidemarkNotReady'),
      ({ state }) => state === 'firing',
    );
    expect(alerts.map(({ annotations }) => annotations)).toEqual([
      {
        summary: `The ledger ${new URL(server.url).host} does not do its work: publish.io`,
        runbook: 'docs/runbook.md#tidemarknotready',
      },
    ]);
    const pending = 'ALERTS{alertname="TidemarkNotReady",alertstate="pending"}';
    expect(await prometheus.value(`count_over_time(${pending}[5m])`)).toBeGreaterThan(0);
    const faults = await eventually(
      () => rule('TidemarkFaults'),
      ({ state }) => state === 'firing',
    );
    expect(faults.alerts[0]!.annotations['summary']).toContain('The step publisher of the ledger');

    await rename(`${needed}-gone`, needed);
    await eventually(
      () => rule('TidemarkNotReady'),
      ({ state }) => state === 'inactive',
    );
  });
});
