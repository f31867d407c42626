/**
 * A start goes on from a checkpoint of the control log, which is stored with the state and signed by nobody.
 * Whoever leaves something out of it gains nothing, and however long the log is, few records are read.
 */
import { ROW, rowKey, Rows, type ControlCheckpoint, type StateDb } from '@tidemark/ledger';
import type { Logs } from '@tidemark/log';
import { openMemory } from '@tidemark/publish';
import { beforeAll, describe, expect, test } from 'vitest';
import { AttackedLedger, copyOf, database } from './ledger.ts';

const IMAGE = 0x49;
const LAST = 2 ** 47;

let ledger: AttackedLedger;
let shardStates: StateDb[];
let publisherState: StateDb;
/** Where the policy in force stands in the control log. */
let policy: number;
let visible: number;
/** Where the control log ends. */
let end: number;
/** Control records that a start reads: with as many uploads behind it as the key says. */
const read = new Map<number, { readonly shard: number; readonly publisher: number }>();

beforeAll(async () => {
  ledger = await AttackedLedger.make();
  shardStates = [database(), database()];
  publisherState = database();
  // Every cut makes a snapshot.json: the one in force is never long ago.
  policy = await ledger.policy(1, { classic_ms: 0 });
  for (const uploads of [8, 16]) {
    const shard = await ledger.openShard(shardStates);
    const publisher = await ledger.openPublisher(publisherState, openMemory());
    for (let i = 0; i < uploads; i++) {
      await ledger.upload();
      await ledger.settle(shard, publisher);
    }
    visible = publisher.visible!.n;
    await publisher.close();
    await publisherState.open();
    read.set(uploads, await readAtStart());
  }
}, 60_000);

test('a start reads as many control records whether the log is short or long', async () => {
  const end = await ledger.logs.control.end(0);
  expect(end).toBeGreaterThan(50);
  for (const service of ['shard', 'publisher'] as const) {
    const [short, long] = [read.get(8)![service], read.get(16)![service]];
    expect(long).toBeLessThan(25);
    expect(Math.abs(long - short)).toBeLessThan(8);
  }
});

describe('a checkpoint that leaves out the policy in force', () => {
  test('halts the shard before it writes anything; the logs give the state again', async () => {
    const states = await Promise.all(shardStates.map(copyOf));
    const ends = await ledger.ends();

    for (const db of states) await rewriteShard(db, (checkpoint) => without(checkpoint, policy));

    const attacked = await ledger.openShard(states);
    await expect(attacked.step()).rejects.toMatchObject({ code: 'state.unsigned' });
    expect(await ledger.ends()).toEqual(ends);
    const again = [database(), database()];
    const rebuilt = await ledger.openShard(again);
    while (await rebuilt.step());
    expect(rebuilt.runners.get(0)?.n).toBe(visible);
    expect(await ledger.ends()).toEqual(ends);
    for (const p of [0, 1]) expect(await rowsOf(again[p]!)).toEqual(await rowsOf(shardStates[p]!));
  });

  test('halts the publisher before it publishes anything; the logs give the state again', async () => {
    const db = await copyOf(publisherState);
    const ends = await ledger.ends();

    await rewriteImage(db, (checkpoint) => without(checkpoint, policy));

    await expect(ledger.openPublisher(db, openMemory())).rejects.toMatchObject({
      code: 'state.unsigned',
    });
    expect(await ledger.ends()).toEqual(ends);
    const rebuilt = await ledger.openPublisher(database(), openMemory());
    while (await rebuilt.step());
    expect(rebuilt.visible?.n).toBe(visible);
    expect(await ledger.ends()).toEqual(ends);
  });
});

test.each<[string, string, (checkpoint: ControlCheckpoint) => ControlCheckpoint]>([
  ['a document is left out', 'state.control', (all) => without(all, 1)],
  [
    'another record is kept',
    'state.control',
    (all) => ({ ...all, kept: [...all.kept, policy + 1] }),
  ],
  ['one is kept twice', 'state.control', (all) => ({ ...all, kept: [...all.kept, policy] })],
  ['the cut is an older one', 'state.unsigned', (all) => ({ ...all, cuts: [all.cuts[0]! - 2] })],
  ['the cut is none', 'state.control', (all) => ({ ...all, cuts: [all.cuts[0]! + 1] })],
  ['a record is passed over', 'state.unsigned', (all) => ({ ...all, next: all.next + 1 })],
  ['all is passed over', 'state.unsigned', (all) => ({ ...all, next: end })],
])('where %s, a shard halts (%s)', async (_, code, rewrite) => {
  const states = await Promise.all(shardStates.map(copyOf));
  const ends = await ledger.ends();
  end = ends.at(-1)!;

  for (const db of states) await rewriteShard(db, rewrite);

  const run = ledger.openShard(states).then(async (shard) => shard.step());
  await expect(run).rejects.toMatchObject({ code });
  expect(await ledger.ends()).toEqual(ends);
});

test.each<[string, (checkpoint: ControlCheckpoint) => ControlCheckpoint, code: string]>([
  ['a cut', ({ next, kept }) => ({ next, kept, cuts: [] }), 'state.control'],
  ['a document', (checkpoint) => without(checkpoint, 1), 'state.control'],
  ['the next record', (all) => ({ ...all, next: all.next + 1 }), 'log.truncated'],
  [
    'what a cut chains to',
    (all) => ({ ...all, cuts: [all.cuts[0]!, ...all.cuts] }),
    'state.control',
  ],
  ['what is behind the log', (all) => ({ ...all, next: LAST }), 'log.truncated'],
])('one that leaves out %s is refused too', async (_, rewrite, code) => {
  const db = await copyOf(publisherState);
  await rewriteImage(db, rewrite);
  await expect(ledger.openPublisher(db, openMemory())).rejects.toMatchObject({ code });
});

/** Counts the records that a shard and a publisher read of the control log until they are current. */
async function readAtStart(): Promise<{ shard: number; publisher: number }> {
  const counted = oneByOne(ledger.logs);
  const shard = await ledger.openShard(await Promise.all(shardStates.map(copyOf)), counted.logs);
  await shard.step();
  const byShard = counted.reads();
  await ledger.openPublisher(await copyOf(publisherState), openMemory(), counted.logs);
  return { shard: byShard, publisher: counted.reads() - byShard };
}

/** Logs that give control records one at a time. */
function oneByOne(logs: Logs): { logs: Logs; reads: () => number } {
  let reads = 0;
  const control: Logs['control'] = {
    append: async (partition, records) => logs.control.append(partition, records),
    end: async (partition) => logs.control.end(partition),
    read: async (partition, from, signal) => {
      reads++;
      const { first, records } = await logs.control.read(partition, from, signal);
      return { first, records: records.slice(0, 1) };
    },
  };
  const { events, leaves, partitions } = logs;
  const close = async (): Promise<void> => logs.close();
  const counted = { events, leaves, partitions, control, close, [Symbol.asyncDispose]: close };
  return { logs: counted, reads: () => reads };
}

function without(checkpoint: ControlCheckpoint, left: number): ControlCheckpoint {
  expect(checkpoint.kept).toContain(left);
  return { ...checkpoint, kept: checkpoint.kept.filter((offset) => offset !== left) };
}

async function rewriteShard(
  db: StateDb,
  rewrite: (checkpoint: ControlCheckpoint) => ControlCheckpoint,
): Promise<void> {
  const rows = new Rows(db, 'attacked');
  const { number, value } = (await rows.latest(ROW.control, LAST))!;
  const forged = rewrite(JSON.parse(value.toString()) as ControlCheckpoint);
  rows.put(rowKey(ROW.control, 0, number), Buffer.from(JSON.stringify(forged)));
  await rows.flush();
}

/** Every row but checkpoints: where those are taken depends on where a fold began. */
async function rowsOf(db: StateDb): Promise<Map<string, string>> {
  const rows = new Map<string, string>();
  for await (const [key, value] of db.iterator()) {
    if (key[0] !== ROW.control) rows.set(key.toString('hex'), value.toString('hex'));
  }
  return rows;
}

async function rewriteImage(
  db: StateDb,
  rewrite: (checkpoint: ControlCheckpoint) => ControlCheckpoint,
): Promise<void> {
  const rows = new Rows(db, 'attacked');
  const { number, value } = (await rows.latest(IMAGE, LAST))!;
  const length = value.readUInt32BE(0);
  const head = JSON.parse(value.toString('utf8', 4, 4 + length)) as { control: ControlCheckpoint };
  const text = Buffer.from(JSON.stringify({ ...head, control: rewrite(head.control) }));
  const size = Buffer.alloc(4);
  size.writeUInt32BE(text.length);
  rows.put(rowKey(IMAGE, 0, number), Buffer.concat([size, text, value.subarray(4 + length)]));
  await rows.flush();
}
