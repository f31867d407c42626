/** What a loaded ledger sustains, and how long an upload takes to become visible at a given rate. */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Event } from '@tidemark/event';
import type { Engine } from '@tidemark/cli';
import { load, untilAllVisible } from './ledger.ts';

/** Events sent and not visible yet, at the most: the client waits like one that heeds a 429. */
const BACKLOG_MAX = 60_000;
const CHUNK = 2000;

export interface Rate {
  readonly uploads: number;
  readonly bins: number;
  readonly bytesPerUpload: number;
}

/** As much as the ledger takes, with a bounded backlog, all of it visible at the end. */
export async function sustained(
  engine: Engine,
  uploads: Iterator<Event>,
  seconds: number,
): Promise<Rate> {
  await untilAllVisible(engine);
  const before = await rolesSigned(engine);
  const bytesBefore = await bytesWritten();
  const start = performance.now();
  let sent = 0;
  const unseen: Promise<void>[] = [];
  while (performance.now() - start < seconds * 1000) {
    await load(engine, uploads, CHUNK, 4);
    sent += CHUNK;
    unseen.push(untilAllVisible(engine));
    if (unseen.length * CHUNK > BACKLOG_MAX) await unseen.shift();
  }
  await Promise.all(unseen);
  const took = (performance.now() - start) / 1000;
  const after = await rolesSigned(engine);
  return {
    uploads: sent / took,
    bins: (after - before) / took,
    bytesPerUpload: ((await bytesWritten()) - bytesBefore) / sent,
  };
}

/** Uploads a second of one batch, from its submission until all of it is visible. */
export async function batchRate(
  engine: Engine,
  uploads: Iterator<Event>,
  count: number,
): Promise<number> {
  await untilAllVisible(engine);
  const start = performance.now();
  await load(engine, uploads, count);
  await untilAllVisible(engine);
  return (count * 1000) / (performance.now() - start);
}

/** Percentiles (ms) from submission to a visible snapshot, one upload in fifty observed. */
export async function latency(
  engine: Engine,
  uploads: Iterator<Event>,
  perSecond: number,
  seconds: number,
): Promise<Percentiles> {
  await untilAllVisible(engine);
  const TICK_MS = 10;
  const perTick = (perSecond * TICK_MS) / 1000;
  const times: number[] = [];
  const observed: Promise<number>[] = [];
  const start = performance.now();
  for (let sent = 0; performance.now() - start < seconds * 1000;) {
    const due = ((performance.now() - start) / TICK_MS) * perTick;
    const batch: Event[] = [];
    for (; sent < due; sent++) batch.push(uploads.next().value as Event);
    if (batch.length > 0) {
      const at = performance.now();
      observed.push(observe(engine, batch).then((visibleAt) => times.push(visibleAt - at)));
    }
    await delay(TICK_MS);
  }
  await Promise.all(observed);
  return percentiles(times);
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

export function percentiles(values: readonly number[]): Percentiles {
  const ascending = values.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    ascending[Math.min(ascending.length - 1, Math.floor(share * ascending.length))]!;
  return { p50: at(0.5), p99: at(0.99) };
}

/** Submits a batch. @returns when all of it was visible */
async function observe(engine: Engine, batch: readonly Event[]): Promise<number> {
  const receipts = await engine.intake.submit(batch, 'bench');
  await engine.untilVisible(() => {
    const vector = engine.publisher.visible?.vector ?? [];
    return receipts.every(({ partition, offset }) => (vector[partition] ?? 0) > offset);
  });
  return performance.now();
}

async function rolesSigned(engine: Engine): Promise<number> {
  const shards = await engine.shards.stats();
  return shards.reduce((sum, shard) => sum + shard.rolesSigned, 0);
}

/** Bytes this process had the kernel write to disks: logs, state, compaction and files alike. Linux only. */
async function bytesWritten(): Promise<number> {
  const io = await readFile('/proc/self/io', 'utf8').catch(() => '');
  return Number(/^write_bytes: ([0-9]+)$/m.exec(io)?.[1] ?? Number.NaN);
}
