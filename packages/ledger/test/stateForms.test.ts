/** The forms of state rows: deltas, markers, images of heads and roles; round trips and refusals. */
import { utf8 } from '@tidemark/canonical';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OP_HEAD_BYTES, packOps, type BinOp } from '../src/binOps.ts';
import { decodeDelta, deltaBytes, encodeDelta } from '../src/delta.ts';
import { Heads } from '../src/heads.ts';
import { decodeHeads, encodeHeads } from '../src/headsImage.ts';
import {
  decodeMarker,
  encodeMarker,
  packBins,
  stateDigest,
  unpackBins,
  type Marker,
} from '../src/marker.ts';
import { RoleTable } from '../src/roleTable.ts';
import { codeOf } from './support.ts';
import { TestLedger } from './testLedger.ts';

const hex32 = fc.stringMatching(/^[0-9a-f]{64}$/);
const hex64 = fc.stringMatching(/^[0-9a-f]{128}$/);
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const u48 = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const ascii = (minLength: number) =>
  fc.string({ unit: 'grapheme-ascii', minLength, maxLength: 600 });
const op: fc.Arbitrary<BinOp> = fc.tuple(ascii(1), fc.option(ascii(1), { nil: null }));

const delta = fc.record({
  cut: u48,
  before: u48,
  expires: u32,
  length: u32,
  sinceBody: u32,
  hasBody: fc.boolean(),
  keyid: fc.option(hex32, { nil: undefined }),
  sha256: hex32,
  signature: hex64,
  ops: fc.array(op, { maxLength: 5 }).map(packOps),
});

describe('a delta', () => {
  test('comes back as it was, in the bytes foretold', () => {
    fc.assert(
      fc.property(delta, (given) => {
        const row = encodeDelta(given);
        expect(row.length).toBe(deltaBytes(given.ops, given.keyid));
        expect(decodeDelta(row)).toEqual(given);
      }),
    );
  });

  test('cut short is refused, unless it ends with an operation', () => {
    fc.assert(
      fc.property(delta, fc.nat(), (given, at) => {
        const row = encodeDelta(given);
        const length = at % row.length;
        const ops = unpackOps(given.ops);
        const ends = ops.map((_, i) => deltaBytes(packOps(ops.slice(0, i)), given.keyid));
        const code = codeOf(() => decodeDelta(row.subarray(0, length)));
        expect(code).toBe(ends.includes(length) ? undefined : 'BrokenInvariant state.delta');
      }),
    );
  });
});

describe('bins in a marker', () => {
  test('come back', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 2 ** 20 - 1 })), (bins) => {
        const sorted = bins.toSorted((a, b) => a - b);
        expect(unpackBins(packBins(sorted))).toEqual(sorted);
      }),
    );
  });

  test('cost a byte each where all are changed', () => {
    const all = Array.from({ length: 300 }, (_, i) => i);
    expect(Buffer.from(packBins(all), 'base64')).toHaveLength(300);
    expect(packBins([])).toBe('');
    expect(unpackBins(packBins([127, 255, 16_639, 16_640]))).toEqual([127, 255, 16_639, 16_640]);
  });
});

const marker: Marker = {
  n: 4,
  cut: 'ab'.repeat(32),
  time: 5,
  next: 6,
  k: 7,
  k0: 6,
  changed: packBins([3]),
  keyid: 'cd'.repeat(32),
  offline: [['bins', 1, 2, 'ef'.repeat(32)]],
  intakes: [['run', 1, 2]],
  window: { since: 0, first: 0, next: 3, digest: '00'.repeat(32) },
  events: { size: 1, hashes: ['12'.repeat(32)] },
  leaves: { size: 0, hashes: [] },
  map: '34'.repeat(32),
};

describe('a marker', () => {
  test('comes back as it was', () => {
    expect(decodeMarker(encodeMarker({ ...marker, position: 9 }))).toEqual({
      ...marker,
      position: 9,
    });
  });

  test('every field of it counts in the digest, but the hint', () => {
    const digest = stateDigest(marker);
    expect(stateDigest({ ...marker, position: 9 })).toBe(digest);
    const changes: Partial<Marker>[] = [
      { n: 5 },
      { cut: 'aa'.repeat(32) },
      { time: 6 },
      { next: 7 },
      { k: 8 },
      { k0: 7 },
      { changed: packBins([4]) },
      { keyid: 'aa'.repeat(32) },
      { offline: [] },
      { intakes: [] },
      { window: { ...marker.window, since: 1 } },
      { window: { ...marker.window, first: 1 } },
      { events: { size: 1, hashes: ['13'.repeat(32)] } },
      { leaves: { size: 1, hashes: ['13'.repeat(32)] } },
      { map: 'aa'.repeat(32) },
    ];
    const digests = changes.map((change) => stateDigest({ ...marker, ...change }));
    expect(new Set([digest, ...digests]).size).toBe(changes.length + 1);
  });

  test.each(['', 'null', '[]', '{}', '{"n":1}', '{"n":"1","changed":""}', '{"n":1,"changed":'])(
    '%s is none',
    (row) => {
      expect(codeOf(() => decodeMarker(utf8(row)))).toBe('BrokenInvariant state.marker');
    },
  );

  test('bytes that are no text are none', () => {
    expect(codeOf(() => decodeMarker(Uint8Array.of(0xff)))).toBe('BrokenInvariant state.marker');
  });
});

describe('an image of heads', () => {
  test('gives the versions back', () => {
    fc.assert(
      fc.property(fc.array(u48, { minLength: 1, maxLength: 40 }), (versions) => {
        const heads = new Heads(0, versions.length);
        heads.versions.set(versions);
        const image = encodeHeads(heads);
        expect([...decodeHeads(image, versions.length)]).toEqual(versions);
        for (const count of [versions.length - 1, versions.length + 1]) {
          expect(codeOf(() => decodeHeads(image, count))).toBe('BrokenInvariant state.heads');
        }
        expect(codeOf(() => decodeHeads(image.subarray(1), versions.length))).toBe(
          'BrokenInvariant state.heads',
        );
      }),
    );
  });
});

test('an image of roles gives the table back, and one of another shape is refused', () => {
  const { genesis } = new TestLedger();
  const table = new RoleTable(genesis);
  table.set('targets', 3, 100, 'ab'.repeat(32));
  table.set('bin-a', 2 ** 40, 2 ** 32 - 1, 'cd'.repeat(32));
  const other = new RoleTable(genesis);
  other.set('bin-b', 9, 9, '00'.repeat(32));
  other.decode(table.encode());
  expect(other.metaText(true)).toBe(table.metaText(true));
  expect(other.metaText(false)).toBe(table.metaText(false));
  for (const image of [
    table.encode().subarray(42),
    Buffer.concat([table.encode(), Buffer.of(0)]),
  ]) {
    expect(codeOf(() => other.decode(image))).toBe('BrokenInvariant state.roles');
  }
});

/** What packed operations say, in their order. */
function unpackOps(packed: Buffer): BinOp[] {
  const ops: BinOp[] = [];
  for (let at = 0; at < packed.length;) {
    const from = at + OP_HEAD_BYTES;
    const pathEnd = from + packed.readUInt16BE(at);
    const end = pathEnd + packed.readUInt32BE(at + 2);
    const value = end === pathEnd ? null : packed.toString('latin1', pathEnd, end);
    ops.push([packed.toString('latin1', from, pathEnd), value]);
    at = end;
  }
  return ops;
}
