/** The idempotency window against a list that forgets nothing: the same answers, whatever was cleaned when. */
import { sha256HexNative, sha256Native } from '@tidemark/canonical/native';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CHUNK_ENTRIES_MAX,
  IdempotencyIndex,
  type FirstSeen,
  type IdempotencyChunk,
} from '../src/idempotency.ts';
import { codeOf, hex } from './support.ts';

/** Two keys in three share fingerprint or start with others, so that probing has work to do. */
function keyHex(i: number): string {
  const own = sha256HexNative(`key ${i}`);
  if (i % 3 === 0) return `00000001${own.slice(8)}`;
  if (i % 3 === 1) return `0000000100000002${own.slice(16)}`;
  return own;
}

function contentHex(i: number): string {
  return sha256HexNative(`content ${i}`);
}

/** An index with its stored chunks: what a partition's state is to it. */
class Stored {
  readonly chunks = new Map<number, IdempotencyChunk>();
  reads = 0;
  index = this.fresh();

  private fresh(): IdempotencyIndex {
    return new IdempotencyIndex((first) => {
      this.reads++;
      return this.chunks.get(first)!;
    }, sha256Native);
  }

  seal(time: number): void {
    for (const chunk of this.index.seal(time)) this.chunks.set(chunk.first, chunk);
  }

  restart(): void {
    const { first, next, digest } = this.index;
    this.index = this.fresh();
    for (const [number, chunk] of [...this.chunks].toSorted(([a], [b]) => a - b)) {
      if (number >= first) this.index.restore(chunk);
    }
    this.index.resume(next, digest);
  }
}

/** Everything ever admitted, with the time from which it counts; open entries count always. */
class Model {
  private readonly entries: { key: string; content: string; time: number; at: FirstSeen }[] = [];

  admit(key: string, content: string, since: number, offset: number): FirstSeen | undefined {
    const live = this.entries.find((entry) => entry.key === key && entry.time >= since);
    if (live !== undefined) return { ...live.at, sameContent: live.content === content };
    const at = { offset, index: offset % 1024, sameContent: true };
    this.entries.push({ key, content, time: Number.POSITIVE_INFINITY, at });
    return undefined;
  }

  seal(time: number): void {
    for (const entry of this.entries) entry.time = Math.min(entry.time, time);
  }
}

type Step =
  | { readonly do: 'admit'; readonly key: number; readonly content: number }
  | { readonly do: 'many'; readonly count: number }
  | { readonly do: 'seal'; readonly after: number; readonly ahead: number }
  | { readonly do: 'prune' }
  | { readonly do: 'restart' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('admit' as const),
      key: fc.nat({ max: 24 }),
      content: fc.nat({ max: 1 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('many' as const), count: fc.nat(3000) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('seal' as const),
      after: fc.nat({ max: 60 }),
      ahead: fc.nat({ max: 40 }),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'prune' } as const) },
  { weight: 1, arbitrary: fc.constant({ do: 'restart' } as const) },
);

const WINDOW = 100;

test('the answers are those of the model, and do not depend on cleaning or restarts', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const cleaned = new Stored();
      const hoarding = new Stored();
      const model = new Model();
      let time = 1000;
      let offset = 0;
      let fresh = 1000;
      const admit = (key: string, content: string): void => {
        const since = time - WINDOW;
        offset++;
        const wanted = model.admit(key, content, since, offset);
        for (const { index } of [cleaned, hoarding]) {
          expect(index.admit(key, content, since, offset, offset % 1024)).toEqual(wanted);
        }
      };
      for (const each of steps) {
        if (each.do === 'admit') admit(keyHex(each.key), contentHex(each.content));
        if (each.do === 'many') {
          // Fresh keys: the model would be slow to look them up, and every answer is the same.
          for (let i = 0; i < each.count; i++) {
            const key = sha256HexNative(`fresh ${fresh++}`);
            offset++;
            for (const { index } of [cleaned, hoarding]) {
              expect(index.admit(key, contentHex(0), time - WINDOW, offset, 0)).toBeUndefined();
            }
          }
        }
        if (each.do === 'seal') {
          for (const stored of [cleaned, hoarding]) stored.seal(time + each.ahead);
          model.seal(time + each.ahead);
          time += each.after;
        }
        if (each.do === 'prune') cleaned.index.prune(time - WINDOW);
        if (each.do === 'restart') {
          for (const stored of [cleaned, hoarding]) stored.seal(time);
          model.seal(time);
          cleaned.restart();
        }
        expect(hex(cleaned.index.digest)).toBe(hex(hoarding.index.digest));
        expect(cleaned.index.next).toBe(hoarding.index.next);
      }
    }),
    { numRuns: 60 },
  );
});

describe('a window of three entries', () => {
  const filled = (): Stored => {
    const stored = new Stored();
    [10, 20, 30].forEach((time, i) => {
      expect(stored.index.admit(keyHex(i), contentHex(i), 0, 100 + i, i)).toBeUndefined();
      stored.seal(time);
    });
    return stored;
  };

  test('says where each was first seen, and whether it was the same', () => {
    const { index } = filled();
    expect(index.admit(keyHex(1), contentHex(1), 20, 500, 5)).toEqual({
      offset: 101,
      index: 1,
      sameContent: true,
    });
    expect(index.admit(keyHex(1), contentHex(2), 20, 500, 5)?.sameContent).toBe(false);
    expect(index.next).toBe(3);
  });

  test('forgets what is older than asked for, and remembers the later one then', () => {
    const { index } = filled();
    expect(index.admit(keyHex(1), contentHex(1), 21, 500, 5)).toBeUndefined();
    expect(index.admit(keyHex(1), contentHex(1), 21, 501, 6)?.offset).toBe(500);
  });

  test('prunes from the old end, and says what', () => {
    const { index } = filled();
    expect(index.first).toBe(0);
    expect(index.prune(10)).toEqual([]);
    expect(index.prune(30)).toEqual([0, 1]);
    expect(index.first).toBe(2);
    expect(index.prune(31)).toEqual([2]);
    expect(index.first).toBe(3);
    expect(index.next).toBe(3);
  });

  test('the digest is a chain over times and entries, each 8 and 32 bytes', () => {
    const { index, chunks } = filled();
    let digest: Uint8Array = new Uint8Array(32);
    for (const { time, before, entries } of chunks.values()) {
      expect(entries.length).toBe(32);
      expect(hex(before)).toBe(hex(digest));
      const stamp = Buffer.alloc(8);
      stamp.writeDoubleBE(time);
      digest = sha256Native(Buffer.concat([digest, stamp, entries]));
    }
    expect(hex(index.digest)).toBe(hex(digest));
    expect(Buffer.from(chunks.get(1)!.entries).toString('hex')).toBe(
      `${keyHex(1).slice(0, 32)}${contentHex(1).slice(0, 16)}0000000000650001`,
    );
  });

  test('is not restored with a gap, cut short, or to another end than the marker says', () => {
    const { chunks, index } = filled();
    const fresh = (): IdempotencyIndex =>
      new IdempotencyIndex((first) => chunks.get(first)!, sha256Native);
    const gap = fresh();
    gap.restore(chunks.get(0)!);
    expect(codeOf(() => gap.restore(chunks.get(2)!))).toBe('BrokenInvariant state.idempotency');
    expect(codeOf(() => gap.restore(chunks.get(0)!))).toBe('BrokenInvariant state.idempotency');
    expect(codeOf(() => gap.resume(index.next, index.digest))).toBe(
      'BrokenInvariant state.idempotency',
    );
    const other = fresh();
    for (const chunk of chunks.values()) other.restore(chunk);
    expect(codeOf(() => other.resume(index.next, new Uint8Array(32)))).toBe(
      'BrokenInvariant state.idempotency',
    );
    const short = { ...chunks.get(0)!, entries: chunks.get(0)!.entries.subarray(1) };
    expect(codeOf(() => fresh().restore(short))).toBe('BrokenInvariant state.idempotency');
  });
});

test('a cut of many entries is stored in chunks of at most 64 KiB', () => {
  const stored = new Stored();
  const count = 2 * CHUNK_ENTRIES_MAX + 1;
  for (let i = 0; i < count; i++) {
    stored.index.admit(sha256HexNative(`k${i}`), contentHex(0), 0, i, 0);
  }
  const expectAll = (): void => {
    for (let i = 0; i < count; i++) {
      const key = sha256HexNative(`k${i}`);
      expect(stored.index.admit(key, contentHex(0), 0, 9, 9)?.offset).toBe(i);
    }
  };
  expectAll();
  stored.seal(5);
  expect([...stored.chunks.keys()]).toEqual([0, 2048, 4096]);
  expect([...stored.chunks.values()].map(({ entries }) => entries.length)).toEqual([
    65_536, 65_536, 32,
  ]);
  stored.restart();
  expectAll();
});

test('ordinals pass 2^32, where the table starts to count anew', () => {
  const stored = new Stored();
  const start = 2 ** 32 - 1500;
  stored.index.resume(start, new Uint8Array(32));
  for (let i = 0; i < 3000; i++) {
    const key = sha256HexNative(`k${i}`);
    expect(stored.index.admit(key, contentHex(0), i - 200, i, 0)).toBeUndefined();
    stored.seal(i);
    stored.index.prune(i - 200);
    if (i % 1000 === 0) stored.restart();
    const back = Math.min(i, 200);
    const seen = sha256HexNative(`k${i - back}`);
    expect(stored.index.admit(seen, contentHex(0), i - 200, 9, 9)?.offset).toBe(i - back);
  }
  expect(stored.index.next).toBe(start + 3000);
});

test('cleaning reads stored chunks now and then, not at every cut', () => {
  const stored = new Stored();
  const cuts = 1500;
  for (let n = 0; n < cuts; n++) {
    stored.index.prune(n - 190);
    for (let i = 0; i < 8; i++) {
      stored.index.admit(sha256HexNative(`k${n} ${i}`), contentHex(0), n - 190, n, i);
    }
    stored.seal(n);
  }
  expect(stored.index.next - stored.index.first).toBe(8 * 191);
  expect(stored.reads).toBeLessThan(2 * cuts);
  expect(stored.index.memoryBytes).toBeLessThan(200_000);
});

test('memory is given back when the window empties', () => {
  const stored = new Stored();
  for (let i = 0; i < 70_000; i++) {
    stored.index.admit(sha256HexNative(`k${i}`), contentHex(0), 0, i, 0);
  }
  stored.seal(5);
  const full = stored.index.memoryBytes;
  stored.index.prune(6);
  stored.index.seal(6);
  expect(stored.index.memoryBytes).toBeLessThan(full / 8);
});
