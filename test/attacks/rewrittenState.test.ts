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

  await rewriteMarker(states[0]!, n);

  await expectUnsigned(ledger, states);
  expect(await ledger.ends()).toEqual(ends);
});

test('so does one that a void leads back to, whatever state stands before it now', async () => {
  const { ledger, states, shard, publisher } = await ledgerWithOneUpload();
  await ledger.upload();
  const cut = await ledger.cut(publisher);
  while (await shard.step());
  expect(shard.runners.get(0)?.n).toBe(cut.n);
  const kept = await Promise.all(states.map(copyOf));
  await rewriteMarker(states[0]!, cut.n - 1);
  // Nobody has asked about it yet: the state of the cut itself is as it was signed.
  await (await ledger.openShard(await Promise.all(states.map(copyOf)))).step();

  await ledger.void(cut);

  const ends = await ledger.ends();
  await expectUnsigned(ledger, states);
  expect(await ledger.ends()).toEqual(ends);
  const honest = await ledger.openShard(kept);
  while (await honest.step());
  expect(honest.runners.get(0)?.n).toBe(cut.n);
});

test('so does the marker of a void, for which nobody signs', async () => {
  const { ledger, states, shard, publisher } = await ledgerWithOneUpload();
  await ledger.upload();
  const cut = await ledger.cut(publisher);
  await ledger.void(cut);
  while (await shard.step());
  expect(shard.runners.get(0)?.n).toBe(cut.n);
  expect(shard.runners.get(0)?.stats.cuts).toBe(cut.n - 1);
  const honest = await ledger.openShard(await Promise.all(states.map(copyOf)));
  await honest.step();
  const ends = await ledger.ends();

  await rewriteMarker(states[0]!, cut.n);

  await expectUnsigned(ledger, states);
  expect(await ledger.ends()).toEqual(ends);
});

async function expectUnsigned(ledger: AttackedLedger, states: readonly StateDb[]): Promise<void> {
  const attacked = await ledger.openShard(states);
  const run = async (): Promise<void> => {
    while (await attacked.step());
  };
  await expect(run()).rejects.toMatchObject({ code: 'state.unsigned' });
}

test('a rewritten idempotency window halts it too, and the logs give the same state again', async () => {
  const { ledger, states, n } = await ledgerWithOneUpload();
  const p = await partitionWithWindow(states);
  const ends = await ledger.ends();

  await rewriteWindow(states[p]!);

  await expect(ledger.openShard(states)).rejects.toMatchObject({
    code: 'state.idempotency',
    message: expect.stringContaining('delete this state') as string,
  });
  expect(await ledger.ends()).toEqual(ends);
  const rebuilt = await ledger.openShard([database(), database()]);
  while (await rebuilt.step());
  expect(rebuilt.runners.get(p)?.n).toBe(n);
  expect(await ledger.ends()).toEqual(ends);
});

async function partitionWithWindow(states: readonly StateDb[]): Promise<number> {
  const found = await Promise.all(
    states.map((db) => new Rows(db, 'looked at').latest(ROW.window, 2 ** 47)),
  );
  return found.findIndex((row) => row !== undefined);
}

/** Claims to have seen an event that is still to come: it would count as a duplicate. */
async function rewriteWindow(db: StateDb): Promise<void> {
  const rows = new Rows(db, 'attacked');
  const { number, value } = (await rows.latest(ROW.window, 2 ** 47))!;
  const forged = Buffer.from(value);
  forged.fill(7, forged.length - 32, forged.length - 16);
  rows.put(rowKey(ROW.window, 0, number), forged);
  await rows.flush();
}

/** Claims that the partition has given fewer versions than it has: the next bin would repeat some. */
async function rewriteMarker(db: StateDb, n: number): Promise<void> {
  const rows = new Rows(db, 'attacked');
  const row = rows.get(rowKey(ROW.marker, 0, n))!;
  const marker = JSON.parse(row.toString()) as { k: number };
  const forged = JSON.stringify({ ...marker, k: marker.k - 1 });
  rows.put(rowKey(ROW.marker, 0, n), Buffer.from(forged));
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
  return { ledger, states, n, shard, publisher };
}
