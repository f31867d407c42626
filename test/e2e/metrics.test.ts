// Metrics of a real run: judged by Prometheus' own tool, held against what happened and what is documented.
import { spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requireComponent } from '../support/component.ts';
import { temporaryFolder } from '../support/files.ts';
import { providePrometheus } from '../support/provision.ts';
import { CHECKOUT, initLedger, tidemark, type Ledger, type Serving } from './tidemark.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let ledger: Ledger;
let server: Serving;
let uploader: string;
let admin: string;
let scraped: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  ledger = await initLedger(join(folder.path, 'index'), '--bins', '64');
  uploader = await token('--upload', 'team');
  admin = await token('--admin');
  server = await ledger.serve('--cut-interval', '50ms');
  const before = await newest();
  await post([event('team/a'), event('team/b'), event('other/c'), { id: 'x' }]);
  await post([event('team/a', 2)]);
  for (let i = 0; i < 50; i++) await server.get(`no/such/path/${i}`);
  expect(await newest()).toBeGreaterThan(before);
  scraped = await throughSocket('/metrics');
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function token(...grant: string[]): Promise<string> {
  const args = ['tokens', 'create', ledger.folder, '--subject', 'x', ...grant, '--json'];
  return (JSON.parse((await tidemark(args)).stdout) as { token: string }).token;
}

async function newest(): Promise<number> {
  return (await ledger.json<{ snapshot: number }>('status')).snapshot;
}

function event(path: string, length = 1): object {
  const sha256 = createHash('sha256').update(path).digest('hex');
  return { id: randomUUID(), type: 'target.added', path, length, hashes: { sha256 } };
}

async function post(events: readonly object[]): Promise<void> {
  const response = await fetch(new URL('v1/events?wait=published', server.url), {
    method: 'POST',
    headers: { authorization: `Bearer ${uploader}` },
    body: JSON.stringify(events),
  });
  await response.text();
}

async function throughSocket(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socketPath = join(ledger.folder, 'serve.sock');
    request({ socketPath, path }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.once('end', () => resolve(text));
    })
      .once('error', reject)
      .end();
  });
}

/** Of the series with exactly these labels. */
function valueOf(series: string): number | undefined {
  const line = scraped.split('\n').find((each) => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

test('every step of the flow has counted what happened', () => {
  expect({
    accepted: valueOf('tidemark_uploads_accepted_total'),
    path: valueOf('tidemark_uploads_refused_total{code="token.path"}'),
    event: valueOf('tidemark_uploads_refused_total{code="event.type"}'),
    durable: valueOf('tidemark_intake_events_total'),
    waits: valueOf('tidemark_intake_seconds_count'),
    applied: valueOf('tidemark_fold_events_total{outcome="applied"}'),
    rejected: valueOf('tidemark_fold_events_total{outcome="rejected"}'),
    unsealed: valueOf('tidemark_unsealed_records'),
    age: valueOf('tidemark_unsealed_age_seconds'),
    ready: valueOf('tidemark_ready'),
    budget: valueOf('tidemark_bodies_limit_bytes'),
    absent: valueOf(
      'tidemark_http_requests_total{listener="public",method="GET",route="none",status="404"}',
    ),
    problems: valueOf('tidemark_http_problems_total{code="http.not_found"}'),
    posts: valueOf('tidemark_http_request_seconds_count{route="/v1/events"}'),
  }).toEqual({
    accepted: 3,
    path: 1,
    event: 1,
    durable: 3,
    waits: 2,
    applied: 2,
    rejected: 1,
    unsealed: 0,
    age: 0,
    ready: 1,
    budget: 512 * 2 ** 20,
    absent: 50,
    problems: 50,
    posts: 2,
  });
  for (const name of [
    'snapshots_total',
    'cuts_total',
    'cut_seconds_count',
    'visible_seconds_count',
    'fold_seconds_count',
    'fold_roles_signed_total',
    'fold_state_bytes_total',
    'log_records_total',
    'log_commit_seconds_count',
    'log_commit_appends_sum',
    'http_sent_bytes_total',
    'bodies_bytes',
    'timestamp_age_seconds',
  ]) {
    expect([name, valueOf(`tidemark_${name}`)]).toEqual([name, expect.any(Number)]);
    expect(valueOf(`tidemark_${name}`), name).toBeGreaterThan(0);
  }
  for (const name of [
    'process_cpu_seconds_total',
    'nodejs_heap_size_used_bytes',
    'process_open_fds',
  ]) {
    expect(valueOf(name), name).toBeGreaterThan(0);
  }
});

test('a client that leaves in the middle is counted, with its route and no status', async () => {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.write(
    `POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${uploader}\r\n` +
      'content-length: 100\r\n\r\n[',
  );
  await delay(100);
  socket.destroy();
  const left =
    'tidemark_http_requests_total{listener="public",method="POST",route="/v1/events",status="0"} 1';
  while (!(await throughSocket('/metrics')).includes(left)) await delay(50);
});

test('how long each role lives is told in seconds', () => {
  const days = Object.fromEntries(
    ['root', 'targets', 'bins', 'snapshot', 'timestamp'].map((role) => {
      const seconds = valueOf(`tidemark_role_expiry_seconds{role="${role}"}`) ?? Number.NaN;
      return [role, Math.round(seconds / 86_400)];
    }),
  );
  expect(days).toEqual({ root: 365, targets: 365, bins: 365, snapshot: 1, timestamp: 1 });
});

test('docs/metrics.md lists exactly what a scrape has', async () => {
  const text = await readFile(join(CHECKOUT, 'docs/metrics.md'), 'utf8');
  const documented = [...text.matchAll(/^\| `(\w+)` +\| (counter|gauge|histogram) /gm)].map(
    ([, name, type]) => [name, type],
  );
  const found = [...scraped.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => [
    name,
    type,
  ]);
  expect(new Set(found.map(String))).toEqual(new Set(documented.map(String)));
  expect(found.length).toBeGreaterThan(40);
});

describe('on the public listener', () => {
  const statusWith = async (at: Serving, bearer?: string): Promise<number> => {
    const headers = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
    const response = await fetch(new URL('metrics', at.url), { headers });
    await response.text();
    return response.status;
  };

  test('it needs an admin’s token', async () => {
    expect(await statusWith(server)).toBe(401);
    expect(await statusWith(server, uploader)).toBe(403);
    expect(await statusWith(server, admin)).toBe(200);
  });

  test('unless the settings say otherwise', async () => {
    const other = await initLedger(join(folder.path, 'other'), '--bins', '64');
    const file = join(folder.path, 'serve.json');
    const answers = [];
    for (const access of ['everyone', 'nobody']) {
      await writeFile(file, JSON.stringify({ metrics: { access } }));
      await using serving = await other.serve('--config', file);
      answers.push(await statusWith(serving));
    }
    expect(answers).toEqual([200, 404]);
  });
});

await requireComponent('Prometheus', providePrometheus, 'promtool', ({ promtool }) => {
  /** @returns its exit status and what it said */
  async function check(metrics: string): Promise<[number | null, string]> {
    const child = spawn(promtool, ['check', 'metrics']);
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (said += text));
    }
    child.stdin.end(metrics);
    return new Promise((resolve, reject) => {
      child.once('error', reject).once('close', (code) => resolve([code, said]));
    });
  }

  test('finds nothing wrong with a scrape', async () => {
    expect(await check(scraped)).toEqual([0, '']);
  });

  test('but does with a gauge that is named like a counter', async () => {
    const [code, said] = await check(
      `${scraped}# HELP x_total X.\n# TYPE x_total gauge\nx_total 1\n`,
    );
    expect([code, said]).toEqual([3, expect.stringContaining('x_total')]);
  });
});
