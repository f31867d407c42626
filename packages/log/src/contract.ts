/**
 * What every adapter of the port must do, as one suite of tests. An adapter's test calls
 * `logsContract` with a way to open it.
 */

import { OperatingFault, RejectedInput } from '@tidemark/canonical';
import { array, assert, asyncProperty, nat, uint8Array } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { laneNames } from './logs.ts';
import { appendBytesMax, chunkBytesMax, chunkRecordsMax, recordBytesMax } from './port.ts';
import type { Log, Logs } from './port.ts';

export interface LogsFactory {
  /** New, empty logs with at least two partitions; the suite closes them. */
  open(): Promise<Logs>;
  /** Opens again, in a new handle, what `logs` stored; `logs` was closed before. */
  reopen?(logs: Logs): Promise<Logs>;
}

export function logsContract(name: string, factory: LogsFactory): void {
  describe(`the contract of logs: ${name}`, () => {
    describe('appends', () => appends(factory));
    describe('reads', () => reads(factory));
    describe('long polls', () => longPolls(factory));
    describe('limits', () => limits(factory));
    describe('close', () => closes(factory));
    describe.skipIf(factory.reopen === undefined)('reopen', () => reopens(factory));
  });
}

/** All records of a partition, chunk after chunk. */
export async function readAll(log: Log, partition: number, from = 0): Promise<Uint8Array[]> {
  const end = await log.end(partition);
  const all: Uint8Array[] = [];
  while (from + all.length < end) {
    const chunk = await log.read(partition, from + all.length);
    expect(chunk.first).toBe(from + all.length);
    all.push(...chunk.records);
  }
  return all;
}

function appends(factory: LogsFactory): void {
  test('offsets are contiguous from 0 in every partition of every topic, each for itself', async () => {
    await using logs = await factory.open();
    expect(logs.partitions).toBeGreaterThanOrEqual(2);
    for (const { topic, partition } of laneNames(logs.partitions)) {
      expect(await logs[topic].end(partition)).toBe(0);
      expect(await logs[topic].append(partition, texts(`${topic}${partition}`))).toBe(0);
      expect(await logs[topic].append(partition, texts('b', 'c'))).toBe(1);
      expect(await logs[topic].append(partition, texts('d'))).toBe(3);
    }
    for (const { topic, partition } of laneNames(logs.partitions)) {
      expect(await logs[topic].end(partition)).toBe(4);
      const chunk = await logs[topic].read(partition, 0);
      expect(chunk.first).toBe(0);
      expect(textsOf(chunk.records)).toEqual([`${topic}${partition}`, 'b', 'c', 'd']);
    }
  });

  test('appends are stored and acknowledged in the order of the calls', async () => {
    await using logs = await factory.open();
    const acknowledged: number[] = [];
    const firsts = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        const first = await logs.events.append(1, texts(`${i}a`, `${i}b`));
        acknowledged.push(first);
        return first;
      }),
    );
    const expected = Array.from({ length: 200 }, (_, i) => 2 * i);
    expect(firsts).toEqual(expected);
    expect(acknowledged).toEqual(expected);
    const records = textsOf(await readAll(logs.events, 1));
    expect(records).toEqual(expected.flatMap((_, i) => [`${i}a`, `${i}b`]));
  });

  test('bytes come back as they were, empty records too', async () => {
    await using logs = await factory.open();
    const every = Uint8Array.from({ length: 256 }, (_, i) => i);
    const inside = every.subarray(100, 110);
    const longest = new Uint8Array(recordBytesMax).fill(7);
    await logs.leaves.append(0, [every, new Uint8Array(0), inside, longest]);
    const { records } = await logs.leaves.read(0, 0);
    expect(records.map((record) => Array.from(record))).toEqual([
      Array.from(every),
      [],
      Array.from(inside),
      Array.from(longest),
    ]);
  });

  test('an append of no records answers the end and stores nothing', async () => {
    await using logs = await factory.open();
    await logs.control.append(0, texts('a'));
    expect(await logs.control.append(0, [])).toBe(1);
    expect(await logs.control.end(0)).toBe(1);
  });

  test('any sequence of appends reads back as itself, from any offset', async () => {
    const record = uint8Array({ maxLength: 40 });
    const sequence = array(array(record, { maxLength: 5 }), { maxLength: 12 });
    await assert(
      asyncProperty(sequence, nat(), async (groups, start) => {
        await using logs = await factory.open();
        const all = groups.flat();
        await Promise.all(groups.map((group) => logs.events.append(0, group)));
        const from = start % (all.length + 1);
        const read = await readAll(logs.events, 0, from);
        expect(read.map((r) => Array.from(r))).toEqual(all.slice(from).map((r) => Array.from(r)));
      }),
      { numRuns: 15 },
    );
  });
}

function reads(factory: LogsFactory): void {
  test('a read starts where it is asked to', async () => {
    await using logs = await factory.open();
    await logs.events.append(0, texts('a', 'b', 'c'));
    const chunk = await logs.events.read(0, 2);
    expect(chunk.first).toBe(2);
    expect(textsOf(chunk.records)).toEqual(['c']);
  });

  test('a chunk has at most 1,024 records', async () => {
    await using logs = await factory.open();
    const all = Array.from({ length: 2500 }, (_, i) => `${i}`);
    await logs.events.append(0, texts(...all));
    expect((await logs.events.read(0, 0)).records.length).toBeLessThanOrEqual(chunkRecordsMax);
    expect(textsOf(await readAll(logs.events, 0))).toEqual(all);
  });

  test('a chunk has about 1 MiB, and however large a record is, it comes', async () => {
    await using logs = await factory.open();
    const large = Array.from({ length: 60 }, (_, i) => new Uint8Array(50_000).fill(i));
    await logs.events.append(0, large);
    const { records } = await logs.events.read(0, 0);
    const bytes = records.reduce((sum, record) => sum + record.length, 0);
    expect(bytes).toBeLessThanOrEqual(chunkBytesMax + recordBytesMax);
    const all = await readAll(logs.events, 0);
    expect(all.map((record) => [record.length, record[0]])).toEqual(
      large.map((record) => [record.length, record[0]]),
    );
  });

  test('an offset beyond the end is a truncation', async () => {
    await using logs = await factory.open();
    await logs.events.append(0, texts('a'));
    await expect(logs.events.read(0, 2)).rejects.toMatchObject({
      name: 'BrokenInvariant',
      code: 'log.truncated',
    });
  });
}

function longPolls(factory: LogsFactory): void {
  test('a read at the end waits for the next append, however many wait', async () => {
    await using logs = await factory.open();
    await logs.events.append(0, texts('a'));
    let answered = 0;
    const waiting = Array.from({ length: 5 }, async () => {
      const chunk = await logs.events.read(0, 1);
      answered += 1;
      return chunk;
    });
    // Neither the past nor another partition or topic wakes them.
    await logs.events.append(1, texts('x', 'y', 'z'));
    await logs.leaves.append(0, texts('x', 'y', 'z'));
    await logs.events.read(0, 0);
    expect(answered).toBe(0);
    await logs.events.append(0, texts('b', 'c'));
    for (const chunk of await Promise.all(waiting)) {
      expect(chunk.first).toBe(1);
      expect(textsOf(chunk.records)[0]).toBe('b');
    }
  });

  test('a follower sees every record once and in order while others append', async () => {
    await using logs = await factory.open();
    const seen: string[] = [];
    const follow = async (): Promise<void> => {
      while (seen.length < 300) {
        seen.push(...textsOf((await logs.control.read(0, seen.length)).records));
      }
    };
    const following = follow();
    for (let i = 0; i < 300; i += 3) {
      await logs.control.append(0, texts(`${i}`, `${i + 1}`, `${i + 2}`));
    }
    await following;
    expect(seen).toEqual(Array.from({ length: 300 }, (_, i) => `${i}`));
  });

  test('an aborted read answers without records', async () => {
    await using logs = await factory.open();
    const controller = new AbortController();
    const waiting = logs.events.read(0, 0, controller.signal);
    await logs.events.end(0);
    controller.abort();
    expect(await waiting).toEqual({ first: 0, records: [] });
    await logs.events.append(0, texts('a'));
    expect(await logs.events.read(0, 0, controller.signal)).toEqual({ first: 0, records: [] });
    expect(textsOf((await logs.events.read(0, 0)).records)).toEqual(['a']);
  });
}

function limits(factory: LogsFactory): void {
  const tooMany = Array.from({ length: 513 }, () => new Uint8Array(appendBytesMax / 512));
  const refused: [string, string, (logs: Logs) => Promise<unknown>][] = [
    [
      'a record above 65,535 bytes',
      'log.record_too_large',
      (logs) => logs.events.append(0, [new Uint8Array(1), new Uint8Array(recordBytesMax + 1)]),
    ],
    ['an append above 16 MiB', 'log.append_too_large', (logs) => logs.events.append(0, tooMany)],
    ['a partition too many', 'log.partition', (logs) => logs.events.append(logs.partitions, [])],
    ['a second partition of control', 'log.partition', (logs) => logs.control.read(1, 0)],
    ['a negative partition', 'log.partition', (logs) => logs.leaves.end(-1)],
    ['half a partition', 'log.partition', (logs) => logs.leaves.end(0.5)],
    ['a negative offset', 'log.offset', (logs) => logs.events.read(0, -1)],
    ['half an offset', 'log.offset', (logs) => logs.events.read(0, 0.5)],
  ];
  test.each(refused)('%s is refused, and nothing is stored', async (_, code, attempt) => {
    await using logs = await factory.open();
    await logs.events.append(0, texts('a'));
    const failure = await attempt(logs).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(RejectedInput);
    expect(failure).toMatchObject({ code });
    expect(textsOf(await readAll(logs.events, 0))).toEqual(['a']);
  });
}

function closes(factory: LogsFactory): void {
  test('close waits for accepted appends, ends reads and is idempotent', async () => {
    const logs = await factory.open();
    const appended = logs.events.append(0, texts('a'));
    const waiting = logs.events.read(1, 0).catch((error: unknown) => error);
    await Promise.all([logs.close(), logs.close()]);
    await logs.close();
    expect(await appended).toBe(0);
    const calls = [
      await waiting,
      await logs.events.append(0, texts('b')).catch((error: unknown) => error),
      await logs.events.read(0, 0).catch((error: unknown) => error),
      await logs.events.end(0).catch((error: unknown) => error),
    ];
    for (const failure of calls) {
      expect(failure).toBeInstanceOf(OperatingFault);
      expect(failure).toMatchObject({ code: 'log.closed' });
    }
  });
}

function reopens(factory: LogsFactory): void {
  test('everything acknowledged is there again, and the offsets go on', async () => {
    const before = await factory.open();
    const all = Array.from({ length: 1500 }, (_, i) => `record ${i}`);
    await before.events.append(1, texts(...all));
    await before.control.append(0, texts('c'));
    await before.close();
    await using after = await (factory.reopen?.(before) ?? factory.open());
    expect(await after.events.end(0)).toBe(0);
    expect(await after.events.end(1)).toBe(1500);
    expect(textsOf(await readAll(after.events, 1))).toEqual(all);
    expect(textsOf((await after.events.read(1, 1499)).records)).toEqual(['record 1499']);
    expect(await after.events.append(1, texts('next'))).toBe(1500);
    expect(await after.control.append(0, texts('d'))).toBe(1);
    expect(textsOf(await readAll(after.control, 0))).toEqual(['c', 'd']);
  });
}

const texts = (...strings: string[]): Uint8Array[] =>
  strings.map((string) => new TextEncoder().encode(string));

const textsOf = (records: readonly Uint8Array[]): string[] =>
  records.map((record) => new TextDecoder().decode(record));
