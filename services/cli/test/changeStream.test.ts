// Streams of changes on their own: signs of life, listeners that are gone, and how many there may be.
import type { ChangePlace } from '@tidemark/ledger';
import { Hono } from 'hono';
import { expect, test } from 'vitest';
import type { Engine } from '../src/engine/engine.ts';
import { ChangeStreams, type StreamLimits } from '../src/http/changeStream.ts';
import { startOf } from '../src/http/cursor.ts';

const LIMITS: StreamLimits = {
  listenersMax: 2,
  changesMax: 10,
  heartbeatMs: 10_000,
  stalledMs: 10_000,
};

/** A ledger of one partition, of which each snapshot changes some paths of one bin. */
class TestLedger {
  n = 1;
  asked = 0;
  readonly perSnapshot: number;
  private readonly waiting = new Set<() => void>();

  constructor(perSnapshot: number) {
    this.perSnapshot = perSnapshot;
  }

  get engine(): Engine {
    return {
      genesis: { ledger: '0'.repeat(32), partitions: 1, bits: 4, prefix: 'bin' },
      publisher: this,
      shards: this,
      untilVisible: async (holds: () => boolean, signal: AbortSignal) => {
        while (!holds() && !signal.aborted) {
          await new Promise<void>((resolve) => {
            this.waiting.add(resolve);
            signal.addEventListener('abort', () => resolve());
          });
        }
      },
    } as unknown as Engine;
  }

  get visible(): { n: number } {
    return { n: this.n };
  }

  snapshot(n: number): object {
    return { n, time: 0 };
  }

  async changes(_partition: number, n: number, from: ChangePlace, max: number) {
    this.asked++;
    const end = Math.min(this.perSnapshot, from.op + max);
    const changes = Array.from({ length: end - from.op }, (_, i) => ({
      bin: 0,
      version: n,
      path: `${n}/${from.op + i}`,
      value: null,
    }));
    return { changes, next: end < this.perSnapshot ? { bin: 0, op: end } : undefined };
  }

  publish(): void {
    this.n++;
    for (const told of this.waiting) told();
  }
}

function open(ledger: TestLedger, limits: Partial<StreamLimits> = {}) {
  const streams = new ChangeStreams(ledger.engine, { ...LIMITS, ...limits });
  const app = new Hono().get('/', (context) => streams.open(context, startOf(1)));
  const destroyed = { times: 0 };
  const outgoing = { destroy: () => destroyed.times++ };
  const listen = async (method = 'GET') => app.request('/', { method }, { outgoing });
  return { listen, destroyed };
}

async function next(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const { value } = await reader.read();
  return Buffer.from(value ?? []).toString();
}

function pathsIn(message: string): string[] {
  const data = /^data: (.*)$/m.exec(message)?.[1] ?? '{"changes":[]}';
  const { changes } = JSON.parse(data) as { changes: readonly { readonly path: string }[] };
  return changes.map(({ path }) => path);
}

test('every message is a page, and the next is made when that one is taken', async () => {
  const ledger = new TestLedger(25);
  const { listen } = open(ledger);
  const reader = (await listen()).body!.getReader();
  expect(await next(reader)).toMatch(/^id: \S+\n\n$/);
  const sizes = [];
  for (let i = 1; i <= 3; i++) {
    sizes.push(pathsIn(await next(reader)).length);
    expect(ledger.asked).toBe(i);
  }
  expect(sizes).toEqual([10, 10, 5]);
  ledger.publish();
  expect(pathsIn(await next(reader))[0]).toBe('2/0');
  await reader.cancel();
});

test('where nothing changes there is a sign of life, which is no event', async () => {
  const { listen } = open(new TestLedger(0), { heartbeatMs: 5 });
  const reader = (await listen()).body!.getReader();
  const first = await next(reader);
  const later = [await next(reader), await next(reader)];
  for (const text of [first, ...later]) expect(text).toMatch(/^id: \S+\n\n$/);
  // It has seen the one snapshot meanwhile, and need not begin there again.
  expect(new Set(later).size).toBe(1);
  expect(later[0]).not.toBe(first);
  await reader.cancel();
});

test('one that takes nothing is cut off; one that listens is not', async () => {
  const { listen, destroyed } = open(new TestLedger(1), { stalledMs: 500, heartbeatMs: 5 });
  const busy = (await listen()).body!.getReader();
  for (let i = 0; i < 120; i++) await next(busy);
  expect(destroyed.times).toBe(0);
  await busy.cancel();
  await listen();
  while (destroyed.times === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(destroyed.times).toBe(1);
});

test('places are given back, also by one that failed', async () => {
  const ledger = new TestLedger(1);
  const { listen } = open(ledger);
  const readers = [await listen(), await listen()].map(({ body }) => body!.getReader());
  expect((await listen()).status).toBe(429);
  expect((await listen('HEAD')).status).toBe(429);
  await readers[0]!.cancel();
  expect((await listen('HEAD')).status).toBe(200);
  ledger.changes = async () => {
    throw new Error('a shard is gone');
  };
  const reader = (await listen()).body!.getReader();
  await next(reader);
  await expect(next(reader)).rejects.toThrow('a shard is gone');
  expect((await listen()).status).toBe(200);
  expect((await listen()).status).toBe(429);
});
