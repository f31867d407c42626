/** The Merkle map against a tree computed node by node. */
import { BrokenInvariant, concat, sha256, toHex, utf8 } from '@tidemark/canonical';
import type { JsonObject } from '@tidemark/canonical';
import { sha256Native } from '@tidemark/canonical/native';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  SlotTree,
  combineRoots,
  emptySlotHash,
  leafData,
  leafHash,
  rootFromSlot,
  slotHash,
} from '../src/index.ts';
import { corruptions, sigstoreAccepts } from '../../../test/support/inclusion.ts';
import { mth } from './oracle.ts';

const contentsOf = (version: number): JsonObject => ({
  'r.json': { hashes: { sha256: '0'.repeat(64) }, length: 3, version },
});

/** All partitions of a map whose slots have these contents (none: empty), by batch updates. */
function mapOf(s: number, p: number, contents: ReadonlyMap<number, JsonObject>): SlotTree[] {
  return Array.from({ length: 2 ** p }, (_, partition) => {
    const tree = new SlotTree({ slotBits: s, partitionBits: p, partition }, sha256Native);
    const own = [...contents].filter(([slot]) => Math.floor(slot / 2 ** (s - p)) === partition);
    tree.update(own.map(([slot, json]) => ({ slot, hash: slotHash(slot, json, sha256Native) })));
    return tree;
  });
}

describe('leaf data', () => {
  test('is the big-endian slot, then canonical JSON', () => {
    expect(leafData(0x01020304, { b: 1, a: 'x' })).toEqual(
      concat(Uint8Array.of(1, 2, 3, 4), utf8('{"a":"x","b":1}')),
    );
    expect(leafData(0xfffefdfc, {})).toEqual(
      concat(Uint8Array.of(0xff, 0xfe, 0xfd, 0xfc), utf8('{}')),
    );
    expect(toHex(emptySlotHash(9))).toBe(toHex(leafHash(leafData(9, {}))));
  });
});

describe('exhaustively, for all p ≤ s ≤ 6', () => {
  test('root and paths are those of an RFC 6962 log of 2^s leaves, whatever the partitions', () => {
    for (let s = 0; s <= 6; s++) {
      const contents = new Map<number, JsonObject>();
      for (let slot = 0; slot < 2 ** s; slot += 3) contents.set(slot, contentsOf(slot + 1));
      const data = Array.from({ length: 2 ** s }, (_, slot) =>
        leafData(slot, contents.get(slot) ?? {}),
      );
      for (let p = 0; p <= s; p++) {
        const trees = mapOf(s, p, contents);
        const { root, paths } = combineRoots(
          trees.map((tree) => tree.root()),
          sha256Native,
        );
        expect(toHex(root)).toBe(toHex(mth(data)));
        data.forEach((leaf, slot) => {
          const partition = Math.floor(slot / 2 ** (s - p));
          const path = [...(trees[partition]?.path(slot) ?? []), ...(paths[partition] ?? [])];
          expect(path.length).toBe(s);
          const hash = leafHash(leaf, sha256Native);
          expect(toHex(rootFromSlot(slot, hash, path, sha256Native))).toBe(toHex(root));
          if (!sigstoreAccepts(leaf, slot, 2 ** s, path, root)) expect.fail(`slot ${slot}`);
          for (const bad of corruptions(path)) {
            expect(toHex(rootFromSlot(slot, hash, bad, sha256Native))).not.toBe(toHex(root));
            if (sigstoreAccepts(leaf, slot, 2 ** s, bad, root)) expect.fail(`slot ${slot}`);
          }
        });
      }
    }
  });
});

describe('updates', () => {
  const shape = { slotBits: 7, partitionBits: 2, partition: 2 };

  test('any batches in any order give the tree of the last contents; noble and native agree', () => {
    const change = fc.tuple(fc.integer({ min: 64, max: 95 }), fc.integer({ min: 1, max: 9 }));
    const batch = fc.uniqueArray(change, { selector: ([slot]) => slot });
    fc.assert(
      fc.property(fc.array(batch, { maxLength: 5 }), (batches) => {
        const stepwise = new SlotTree(shape, sha256);
        const last = new Map<number, JsonObject>();
        for (const changes of batches) {
          for (const [slot, version] of changes) last.set(slot, contentsOf(version));
          stepwise.update(
            changes.map(([slot, version]) => ({ slot, hash: slotHash(slot, contentsOf(version)) })),
          );
        }
        const leaves = Array.from({ length: 32 }, (_, i) =>
          leafData(64 + i, last.get(64 + i) ?? {}),
        );
        expect(toHex(stepwise.root())).toBe(toHex(mth(leaves)));
        const reloaded = new SlotTree(shape, sha256Native, stepwise.leaves());
        expect(toHex(reloaded.root())).toBe(toHex(stepwise.root()));
        const held = Array.from(last, ([slot, contents]) => ({
          slot,
          hash: slotHash(slot, contents),
        }));
        const remade = new SlotTree(shape, sha256Native, held);
        expect(toHex(remade.root())).toBe(toHex(stepwise.root()));
      }),
      { numRuns: 60 },
    );
  });

  test('each dirty inner node is hashed once', () => {
    let hashed = 0;
    const counting = (bytes: Uint8Array): Uint8Array => {
      hashed++;
      return sha256Native(bytes);
    };
    const tree = new SlotTree({ slotBits: 4, partitionBits: 0, partition: 0 }, counting);
    expect(hashed).toBe(16 + 15);
    hashed = 0;
    // Slots 0, 1 and 3: parents {0,1}, {2,3}, then one node on each of the three levels above.
    tree.update([3, 0, 1].map((slot) => ({ slot, hash: new Uint8Array(32) })));
    expect(hashed).toBe(2 + 3);
    hashed = 0;
    tree.update([]);
    expect(hashed).toBe(0);
  });

  test('a refused batch changes nothing', () => {
    const tree = new SlotTree(shape);
    const before = toHex(tree.root());
    const good = { slot: 64, hash: new Uint8Array(32) };
    for (const bad of [
      { slot: 63, hash: good.hash },
      { slot: 96, hash: good.hash },
      { slot: 65.5, hash: good.hash },
      { slot: 65, hash: new Uint8Array(31) },
      good,
    ]) {
      expect(() => tree.update([good, bad])).toThrow(BrokenInvariant);
      expect(toHex(tree.root())).toBe(before);
      expect(toHex(tree.leaves())).toBe(toHex(new SlotTree(shape).leaves()));
    }
  });

  test('what it gives out is a copy', () => {
    const tree = new SlotTree(shape);
    const before = toHex(tree.root());
    for (const bytes of [tree.root(), tree.leaves(), ...tree.path(64)]) bytes.fill(0);
    expect(toHex(tree.root())).toBe(before);
    expect(tree.path(64).map(toHex)).toEqual(new SlotTree(shape).path(64).map(toHex));
  });
});

describe('misuse', () => {
  test.each([
    { slotBits: 33, partitionBits: 20, partition: 0 },
    { slotBits: 3, partitionBits: 4, partition: 0 },
    { slotBits: 25, partitionBits: 0, partition: 0 },
    { slotBits: 3, partitionBits: 1, partition: 2 },
    { slotBits: 3, partitionBits: 1, partition: -1 },
    { slotBits: 2.5, partitionBits: 1, partition: 0 },
  ])('%j is no part of a map', (shape) =>
    expect(() => new SlotTree(shape)).toThrow(BrokenInvariant),
  );

  test('partitions must be a power of two; leaves must fit; a path must reach the root', () => {
    const root = new Uint8Array(32);
    expect(() => combineRoots([])).toThrow(BrokenInvariant);
    expect(() => combineRoots([root, root, root])).toThrow(BrokenInvariant);
    const shape = { slotBits: 1, partitionBits: 0, partition: 0 };
    expect(() => new SlotTree(shape, sha256, new Uint8Array(63))).toThrow(BrokenInvariant);
    expect(() => rootFromSlot(2, root, [root])).toThrow(
      expect.objectContaining({ code: 'merkle.slot_path' }),
    );
  });
});
