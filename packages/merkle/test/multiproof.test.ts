/** Multiproofs: every set of slots of small maps, each byte of it corrupted, and who asks for other slots than were proved. */
import {
  encodeCanonical,
  type Json,
  type JsonObject,
  parseJson,
  RejectedInput,
  toHex,
} from '@tidemark/canonical';
import { sha256Native } from '@tidemark/canonical/native';
import type { Bins } from '@tidemark/bin';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  makeMultiproof,
  multiproofBytesMax,
  openMultiproof,
  slotHash,
  SlotTree,
} from '../src/index.ts';

const metaFile = (i: number) => ({
  hashes: { sha256: i.toString(16).padStart(64, 'c') },
  length: 100 + i,
  version: i + 1,
});

/** A map of 2^s slots, two in three of them with a role. */
function mapOf(slotBits: number) {
  const tree = new SlotTree({ slotBits, partitionBits: 0, partition: 0 }, sha256Native);
  const bins = { prefix: 'bin', bits: slotBits };
  const contents = Array.from({ length: 2 ** slotBits }, (_, slot): JsonObject =>
    slot % 3 === 2 ? {} : { [`${nameOf(bins, slot)}.json`]: metaFile(slot) },
  );
  tree.update(contents.map((each, slot) => ({ slot, hash: slotHash(slot, each) })));
  const proof = (slots: readonly number[]): Uint8Array =>
    makeMultiproof(
      slots.map((slot) => ({ slot, contents: contents[slot]!, path: tree.path(slot) })),
    );
  const shape = { slotBits, rolesMax: 2, bins };
  const root = toHex(tree.root());
  const open = (bytes: Uint8Array, slots: readonly number[]) =>
    openMultiproof(bytes, slots, root, shape, sha256Native);
  return { proof, open, contents, shape };
}

function nameOf({ prefix, bits }: Bins, slot: number): string {
  return `${prefix}-${slot.toString(16).padStart(Math.ceil(bits / 4), '0')}`;
}

/** Every set of at least one of n slots. */
function* setsOf(n: number): Generator<number[]> {
  for (let bits = 1; bits < 2 ** n; bits++) {
    yield Array.from({ length: n }, (_, slot) => slot).filter((slot) => (bits >> slot) & 1);
  }
}

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(RejectedInput);
    return (error as RejectedInput).code;
  }
  return 'accepted';
}

const siblingsOf = (bytes: Uint8Array) =>
  (parseJson(bytes) as JsonObject)['siblings'] as readonly string[];

describe.each([1, 2, 3])('every set of slots of 2^%i', (slotBits) => {
  const { proof, open, contents, shape } = mapOf(slotBits);

  test('is proved, in whatever order it is asked for', () => {
    for (const slots of setsOf(2 ** slotBits)) {
      const bytes = proof(slots);
      expect(proof(slots.toReversed())).toEqual(bytes);
      const proved = open(bytes, slots.toReversed());
      expect([...proved.keys()]).toEqual(slots);
      for (const [slot, roles] of proved) {
        const expected = Object.keys(contents[slot]!).map(() => [
          nameOf(shape.bins, slot),
          { version: slot + 1, length: 100 + slot, sha256: metaFile(slot).hashes.sha256 },
        ]);
        expect([...roles]).toEqual(expected);
      }
    }
  });

  test('needs as many hashes as there are maximal subtrees without any of them', () => {
    const outside = (slots: readonly number[], from: number, to: number): number => {
      if (!slots.some((slot) => slot >= from && slot < to)) return 1;
      if (to - from === 1) return 0;
      const middle = (from + to) / 2;
      return outside(slots, from, middle) + outside(slots, middle, to);
    };
    for (const slots of setsOf(2 ** slotBits)) {
      expect(siblingsOf(proof(slots))).toHaveLength(outside(slots, 0, 2 ** slotBits));
    }
  });

  test('is no proof for any other set', () => {
    const sets = [...setsOf(2 ** slotBits)];
    for (const slots of sets) {
      const bytes = proof(slots);
      for (const other of sets) {
        const same = other.join() === slots.join();
        expect(codeOf(() => open(bytes, other))).toBe(same ? 'accepted' : 'tap16.slots');
      }
    }
  });
});

test('with any bit flipped it is refused', () => {
  const { proof, open } = mapOf(3);
  const slots = [1, 4, 5];
  const honest = proof(slots);
  for (let bit = 0; bit < honest.length * 8; bit++) {
    const bytes = honest.slice();
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    expect(codeOf(() => open(bytes, slots))).toMatch(
      /^tap16\.(?:not_canonical|shape|slots|metafile|foreign_role|path|root)$/,
    );
  }
  expect(open(honest, slots).size).toBe(3);
});

describe('what is not what was made', () => {
  const { proof, open } = mapOf(4);
  const slots = [2, 3, 9, 14];
  const honest = parseJson(proof(slots)) as { leaves: JsonObject; siblings: Json[] };
  const { leaves, siblings } = honest;
  const swapped = siblings.with(0, siblings[1]!).with(1, siblings[0]!);
  const cases: readonly (readonly [string, string, Json])[] = [
    ['a sibling less', 'path', { leaves, siblings: siblings.slice(1) }],
    ['a sibling more', 'path', { leaves, siblings: [...siblings, siblings[0]!] }],
    ['no siblings', 'path', { leaves, siblings: [] }],
    ['two siblings swapped', 'root', { leaves, siblings: swapped }],
    ['a sibling in upper case', 'path', { leaves, siblings: siblings.with(0, 'AB'.repeat(32)) }],
    ['a sibling that is a number', 'path', { leaves, siblings: [1] }],
    ['a member more', 'shape', { ...honest, root: 'x' }],
    ['leaves as a list', 'shape', { leaves: [], siblings }],
    ['siblings as an object', 'shape', { leaves, siblings: {} }],
    ['a leaf that is a list', 'shape', { leaves: { ...leaves, 2: [] }, siblings }],
    ['the leaves of two slots swapped', 'foreign_role', swappedLeaves()],
    ['an older version', 'root', { leaves: { ...leaves, 3: older() }, siblings }],
    ['a slot hidden', 'root', { leaves: { ...leaves, 9: {} }, siblings }],
    ['a slot under another spelling', 'slots', renamed('09')],
    ['a slot more', 'slots', { leaves: { ...leaves, 1: {} }, siblings }],
    ['more roles than a slot has', 'roles_max', { leaves: { ...leaves, 9: three() }, siblings }],
    ['no metadata file', 'metafile', { leaves: { ...leaves, 9: { x: metaFile(1) } }, siblings }],
  ];

  test.each(cases)('%s → %s', (_, code, json) => {
    expect(codeOf(() => open(encodeCanonical(json), slots))).toBe(`tap16.${code}`);
    expect(codeOf(() => open(encodeCanonical(honest), slots))).toBe('accepted');
  });

  test('other bytes of the same value', () => {
    const text = new TextDecoder().decode(encodeCanonical(honest));
    for (const other of [` ${text}`, text.replace(':', ': '), `${text}\n`]) {
      const bytes = new TextEncoder().encode(other);
      expect(codeOf(() => open(bytes, slots))).toBe('tap16.not_canonical');
    }
  });

  function swappedLeaves(): Json {
    return { leaves: { ...leaves, 3: leaves['9']!, 9: leaves['3']! }, siblings };
  }
  function older(): Json {
    return { 'bin-3.json': { ...metaFile(3), version: 3 } };
  }
  function renamed(name: string): Json {
    const { 9: leaf, ...others } = leaves;
    return { leaves: { ...others, [name]: leaf! }, siblings };
  }
  function three(): JsonObject {
    return { 'a.json': metaFile(1), 'b.json': metaFile(2), 'c.json': metaFile(3) };
  }
});

test('a file at its longest is read, one byte more is not', () => {
  const { open, shape } = mapOf(2);
  const longest = multiproofBytesMax(2, shape);
  const code = (bytes: number) => codeOf(() => open(new Uint8Array(bytes).fill(0x20), [0, 1]));
  expect(code(longest)).toBe('tap16.not_canonical');
  expect(code(longest + 1)).toBe('tap16.too_large');
});

test('of hundreds of slots in a map of 2^12 any are proved, within the stated length', () => {
  const { proof, open, shape } = mapOf(12);
  const slots = fc.uniqueArray(fc.integer({ min: 0, max: 4095 }), { minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(slots, (some) => {
      const bytes = proof(some);
      expect(bytes.length).toBeLessThanOrEqual(multiproofBytesMax(some.length, shape));
      expect(open(bytes, some).size).toBe(some.length);
    }),
    { numRuns: 40 },
  );
});
