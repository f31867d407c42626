/**
 * `npm run bench`: the figures that the README states, each beside its floor or its peer, measured in
 * the same run; `--help` says what may be chosen.
 *
 * The floor is taken before and after what it is compared with: shared machines change their speed.
 * One bin in 64 is verified after signing (policy sample); timestamp, snapshot and checkpoint are. Classic
 * snapshot.json at most every second of cut time.
 */
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import type { Event } from '@tidemark/event';
import { openSource, type Engine } from '@tidemark/cli';
import { floorPerSecond } from './floor.ts';
import { benchHttp } from './http.ts';
import { load, makeLedger, MEMORY_BUDGET_BYTES, SHARDS, untilAllVisible } from './ledger.ts';
import { peerBatch } from './peer.ts';
import { batchRate, latency, sustained } from './rates.ts';
import { benchClients } from './refresh.ts';
import { Results } from './results.ts';
import { prng, sequence } from './synthetic.ts';

/** PEP 458's number of targets (P30). */
const TARGETS = 2_273_539;
const SEED = 458;
/** While a list is loaded cuts come seldom, as an operator would set it. */
const BULK_CUT_MS = 5_000;
/** What python-tuf publishes at once, and we. */
const BATCH = 10_000;
/** What a client fetches depends little on how many targets there are. */
const CLIENTS_SHARE = 0.2;
const PARTS = ['bins', 'real', 'http', 'clients'] as const;
const HELP = `
npm run bench -- [--quick] [--only PART] [--json FILE] [--plot FILE]
  --quick      a tenth of the targets
  --only PART  ${PARTS.join(', ')}; may be repeated
  --json FILE  the figures as data, too
  --plot FILE  the course of the overload, as SVG`;

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [...PARTS] },
    json: { type: 'string' },
    plot: { type: 'string' },
  },
});
const { quick, only } = values;
const unknown = only.find((part) => !PARTS.includes(part as (typeof PARTS)[number]));
if (values.help || unknown !== undefined) {
  console.error(unknown === undefined ? HELP : `there is no part ${unknown}\n${HELP}`);
  process.exit(unknown === undefined ? 0 : 2);
}
const targets = quick ? Math.round(TARGETS / 10) : TARGETS;
const results = new Results(
  `${availableParallelism()} cores, Node ${process.version}, ${SHARDS} shards, ` +
    `${targets} targets, memory budget ${MEMORY_BUDGET_BYTES >> 20} MiB, seed ${SEED}`,
);

if (only.includes('bins')) await benchAllBins();
if (only.includes('real')) await benchReal();
if (only.includes('http')) {
  await benchHttp(results, {
    targets,
    seed: SEED,
    seconds: quick ? 3 : 8,
    overloadSeconds: quick ? 10 : 60,
    plotFile: values.plot,
  });
}
if (only.includes('clients')) {
  await benchClients(results, Math.round(targets * CLIENTS_SHARE), SEED);
}
results.print();
if (values.json !== undefined) await writeFile(values.json, `${results.json()}\n`);
process.exit(0);

async function benchAllBins(): Promise<void> {
  const peer = await peerBatch(targets, BATCH);
  if (peer !== undefined) {
    const { rate, setup } = peer;
    results.add('peer: python-tuf, a batch durably published', rate, 'uploads/s', setup, {});
  }
  for (const bits of [14, 16]) await benchBins(bits, peer?.rate);
}

async function benchBins(bits: number, peer: number | undefined): Promise<void> {
  const setup = `2^${bits} bins`;
  const uploads = sequence(prng(SEED));
  await using ledger = await makeLedger(bits, BULK_CUT_MS);
  const start = performance.now();
  await load(ledger.engine, uploads, targets);
  await untilAllVisible(ledger.engine);
  const seconds = (performance.now() - start) / 1000;
  results.add('bulk load to the first signed snapshot', targets / seconds, 'targets/s', setup, {
    goal: 100_000,
  });
  for (const cutMs of [250, 1000]) {
    await ledger.restart(cutMs);
    // The first changes after a start read bins from the disk; what is sustained begins behind them.
    await sustained(ledger.engine, uploads, quick ? 5 : 15);
    const averageBytes = await averageBinBytes(ledger.engine, bits);
    const before = await floorPerSecond(averageBytes);
    const rate = await sustained(ledger.engine, uploads, quick ? 5 : 15);
    const floor = (before + (await floorPerSecond(averageBytes))) / 2;
    const at = `${setup} of ${Math.round(averageBytes)} B, ${cutMs} ms cuts`;
    results.add('sustained uploads', rate.uploads, 'uploads/s', at, {});
    results.add('sustained signed bins', rate.bins, 'bins/s', at, { floor, goalRatio: 0.5 });
    results.add('written to disk', rate.bytesPerUpload, 'B/upload', at, {});
    for (const perSecond of [1000, 10_000]) {
      const { p50, p99 } = await latency(ledger.engine, uploads, perSecond, quick ? 3 : 8);
      results.add(`upload to visible at ${perSecond}/s, p50`, p50, 'ms', at, {});
      results.add(`upload to visible at ${perSecond}/s, p99`, p99, 'ms', at, {});
    }
  }
  await sustained(ledger.engine, uploads, 5);
  const batch = await batchRate(ledger.engine, uploads, BATCH);
  results.add(
    'a batch to visible',
    batch,
    'uploads/s',
    `${setup}, ${BATCH} at once, 1000 ms cuts`,
    peer === undefined ? {} : { peer },
  );
  const restart = await ledger.restart(1000);
  results.add('restart', restart, 'ms', setup, { goalMax: 3000 });
  const { bodies, rss } = memory(ledger.engine);
  results.add('bodies in memory', bodies / 2 ** 20, 'MiB', setup, {
    goalMax: MEMORY_BUDGET_BYTES / 2 ** 20,
  });
  results.add('resident set of the process', rss / 2 ** 20, 'MiB', setup, {});
}

/** The real list, where it is at hand. */
async function benchReal(): Promise<void> {
  const folder = process.env['TIDEMARK_DATA'];
  if (folder === undefined) return;
  const { items } = await openSource(`${folder}/debian-bookworm.tsv.gz`, { stdin: process.stdin });
  const events: Event[] = [];
  for await (const item of items) if ('event' in item) events.push(item.event);
  await using ledger = await makeLedger(14, BULK_CUT_MS);
  const start = performance.now();
  await load(ledger.engine, events.values(), events.length);
  await untilAllVisible(ledger.engine);
  const rate = (events.length * 1000) / (performance.now() - start);
  results.add(
    'bulk load of Debian bookworm',
    rate,
    'targets/s',
    `${events.length} real, 2^14 bins`,
    {},
  );
}

async function averageBinBytes(engine: Engine, bits: number): Promise<number> {
  const shards = await engine.shards.stats();
  return shards.reduce((sum, { binBytes }) => sum + binBytes, 0) / 2 ** bits;
}

function memory(engine: Engine): { bodies: number; rss: number } {
  return { bodies: engine.shards.figures.memoryBytes, rss: process.memoryUsage.rss() };
}
