/** Rows: checksums over key and value, order of keys, newest and ranges, what a flush does. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ROW, rowKey, Rows } from '../src/rows.ts';
import { codeOf, codeOfAsync, memoryDb } from './support.ts';

const NUMBER_MAX = 2 ** 48 - 1;

test('keys sort by kind, number, bin', () => {
  const part = fc.tuple(
    fc.constantFrom(...Object.values(ROW)),
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    fc.integer({ min: 0, max: NUMBER_MAX }),
  );
  fc.assert(
    fc.property(part, part, (a, b) => {
      const order = a[0] - b[0] || a[2] - b[2] || a[1] - b[1];
      expect(Math.sign(Buffer.compare(rowKey(...a), rowKey(...b)))).toBe(Math.sign(order));
    }),
  );
  expect(rowKey(ROW.delta, 0x01020304, 0x050607080900).toString('hex')).toBe(
    '4405060708090001020304',
  );
});

describe('what is stored', () => {
  test('comes back once it is flushed, and not before', async () => {
    const rows = new Rows(await memoryDb(), 'here');
    const key = rowKey(ROW.body, 1, 2);
    rows.put(key, Buffer.from('value'));
    expect(rows.get(key)).toBeUndefined();
    await rows.flush();
    expect(rows.get(key)?.toString()).toBe('value');
    rows.put(rowKey(ROW.body, 1, 3), Buffer.alloc(0));
    rows.delete(key);
    await rows.flush();
    expect(rows.get(key)).toBeUndefined();
    expect(rows.get(rowKey(ROW.body, 1, 3))?.length).toBe(0);
    expect(rows.bytesWritten).toBe(11 + 4 + 5 + 11 + 4 + 11);
  });

  test('is not served with any bit flipped, nor under another key, nor cut short', async () => {
    const db = await memoryDb();
    const rows = new Rows(db, 'state of partition 3');
    const key = rowKey(ROW.marker, 0, 9);
    rows.put(key, Buffer.from('the value'));
    await rows.flush();
    const stored = db.getSync(key)!;
    for (let bit = 0; bit < stored.length * 8; bit++) {
      const damaged = Buffer.from(stored);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      await db.put(key, damaged);
      expect(codeOf(() => rows.get(key))).toBe('BrokenInvariant state.corrupt');
    }
    for (const length of [0, 3, 4, stored.length - 1]) {
      await db.put(key, stored.subarray(0, length));
      expect(codeOf(() => rows.get(key))).toBe('BrokenInvariant state.corrupt');
    }
    await db.put(rowKey(ROW.marker, 0, 8), stored);
    expect(codeOf(() => rows.get(rowKey(ROW.marker, 0, 8)))).toBe('BrokenInvariant state.corrupt');
    expect(await codeOfAsync(rows.latest(ROW.marker, 8))).toBe('BrokenInvariant state.corrupt');
    expect(await codeOfAsync(numbers(rows, 0, 9))).toBe('BrokenInvariant state.corrupt');
    expect(() => rows.get(rowKey(ROW.marker, 0, 8))).toThrow(
      'state of partition 3: row 4300000000000800000000 is damaged',
    );
  });
});

describe('by number', () => {
  const open = async (): Promise<Rows> => {
    const rows = new Rows(await memoryDb(), 'here');
    for (const number of [3, 255, 256, 70_000, 2 ** 40]) {
      rows.put(rowKey(ROW.marker, 0, number), Buffer.from(String(number)));
      rows.put(rowKey(ROW.heads, 0, number + 1), Buffer.from('other kind'));
      rows.put(rowKey(ROW.body, 7, number), Buffer.from('body'));
      rows.put(rowKey(ROW.body, 8, number), Buffer.from('body'));
    }
    await rows.flush();
    return rows;
  };

  test('the newest at or below', async () => {
    const rows = await open();
    const newest = async (number: number) => (await rows.latest(ROW.marker, number))?.number;
    expect(await newest(2)).toBeUndefined();
    expect(await newest(3)).toBe(3);
    expect(await newest(255)).toBe(255);
    expect(await newest(69_999)).toBe(256);
    expect(await newest(NUMBER_MAX)).toBe(2 ** 40);
    expect((await rows.latest(ROW.marker, 300))?.value.toString()).toBe('256');
  });

  test('a range has both its ends', async () => {
    const rows = await open();
    expect(await numbers(rows, 3, 256)).toEqual([3, 255, 256]);
    expect(await numbers(rows, 4, 254)).toEqual([]);
    expect(await numbers(rows, 300, 200)).toEqual([]);
    expect(await numbers(rows, 0, NUMBER_MAX)).toEqual([3, 255, 256, 70_000, 2 ** 40]);
  });

  test('one kind is cleared from a number on', async () => {
    const rows = await open();
    await rows.deleteFrom(ROW.body, 256);
    await rows.flush();
    const left = (bin: number) =>
      [3, 255, 256, 70_000, 2 ** 40].filter((n) => rows.get(rowKey(ROW.body, bin, n)));
    expect(left(7)).toEqual([3, 255]);
    expect(left(8)).toEqual([3, 255]);
    expect(await numbers(rows, 0, NUMBER_MAX)).toHaveLength(5);
  });
});

test('says when it is time to flush', async () => {
  const rows = new Rows(await memoryDb(), 'here');
  const value = Buffer.alloc(1 << 20);
  for (let i = 0; i < 4; i++) {
    expect(rows.full).toBe(false);
    rows.put(rowKey(ROW.body, 0, i), value);
  }
  expect(rows.full).toBe(true);
  await rows.flush();
  expect(rows.full).toBe(false);
});

test('a write that fails is an operating fault, and no later one can leave a gap', async () => {
  const db = await memoryDb();
  const rows = new Rows(db, 'here');
  rows.put(rowKey(ROW.body, 0, 1), Buffer.from('a'));
  await db.close();
  expect(await codeOfAsync(rows.flush())).toBe('OperatingFault state.write');
  await db.open();
  rows.put(rowKey(ROW.body, 0, 2), Buffer.from('b'));
  expect(await codeOfAsync(rows.flush())).toBe('OperatingFault state.write');
  expect(await codeOfAsync(rows.flush())).toBe('OperatingFault state.write');
  expect(rows.get(rowKey(ROW.body, 0, 2))).toBeUndefined();
});

async function numbers(rows: Rows, from: number, to: number): Promise<number[]> {
  const found: number[] = [];
  for await (const { number } of rows.range(ROW.marker, from, to)) found.push(number);
  return found;
}

describe('a scrub', () => {
  test('reads every row once, in pieces, and ends', async () => {
    const rows = new Rows(await memoryDb(), 'here');
    for (let n = 0; n < 50; n++) rows.put(rowKey(ROW.delta, n, n), Buffer.alloc(100, n));
    await rows.flush();
    let pieces = 0;
    let sum = 0;
    for (let after: Uint8Array | undefined; ; pieces++) {
      const piece = await rows.scrub(after, 1000);
      sum += piece.bytes;
      if (piece.after === undefined) break;
      after = piece.after;
    }
    expect([pieces, sum]).toEqual([5, 50 * (11 + 4 + 100)]);
    expect(await new Rows(await memoryDb(), 'here').scrub(undefined, 1)).toEqual({
      after: undefined,
      bytes: 0,
    });
  });

  test('says which row is not what was written, of whatever kind', async () => {
    const db = await memoryDb();
    const rows = new Rows(db, 'state of partition 3');
    for (const kind of [0x01, ...Object.values(ROW), 0xfe]) {
      rows.put(rowKey(kind, 1, 2), Buffer.from('value'));
    }
    await rows.flush();
    for (const kind of [0x01, ROW.window, 0xfe]) {
      const key = rowKey(kind, 1, 2);
      const stored = db.getSync(key)!;
      await db.put(key, Buffer.from(stored).fill(0, 5));
      await expect(rows.scrub(undefined, 1 << 20)).rejects.toThrow(key.toString('hex'));
      expect(await codeOfAsync(rows.scrub(undefined, 1 << 20))).toBe(
        'BrokenInvariant state.corrupt',
      );
      await db.put(key, stored);
    }
    expect((await rows.scrub(undefined, 1 << 20)).after).toBeUndefined();
  });
});
