// What `tidemark status` says to people: what is wrong first, times as people count them.
import { expect, test } from 'vitest';
import { statusLines } from '../src/commands/status.ts';

const NOW = Date.UTC(2026, 10, 24, 12);
const at = (ms: number): string => new Date(NOW + ms).toISOString();
const DAY = 86_400_000;

const WELL = {
  ledger: 'a1b2',
  name: 'index',
  bins: 16_384,
  partitions: 4,
  delegation: 'succinct',
  shards: 2,
  snapshot: 11,
  snapshot_time: at(-3_500),
  classic_snapshot: 10,
  classic_ms: 1000,
  merkle_root: '2841d24b',
  root_version: 1,
  root_expires: at(364 * DAY),
  cut: 11,
  next_due: at(11.5 * 3_600_000),
  events_applied: 5024,
  events_without_effect: 4,
  records_ignored: 0,
  queue_bytes: 0,
  backlog_records: 0,
  backlog_since: null,
  expires: { root: at(364 * DAY), snapshot: at(36 * 3_600_000), timestamp: at(90_000) },
  shard_memory_bytes: 12_345_678,
  shard_memory_limit_bytes: 536_870_912,
  reasons: [],
  fault: null,
};

test('a ledger that is well', () => {
  expect(statusLines(WELL, true, NOW).join('\n')).toBe(
    `index         a server is running; it does its work

snapshot      11, 3 seconds ago; snapshot.json states 10
  merkle root 2841d24b
backlog       nothing waits for a snapshot
events        5,024 applied since the start, 4 without effect; 0 records ignored
memory        12.3 MB of 537 MB for bodies of bins

expires       root       in 364 days (2027-11-23T12:00Z), version 1
              snapshot   in 36 hours (2026-11-26T00:00Z)
              timestamp  in 90 seconds (2026-11-24T12:01Z)
  renewal     in 11 hours, at the latest

ledger        a1b2
  shape       16,384 bins (succinct), 4 partitions, 2 shards`,
  );
});

test('one that is not', () => {
  const lines = statusLines(
    {
      ...WELL,
      reasons: [{ code: 'log.full', detail: 'no space left' }],
      fault: 'log.full: no space left',
      backlog_records: 1200,
      backlog_since: at(-5 * 60_000),
      queue_bytes: 2_000_000,
      expires: { root: at(-2 * DAY) },
      next_due: at(-1),
    },
    true,
    NOW,
  );
  expect(lines).toContain('index         a server is running; it does not do its work');
  expect(lines).toContain('  not ready   no space left (log.full)');
  expect(lines).toContain('  waiting out log.full: no space left');
  expect(lines).toContain(
    'backlog       1,200 records wait for a snapshot, the oldest taken in 5 minutes ago; 2.00 MB wait for the disk',
  );
  expect(lines).toContain(
    'expires       root       EXPIRED 2 days ago (2026-11-22T12:00Z), version 1',
  );
  expect(lines).toContain('  renewal     is due');
});

test('one at rest', () => {
  const [first] = statusLines(WELL, false, NOW);
  expect(first).toBe('index         no server is running');
});

test('a new one', () => {
  const none = { snapshot: 0, snapshot_time: null, merkle_root: null, next_due: null };
  const lines = statusLines({ ...WELL, ...none, expires: {} }, true, NOW);
  expect(lines.slice(2, 4)).toEqual([
    'snapshot      none yet',
    'backlog       nothing waits for a snapshot',
  ]);
  expect(lines.join('\n')).not.toMatch(/undefined|null|NaN/);
});
