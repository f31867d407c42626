// The scrub over stand-ins: it reads all there is, at its pace, and tells damage; a fault of the moment is waited out.
import { BrokenInvariant, OperatingFault } from '@tidemark/canonical';
import { memoryLogs } from '@tidemark/log';
import { expect, test } from 'vitest';
import { scrub } from '../src/engine/scrub.ts';

const NOTHING = { after: undefined, bytes: 0 };

test('reads every log and state, and again after a day', async () => {
  const read: string[] = [];
  const logs = await someLogs();
  const rounds: number[] = [];
  const stop = new AbortController();
  const shards = {
    scrub: async (partition: number, after: Uint8Array | undefined) => {
      read.push(`${partition}${after === undefined ? '' : ' on'}`);
      return after === undefined && partition === 1
        ? { after: new Uint8Array(1), bytes: 1000 }
        : NOTHING;
    },
  };
  const publisher = {
    scrub: async () => {
      read.push('publisher');
      return { after: undefined, bytes: 7 };
    },
  };
  const observer = { scrubbed: (bytes: number) => void rounds.push(bytes) };
  const pauses: number[] = [];
  const sleep = async (ms: number): Promise<void> => {
    pauses.push(ms);
    if (rounds.length === 2) stop.abort();
  };
  await scrub(logs, shards, () => publisher, options(observer, 1000), stop.signal, sleep);
  // 3 events of 5 bytes, a control record of 4; a day between the rounds.
  const round = [4, 0, 15, 1000, 0, 7];
  const day = 24 * 3_600_000;
  expect(rounds).toEqual([1026, 1026]);
  expect(read).toEqual(['0', '1', '1 on', 'publisher', '0', '1', '1 on', 'publisher']);
  expect(pauses).toEqual([...round, day, ...round, day]);
});

test('goes on after a fault of the moment, and ends at damage', async () => {
  const faults: Error[] = [
    new OperatingFault('thread.gone', 'started again'),
    new BrokenInvariant('state.corrupt', 'row 42'),
  ];
  const shards = {
    scrub: async () => {
      throw faults.shift()!;
    },
  };
  const rounds: number[] = [];
  const observer = { scrubbed: (bytes: number) => void rounds.push(bytes) };
  const { signal } = new AbortController();
  const publisher = { scrub: async () => NOTHING };
  const pauses: number[] = [];
  const sleep = async (ms: number): Promise<void> => void pauses.push(ms);
  const logs = await someLogs();
  const done = scrub(logs, shards, () => publisher, options(observer, 1000), signal, sleep);
  await expect(done).rejects.toMatchObject({ code: 'state.corrupt' });
  expect(pauses).toEqual([4, 5_000]);
  expect(rounds).toEqual([]);
});

async function someLogs() {
  const logs = memoryLogs(2);
  await logs.events.append(
    1,
    ['one__', 'two__', 'three'].map((text) => Buffer.from(text)),
  );
  await logs.control.append(0, [Buffer.from('cuts')]);
  return logs;
}

type Options = Parameters<typeof scrub>[3];

function options(observer: object, scrubBytesPerSecond: number): Options {
  return { observer: observer as NonNullable<Options['observer']>, scrubBytesPerSecond };
}
