// A receipt is of an event that the log holds: other places are no receipts, whatever lies there.
import { createSigner } from '@tidemark/canonical/native';
import { utf8 } from '@tidemark/canonical';
import { encodeBatch, encodeEvent, parseEvent } from '@tidemark/event';
import { memoryLogs } from '@tidemark/log';
import { expect, test } from 'vitest';
import { isEventAt } from '../src/engine/receipts.ts';

const LEDGER = 'f'.repeat(32);
const signer = createSigner(new Uint8Array(32).fill(7));
const event = encodeEvent(parseEvent({ id: 'x', type: 'target.removed', path: 'a/b' }));

function batch(partition: number, events: number, ledger = LEDGER): Uint8Array {
  const header = { ledger, partition, intake: '0'.repeat(16), seq: 0, time: 1, subjects: ['x'] };
  return encodeBatch(header, Array<string>(events).fill(event), signer);
}

test('an event of a batch stands there, and nothing beside it or behind the end', async () => {
  const { events } = memoryLogs(2);
  const isAt = (partition: number, offset: number, index: number) =>
    isEventAt(events, { ledger: LEDGER }, { partition, offset, index });
  expect(await isAt(0, 0, 0)).toBe(false);
  await events.append(0, [batch(0, 1), batch(0, 3)]);
  const at = [
    [0, 0, 0],
    [0, 0, 1],
    [0, 1, 0],
    [0, 1, 2],
    [0, 1, 3],
    [0, 2, 0],
    [0, 999_999_999_999_999, 0],
    [1, 0, 0],
  ] as const;
  const found = await Promise.all(at.map(([p, offset, index]) => isAt(p, offset, index)));
  expect(found).toEqual([true, false, true, true, false, false, false, false]);
});

test('what is no batch of this ledger and partition holds no events', async () => {
  const { events } = memoryLogs(1);
  const others = [utf8('junk'), batch(1, 1), batch(0, 1, 'e'.repeat(32)), batch(0, 1)];
  await events.append(0, others);
  const found = others.map(async (_, offset) =>
    isEventAt(events, { ledger: LEDGER }, { partition: 0, offset, index: 0 }),
  );
  expect(await Promise.all(found)).toEqual([false, false, false, true]);
});
