// Figures of the shards: kept as they tell them, and at hand while none of them can answer.
import { expect, test } from 'vitest';
import type { FoldReport } from '@tidemark/shard';
import type { Engine } from '../src/engine/engine.ts';
import { MetricObserver } from '../src/operations/metricObserver.ts';
import { roomsOf } from '../src/operations/rooms.ts';
import { ShardFigures } from '../src/engine/shardFigures.ts';
import { statusOf } from '../src/engine/status.ts';
import { ledgerFolder } from '../src/folder/ledgerFolder.ts';

const report = (partition: number, change: Partial<FoldReport> = {}): FoldReport => ({
  n: 1,
  partition,
  applied: 5,
  rejected: 1,
  roles: 2,
  ignored: [],
  stateBytes: 10,
  memoryBytes: 100,
  ms: 4,
  decideMs: 1,
  writeMs: 2,
  reportMs: 0.5,
  ...change,
});

test('sums over cuts, the last word of each partition', () => {
  const figures = new ShardFigures();
  figures.opened(0, { memoryBytes: new Map([[0, 7]]) });
  figures.opened(1, { memoryBytes: new Map([[1, 8]]) });
  expect([figures.runningCount, figures.memoryBytes]).toEqual([2, 15]);
  figures.folded(report(0, { ignored: [['batch.ledger', 3]] }));
  figures.folded(report(0, { memoryBytes: 50, ignored: [['batch.ledger', 1]] }));
  const { applied, rejected, ignored, memoryBytes } = figures;
  expect({ applied, rejected, ignored, memoryBytes }).toEqual({
    applied: 10,
    rejected: 2,
    ignored: 4,
    memoryBytes: 58,
  });
  figures.ended(0, [0]);
  expect([figures.runningCount, figures.memoryBytes, figures.applied]).toEqual([1, 8, 10]);
});

test('a scrape and the status come while no shard answers', async () => {
  const figures = new ShardFigures();
  figures.opened(0, { memoryBytes: new Map() });
  figures.folded(report(0));
  const engine = engineWith(figures);
  const measured = new MetricObserver();
  measured.folded(report(0));
  const { text } = await measured.scrape(engine, 5000);
  const lines = text.split('\n');
  for (const line of [
    'tidemark_bodies_bytes 100',
    'tidemark_shards 2',
    'tidemark_shards_running 1',
    'tidemark_fold_events_total{outcome="applied"} 5',
    'tidemark_decide_seconds_sum 0.001',
    'tidemark_write_bins_seconds_sum 0.002',
    'tidemark_report_seconds_sum 0.0005',
    'tidemark_unsealed_age_seconds 4',
    'tidemark_disk_free_bytes{folder="log"} 10',
    'tidemark_disk_size_bytes{folder="log"} 20',
  ]) {
    expect(lines).toContain(line);
  }
  expect(await statusOf(engine)).toMatchObject({
    shards: 1,
    events_applied: 5,
    events_without_effect: 1,
    records_ignored: 0,
    shard_memory_bytes: 100,
  });
});

/** What is asked of a ledger whose shards are busy for ever. */
function engineWith(figures: ShardFigures): Engine {
  const never = async (): Promise<never> => new Promise(() => {});
  return {
    genesis: { ledger: 'x', name: 'x', bits: 6, partitions: 2, delegation: 'succinct' },
    shards: { figures, stats: never },
    backlog: { get: async () => ({ records: 1, since: 1000 }) },
    rooms: { get: async () => [{ folder: 'log', freeBytes: 10, diskBytes: 20 }] },
    intake: { queueBytes: 0, queueBytesMax: 1 },
    options: { shards: 2, memoryBudgetBytes: 1000 },
    fault: undefined,
    publisher: {
      refused: 0,
      dueNext: 0,
      control: {
        view: { documents: {}, policy: { classic_ms: 1000, conflict: 'reject' } },
        last: { n: 1 },
        ignored: new Map(),
      },
    },
  } as unknown as Engine;
}

test('room is told of folders that are there', async () => {
  const here = ledgerFolder(import.meta.dirname);
  expect(await roomsOf(here)).toEqual([]);
  const rooms = await roomsOf({ ...here, log: import.meta.dirname });
  expect(rooms.map(({ folder }) => folder)).toEqual(['log']);
  expect(rooms[0]!.diskBytes).toBeGreaterThan(rooms[0]!.freeBytes);
});
