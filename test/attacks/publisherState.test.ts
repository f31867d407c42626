/**
 * Whoever can write to the publisher's LevelDB, but holds no key, gains nothing (trust table: the
 * publisher's state): what nobody signed for is neither published nor signed over.
 */
import { sha256HexNative } from '@tidemark/canonical/native';
import { rowKey, Rows, type StateDb } from '@tidemark/ledger';
import { memoryFiles, openMemory, type MemoryFiles } from '@tidemark/publish';
import { beforeAll, describe, expect, test } from 'vitest';
import { AttackedLedger, copyOf, database } from './ledger.ts';

const IMAGE = 0x49;
const SNAPSHOT = 0x53;

/** An image's JSON, as far as it is rewritten here. */
interface ImageHead {
  state: {
    leaf: { time: number; merkle_root: string; snapshot: { sha256: string } };
    log: { hashes: string[] };
    control: { hashes: string[] };
    classic: { sha256: string; expires: number; time: number; keyid: string };
  };
  positions: number[];
}

let ledger: AttackedLedger;
let shardStates: StateDb[];
let honest: StateDb;
let files: MemoryFiles;
let visible: number;

beforeAll(async () => {
  ledger = await AttackedLedger.make();
  shardStates = [database(), database()];
  files = memoryFiles();
  honest = database();
  const shard = await ledger.openShard(shardStates);
  const publisher = await ledger.openPublisher(honest, openMemory(files));
  for (let i = 0; i < 3; i++) {
    await ledger.upload();
    await ledger.settle(shard, publisher);
  }
  visible = publisher.visible!.n;
  expect(visible).toBeGreaterThanOrEqual(3);
  await publisher.close();
  await honest.open();
});

test('an honest image is gone on from', async () => {
  const db = await copyOf(honest);
  const store = memoryFiles();
  const publisher = await ledger.openPublisher(db, openMemory(store));
  expect(publisher.visible?.n).toBe(visible);
  // Not folded again: only what always comes first is put there anew.
  expect([...store.keys()].toSorted()).toEqual(['checkpoint', 'timestamp.json']);
  expect(publisher.due).toBeGreaterThan(0);
  expect(publisher.due).toBe(publisher.dueNext);
});

describe('a rewritten image halts the publisher before anything is signed or published', () => {
  test.each<[string, (head: ImageHead, table: Buffer) => void]>([
    ['another hash of a bin', (_, table) => table.writeUInt8(table[10]! ^ 1, 10)],
    ['another version of a bin', (_, table) => table.writeUIntBE(table.readUIntBE(0, 6) + 2, 0, 6)],
    ['another length of a role', (_, table) => table.writeUInt32BE(7, table.length - 36)],
    ['a leaf that was never sealed', ({ state }) => state.leaf.time++],
    ['another Merkle root', ({ state }) => (state.leaf.merkle_root = sha256HexNative('x'))],
    ['another snapshot log', ({ state }) => (state.log.hashes[0] = sha256HexNative('x'))],
    ['another tree of control', ({ state }) => (state.control.hashes[0] = sha256HexNative('x'))],
    ['another snapshot.json', ({ state }) => (state.classic.sha256 = sha256HexNative('x'))],
    [
      'another snapshot.json, stated by the leaf too',
      ({ state }) => {
        state.classic.sha256 = sha256HexNative('x');
        state.leaf.snapshot.sha256 = state.classic.sha256;
      },
    ],
    ['a snapshot.json that never expires', ({ state }) => (state.classic.expires *= 2)],
    ['a snapshot.json of another time', ({ state }) => state.classic.time--],
    ['a snapshot.json by another key', ({ state }) => (state.classic.keyid = 'a'.repeat(64))],
    ['another place in the leaves log', ({ positions }) => positions[1]!--],
    ['an earlier place in the leaves log', ({ positions }) => (positions[0] = 1)],
    ['no place in the leaves log', ({ positions }) => (positions.length = 0)],
  ])('%s', async (_, rewrite) => {
    await expectRefused(async (rows) => {
      const row = (await rows.latest(IMAGE, 2 ** 47))!;
      const length = row.value.readUInt32BE(0);
      const head = JSON.parse(row.value.toString('utf8', 4, 4 + length)) as ImageHead;
      const table = Buffer.from(row.value.subarray(4 + length));
      rewrite(head, table);
      const text = Buffer.from(JSON.stringify(head));
      const size = Buffer.alloc(4);
      size.writeUInt32BE(text.length);
      rows.put(rowKey(IMAGE, 0, row.number), Buffer.concat([size, text, table]));
    });
  });
});

describe('so does a rewritten snapshot', () => {
  test.each<[string, (row: Record<string, string> & { leaf: { root: number } }) => void]>([
    ['another timestamp', (row) => (row['timestamp'] += ' ')],
    ['another Merkle root', (row) => (row['merkleRoot'] = sha256HexNative('x'))],
    ['another leaf', (row) => row.leaf.root++],
    ['a checkpoint without a signature', (row) => (row['checkpoint'] = 'x\n1\ny\n\n')],
    [
      'a checkpoint with another signature',
      (row) => (row['checkpoint'] = row['checkpoint']!.replace(/.{9}\n$/, 'AAAAAAAA=\n')),
    ],
  ])('%s', async (_, rewrite) => {
    await expectRefused(async (rows) => {
      const { number, value } = (await rows.latest(SNAPSHOT, 2 ** 47))!;
      const row = JSON.parse(value.toString()) as Parameters<typeof rewrite>[0];
      rewrite(row);
      rows.put(rowKey(SNAPSHOT, 0, number), Buffer.from(JSON.stringify(row)));
    });
  });
});

async function expectRefused(attack: (rows: Rows) => Promise<void>): Promise<void> {
  const db = await copyOf(honest);
  const rows = new Rows(db, 'attacked');
  await attack(rows);
  await rows.flush();
  const ends = await ledger.ends();
  const published = bytesOf(files);

  await expect(ledger.openPublisher(db, openMemory(files))).rejects.toMatchObject(UNSIGNED);

  expect(await ledger.ends()).toEqual(ends);
  expect(bytesOf(files)).toEqual(published);
  await expectRebuilt(published);
}

const UNSIGNED = {
  code: 'state.unsigned',
  message: expect.stringContaining('delete state/publisher') as string,
};

/** Without the state, the logs give the same files again. */
async function expectRebuilt(published: ReadonlyMap<string, string>): Promise<void> {
  const again = memoryFiles();
  const publisher = await ledger.openPublisher(database(), openMemory(again));
  while (await publisher.step());
  expect(publisher.visible?.n).toBe(visible);
  expect(bytesOf(again)).toEqual(published);
}

function bytesOf(store: MemoryFiles): Map<string, string> {
  return new Map(
    [...store].map(([name, { bytes }]) => [name, Buffer.from(bytes).toString('base64')]),
  );
}
