/**
 * Whoever can write to a shard's LevelDB, but holds no key, gains nothing (trust table: LevelDB of a
 * shard): rows with valid checksums that no shard signed for are never folded over.
 */
import { ROW, rowKey, Rows, type StateDb } from '@tidemark/ledger';
import { openMemory } from '@tidemark/publish';
import { expect, test } from 'vitest';
import { AttackedLedger, copyOf, database } from './ledger.ts';

test('a rewritten marker halts the shard, and the log has nothing new', async () => {
  const { ledger, states, n } = await ledgerWithOneUpload();
  const honest = await ledger.openShard(await Promise.all(states.map(copyOf)));
  await honest.step();
  expect(honest.runners.get(0)?.n).toBe(n);
  const ends = await ledger.ends();

  await rewriteMarker(states[0]!);

  await expect(ledger.openShard(states).then((shard) => shard.step())).rejects.toMatchObject({
    code: 'state.unsigned',
  });
  expect(await ledger.ends()).toEqual(ends);
});

/** Claims that the partition has given fewer versions than it has: the next bin would repeat some. */
async function rewriteMarker(db: StateDb): Promise<void> {
  const rows = new Rows(db, 'attacked');
  const row = (await rows.latest(ROW.marker, 2 ** 47))!;
  const marker = JSON.parse(row.value.toString()) as { k: number };
  const forged = JSON.stringify({ ...marker, k: marker.k - 1 });
  rows.put(rowKey(ROW.marker, 0, row.number), Buffer.from(forged));
  await rows.flush();
}

async function ledgerWithOneUpload() {
  const ledger = await AttackedLedger.make();
  const states = [database(), database()];
  const shard = await ledger.openShard(states);
  const publisher = await ledger.openPublisher(database(), openMemory());
  await ledger.settle(shard, publisher);
  await ledger.upload();
  await ledger.settle(shard, publisher);
  const n = publisher.visible!.n;
  expect(n).toBeGreaterThanOrEqual(2);
  return { ledger, states, n };
}
