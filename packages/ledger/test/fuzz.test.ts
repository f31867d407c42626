// Every parser of this package on spoilt input: what a database gives back, should its checksum hold all the same.
import { parseJson, recordText } from '@tidemark/canonical';
import { fuzz, parser } from '../../../test/support/fuzz.ts';
import { BinFile, BinScratch } from '../src/binFile.ts';
import { areOps, packOps, unpackOps } from '../src/binOps.ts';
import { isCheckpoint } from '../src/controlCheckpoint.ts';
import { decodeDelta, encodeDelta, type Delta } from '../src/delta.ts';
import { decodeHeads } from '../src/headsImage.ts';
import { decodeMarker, encodeMarker, packBins, unpackBins, type Marker } from '../src/marker.ts';

/** `parseValue` reads values of bins whose bytes were held against their hash. */
const VALUE = `{"hashes":{"sha256":"${'ab'.repeat(32)}"},"length":7}`;
const OPS = packOps([
  ['a/1', VALUE],
  ['a/2', null],
]);
const DELTA: Delta = {
  cut: 3,
  before: 5,
  expires: 1_800_000_000,
  length: 700,
  sinceBody: 90,
  hasBody: true,
  keyid: undefined,
  sha256: 'cd'.repeat(32),
  signature: 'ef'.repeat(64),
  ops: OPS,
};
const MARKER: Marker = {
  n: 7,
  cut: 'ab'.repeat(32),
  time: 1_800_000_000_000,
  next: 12,
  k: 30,
  k0: 28,
  changed: packBins([1, 300]),
  keyid: 'cd'.repeat(32),
  offline: [['root', 1, 900, 'ef'.repeat(32)]],
  intakes: [['a', 4, 1_800_000_000_000]],
  window: { since: 0, first: 0, next: 9, digest: '00'.repeat(32) },
  events: { size: 3, hashes: [] },
  leaves: { size: 4, hashes: [] },
  map: '12'.repeat(32),
};
const HEADS = 3;

function binBytes(): Uint8Array {
  const bin = BinFile.empty();
  bin.apply(OPS.subarray(0, OPS.length - packOps([['a/2', null]]).length), new BinScratch());
  bin.stamp(9, '2027-01-01T00:00:00Z');
  bin.seal('cd'.repeat(32), 'ef'.repeat(64));
  return Buffer.from(bin.view());
}

fuzz([
  parser({
    name: 'decodeDelta',
    samples: [encodeDelta(DELTA), encodeDelta({ ...DELTA, keyid: '34'.repeat(32), before: 0 })],
    read: decodeDelta,
    kind: 'BrokenInvariant',
    refusals: /^state\.delta$/,
    write: encodeDelta,
    demand: ({ ops }) => void unpackOps(ops),
  }),
  parser({
    name: 'decodeHeads',
    samples: [Buffer.alloc(6 * HEADS, 7)],
    read: (bytes) => decodeHeads(bytes, HEADS),
    kind: 'BrokenInvariant',
    refusals: /^state\.heads$/,
  }),
  parser({
    name: 'decodeMarker',
    samples: [encodeMarker(MARKER)],
    read: decodeMarker,
    kind: 'BrokenInvariant',
    refusals: /^state\.marker$/,
    // So much work is done for it, and no more.
    demand: ({ changed }, bytes) => {
      if (unpackBins(changed).length > bytes.length) throw new Error('more bins than bytes');
    },
  }),
  parser({
    name: 'BinFile.parse',
    samples: [binBytes()],
    read: (bytes) => {
      const bin = BinFile.parse(bytes);
      return Array.from(bin.paths(), (path) => [path, bin.get(path)]);
    },
    kind: 'BrokenInvariant',
    refusals: /^bin\.[a-z]+$/,
    demand: (entries, bytes) => {
      if (entries.length > bytes.length) throw new Error('more entries than bytes');
    },
  }),
  parser({
    name: 'unpackOps',
    samples: [OPS],
    read: (bytes) => (areOps(bytes) ? unpackOps(bytes) : []),
    write: packOps,
  }),
  parser({
    name: 'isCheckpoint',
    samples: ['{"cuts":[4,5],"kept":[1,2],"next":9}'],
    read: (bytes) => isCheckpoint(parseJson(bytes)),
    refusals: /^json\.[a-z0-9_]+$/,
    spell: recordText,
  }),
]);
