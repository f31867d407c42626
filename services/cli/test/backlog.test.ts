// How far the log is ahead of what is visible, and since when: read from the log, whatever lies in it.
import { createSigner } from '@tidemark/canonical/native';
import { utf8 } from '@tidemark/canonical';
import { encodeBatch, encodeEvent, parseEvent } from '@tidemark/event';
import { memoryLogs } from '@tidemark/log';
import { expect, test } from 'vitest';
import { backlogOf } from '../src/operations/backlog.ts';

const signer = createSigner(new Uint8Array(32).fill(7));
const event = encodeEvent(
  parseEvent({
    id: 'x',
    type: 'target.added',
    path: 'a/b',
    length: 1,
    hashes: { sha256: 'a'.repeat(64) },
  }),
);

function batch(partition: number, time: number): Uint8Array {
  const header = { ledger: 'f'.repeat(32), partition, intake: '0'.repeat(16), seq: 0, time };
  return encodeBatch({ ...header, subjects: ['x'] }, [event], signer);
}

test('nothing behind, then the oldest of what is', async () => {
  const { events } = memoryLogs(2);
  expect(await backlogOf(events, [0, 0])).toEqual({ records: 0, since: undefined });
  await events.append(0, [batch(0, 3000), batch(0, 4000)]);
  await events.append(1, [batch(1, 2000)]);
  expect(await backlogOf(events, [0, 0])).toEqual({ records: 3, since: 2000 });
  expect(await backlogOf(events, [1, 1])).toEqual({ records: 1, since: 4000 });
  expect(await backlogOf(events, [2, 1])).toEqual({ records: 0, since: undefined });
});

test('what somebody else put there counts, but says no time', async () => {
  const { events } = memoryLogs(2);
  await events.append(0, [utf8('junk'), utf8('{"signatures":[],"signed":{"type":"batch"}}')]);
  expect(await backlogOf(events, [0, 0])).toEqual({ records: 2, since: undefined });
  await events.append(0, [batch(0, 5000)]);
  expect(await backlogOf(events, [0, 0])).toEqual({ records: 3, since: 5000 });
});

test('a vector beyond the end, as of a poisoned cut, is no backlog', async () => {
  const { events } = memoryLogs(2);
  expect(await backlogOf(events, [9, 9])).toEqual({ records: 0, since: undefined });
});
