/**
 * The ledger through its HTTP edge: `tidemark serve` as a process of its own, the client on the same cores.
 * Uploads in NDJSON bodies of one line up to a thousand, the time until one is visible, and reads.
 */
import { writeFile } from 'node:fs/promises';
import { Agent } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Event } from '@tidemark/event';
import { tidemark, type Ledger, type Serving } from '../e2e/tidemark.ts';
import { bodyOf, post, resident, untilCaughtUp, type Client } from './client.ts';
import { load, makeLedger, untilAllVisible } from './ledger.ts';
import { overload, type Overload } from './overload.ts';
import { plot } from './plot.ts';
import { percentiles, type Percentiles } from './rates.ts';
import { benchReads } from './reads.ts';
import type { Results } from './results.ts';
import { prng, sequence } from './synthetic.ts';

const BITS = 16;
const CUT_MS = 250;
const BULK_CUT_MS = 5_000;
const LINES = [1, 10, 100, 1000] as const;
/** Uploads/s in bodies of a thousand lines. */
const UPLOADS_GOAL = 15_000;
/** Requests on their way at the same time. */
const CONNECTIONS = 16;
const LATENCY_PER_SECOND = 1_000;
const TICK_MS = 20;

/** Adds the figures of a ledger of so many targets to the results. */
export async function benchHttp(
  results: Results,
  setUp: {
    readonly targets: number;
    readonly seed: number;
    readonly seconds: number;
    readonly overloadSeconds: number;
    /** Where the course of the overload is drawn. */
    readonly plotFile: string | undefined;
  },
): Promise<void> {
  const { targets, seed, seconds, overloadSeconds, plotFile } = setUp;
  const uploads = sequence(prng(seed));
  await using made = await makeLedger(BITS, BULK_CUT_MS);
  await load(made.engine, uploads, targets);
  await untilAllVisible(made.engine);
  const ledger = await made.handOver();
  const token = await tokenFor(ledger);
  await using server = await serve(ledger);
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const client = { url: server.url, token, agent };
  const setup = `HTTP, ${targets} targets, 2^${BITS} bins, ${CUT_MS} ms cuts, ${CONNECTIONS} connections`;
  let sustained = 0;
  for (const lines of LINES) {
    const { durable, visible } = await uploadRates(client, uploads, lines, seconds);
    const goal = lines === 1000 ? { goal: UPLOADS_GOAL } : {};
    const what = `over HTTP, ${lines} a body`;
    results.add(`uploads ${what}, durable`, durable, 'uploads/s', setup, goal);
    results.add(`uploads ${what}, visible at the end`, visible, 'uploads/s', setup, {});
    sustained = visible;
  }
  const times = await latencies(client, uploads, seconds);
  for (const [name, ms] of Object.entries(times)) {
    results.add(`HTTP upload to visible at ${LATENCY_PER_SECOND}/s, ${name}`, ms, 'ms', setup, {});
  }
  const course = await overload(client, uploads, sustained, overloadSeconds);
  addOverload(results, course, `${setup}, three times too much for ${overloadSeconds} s`);
  if (plotFile !== undefined) await writeFile(plotFile, plot('Overload', course.series));
  await benchReads(results, client, seconds, setup);
  results.add('resident set of the server', (await resident(client)) / 2 ** 20, 'MiB', setup, {});
  agent.destroy();
}

function addOverload(results: Results, course: Overload, setup: string): void {
  const { accepted, refusedShare, recoveryMs, residentMax } = course;
  results.add('overload: accepted, and all of it visible', accepted, 'uploads', setup, {});
  results.add('overload: refused with 429', refusedShare * 100, '%', setup, {});
  results.add('overload: until nothing waits any more', recoveryMs, 'ms', setup, {});
  results.add('overload: resident set at the most', residentMax / 2 ** 20, 'MiB', setup, {});
}

async function serve(ledger: Ledger): Promise<Serving> {
  // What is measured is the server, not the limit for one subject.
  return ledger.serve('--cut-interval', `${CUT_MS}ms`, '--events-per-second', '1000000');
}

async function tokenFor({ folder }: Ledger): Promise<string> {
  const grant = ['--subject', 'bench', '--upload', '--admin', '--json'];
  const { stdout } = await tidemark(['tokens', 'create', folder, ...grant]);
  return (JSON.parse(stdout) as { token: string }).token;
}

/**
 * As many uploads as the server takes; what it refuses for now is sent again.
 * @returns so many a second that were durable, and, once those who wait are served too, visible
 */
async function uploadRates(
  client: Client,
  uploads: Iterator<Event>,
  lines: number,
  seconds: number,
): Promise<{ durable: number; visible: number }> {
  const start = performance.now();
  let accepted = 0;
  const connection = async (): Promise<void> => {
    while (performance.now() - start < seconds * 1000) {
      const body = bodyOf(uploads, lines);
      for (;;) {
        const answer = await post(client, '/v1/events', body);
        if (answer.status === 202) break;
        if (answer.status !== 429) throw new Error(`${answer.status} ${answer.body.toString()}`);
        await delay(answer.retryAfter * 1000);
      }
      accepted += lines;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  const rate = (): number => (accepted * 1000) / (performance.now() - start);
  const durable = rate();
  await untilCaughtUp(client);
  return { durable, visible: rate() };
}

/** Times (ms) from sending a body of some lines until it is answered as visible. */
async function latencies(
  client: Client,
  uploads: Iterator<Event>,
  seconds: number,
): Promise<Percentiles> {
  const perTick = (LATENCY_PER_SECOND * TICK_MS) / 1000;
  const agent = new Agent({ keepAlive: true });
  const times: number[] = [];
  const underWay: Promise<void>[] = [];
  const start = performance.now();
  for (let tick = 0; performance.now() - start < seconds * 1000; tick++) {
    const at = performance.now();
    const sent = post({ ...client, agent }, '/v1/events?wait=published', bodyOf(uploads, perTick));
    underWay.push(
      sent.then(({ status, body }) => {
        if (status !== 202) throw new Error(`${status} ${body.toString()}`);
        times.push(performance.now() - at);
      }),
    );
    await delay(Math.max(0, start + (tick + 1) * TICK_MS - performance.now()));
  }
  await Promise.all(underWay);
  agent.destroy();
  return percentiles(times);
}
