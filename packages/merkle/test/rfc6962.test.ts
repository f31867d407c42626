/** The log’s trees and proofs, exhaustively for small sizes. */
import { BrokenInvariant, RejectedInput, fromHex, sha256, toHex } from '@tidemark/canonical';
import { sha256Native } from '@tidemark/canonical/native';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  CompactRange,
  MerkleTree,
  consistencyProof,
  emptyRoot,
  inclusionProof,
  leafHash,
  nodeHash,
  rootFromInclusion,
  verifyConsistency,
  verifyInclusion,
} from '../src/index.ts';
import { corruptions, sigstoreAccepts } from '../../../test/support/inclusion.ts';
import { mth, path, subproof } from './oracle.ts';

interface Vectors {
  leaves: string[];
  roots: string[];
  inclusion: { index: number; size: number; proof: string[] }[];
  consistency: { oldSize: number; newSize: number; proof: string[] }[];
}
const vectors = JSON.parse(
  readFileSync(new URL('vectors/rfc6962.json', import.meta.url), 'utf8'),
) as Vectors;

const sizeMax = 64;
const data = Array.from({ length: sizeMax }, (_, i) => Uint8Array.of(i, i >> 3, 255 - i));
const tree = new MerkleTree(sha256Native);
for (const leaf of data) tree.append(leaf);
const roots = Array.from({ length: sizeMax + 1 }, (_, n) => mth(data.slice(0, n)));
const rootOf = (n: number): Uint8Array => roots[n] ?? expect.fail(`no root ${n}`);
const hashOf = (i: number): Uint8Array => tree.node(0, i);

const refusedInclusion = expect.objectContaining({ code: 'merkle.inclusion' });
const refusedConsistency = expect.objectContaining({ code: 'merkle.consistency' });

function refuses(act: () => void, code: string): void {
  let failure: unknown;
  try {
    act();
  } catch (error) {
    failure = error;
  }
  if (!(failure instanceof RejectedInput) || failure.code !== code) {
    expect.fail(`not refused with ${code}: ${String(failure)}`);
  }
}

describe('vectors of the CT reference implementation', () => {
  test('roots of 0..8 leaves, with noble and with native SHA-256', () => {
    for (const hash of [sha256, sha256Native]) {
      const range = new CompactRange(hash);
      const whole = new MerkleTree(hash);
      expect(toHex(emptyRoot(hash))).toBe(vectors.roots[0]);
      vectors.roots.forEach((root, size) => {
        expect([toHex(range.root()), toHex(whole.root()), range.size]).toEqual([root, root, size]);
        const leaf = vectors.leaves[size];
        if (leaf === undefined) return;
        range.append(leafHash(fromHex(leaf), hash));
        whole.append(fromHex(leaf));
      });
    }
  });

  test('proofs', () => {
    const whole = new MerkleTree();
    for (const leaf of vectors.leaves) whole.append(fromHex(leaf));
    for (const { index, size, proof } of vectors.inclusion) {
      expect(whole.inclusionProof(index, size).map(toHex)).toEqual(proof);
    }
    for (const { oldSize, newSize, proof } of vectors.consistency) {
      expect(whole.consistencyProof(oldSize, newSize).map(toHex)).toEqual(proof);
    }
  });
});

describe(`every tree of 1..${sizeMax} leaves`, () => {
  test('the root is that of the RFC’s recursion, also when the range is stored after each leaf', () => {
    let range = new CompactRange(sha256Native);
    for (let size = 0; size <= sizeMax; size++) {
      expect(toHex(range.root())).toBe(toHex(rootOf(size)));
      expect(toHex(tree.root(size))).toBe(toHex(rootOf(size)));
      expect(range.state().hashes.length).toBeLessThanOrEqual(7);
      if (size === sizeMax) break;
      const stored = JSON.parse(JSON.stringify(range.state())) as ReturnType<typeof range.state>;
      range = CompactRange.fromState(stored, sha256Native);
      range.append(hashOf(size));
    }
  });

  test('every leaf: the proof is the RFC’s; verified here and by sigstore; each hash corrupted is refused', () => {
    for (let size = 1; size <= sizeMax; size++) {
      for (let index = 0; index < size; index++) {
        const root = rootOf(size);
        const claim = { leafHash: hashOf(index), index, size, root };
        const proof = tree.inclusionProof(index, size);
        expect(proof.map(toHex)).toEqual(path(index, data.slice(0, size)).map(toHex));
        verifyInclusion(claim, proof, sha256Native);
        const leaf = data[index] ?? new Uint8Array();
        if (!sigstoreAccepts(leaf, index, size, proof, root)) expect.fail(`${index} of ${size}`);
        for (const bad of corruptions(proof)) {
          refuses(() => verifyInclusion(claim, bad, sha256Native), 'merkle.inclusion');
          if (sigstoreAccepts(leaf, index, size, bad, root)) expect.fail(`${index} of ${size}`);
        }
        if (size > 1) {
          refuses(() => verifyInclusion(claim, proof.slice(1), sha256Native), 'merkle.inclusion');
        }
        refuses(() => verifyInclusion(claim, [...proof, root], sha256Native), 'merkle.inclusion');
      }
    }
  });

  test('a proof verifies for its own index and size only', () => {
    for (let size = 1; size <= 20; size++) {
      for (let index = 0; index < size; index++) {
        const proof = tree.inclusionProof(index, size);
        for (let other = 0; other < size; other++) {
          if (other === index) continue;
          const claim = { leafHash: hashOf(index), index: other, size, root: rootOf(size) };
          refuses(() => verifyInclusion(claim, proof, sha256Native), 'merkle.inclusion');
        }
      }
    }
  });

  test('every pair of sizes: the proof is the RFC’s; each hash corrupted, each wrong root refused', () => {
    for (let newSize = 1; newSize <= sizeMax; newSize++) {
      for (let oldSize = 1; oldSize <= newSize; oldSize++) {
        const [oldRoot, newRoot] = [rootOf(oldSize), rootOf(newSize)];
        const claim = { oldSize, oldRoot, newSize, newRoot };
        const proof = tree.consistencyProof(oldSize, newSize);
        expect(proof.map(toHex)).toEqual(subproof(oldSize, data.slice(0, newSize)).map(toHex));
        verifyConsistency(claim, proof, sha256Native);
        const attacks = [
          ...corruptions(proof).map((bad) => ({ claim, proof: bad })),
          { claim, proof: [...proof, newRoot] },
          ...(proof.length > 0 ? [{ claim, proof: proof.slice(0, -1) }] : []),
          { claim: { ...claim, oldRoot: rootOf((oldSize % sizeMax) + 1) }, proof },
          { claim: { ...claim, newRoot: rootOf((newSize % sizeMax) + 1) }, proof },
        ];
        for (const attack of attacks) {
          refuses(
            () => verifyConsistency(attack.claim, attack.proof, sha256Native),
            'merkle.consistency',
          );
        }
      }
    }
  });
});

describe('edges', () => {
  test('the empty tree is a prefix of every tree, without a proof', () => {
    const claim = { oldSize: 0, oldRoot: emptyRoot(), newSize: 3, newRoot: rootOf(3) };
    verifyConsistency(claim, []);
    expect(() => verifyConsistency(claim, [rootOf(3)])).toThrow(refusedConsistency);
    expect(() => verifyConsistency({ ...claim, oldRoot: rootOf(1) }, [])).toThrow(
      refusedConsistency,
    );
  });

  test('a log that shrank or has two roots of one size is refused', () => {
    const older = { oldSize: 3, oldRoot: rootOf(3), newSize: 2, newRoot: rootOf(2) };
    expect(() => verifyConsistency(older, [])).toThrow(refusedConsistency);
    const forked = { oldSize: 3, oldRoot: rootOf(3), newSize: 3, newRoot: rootOf(4) };
    expect(() => verifyConsistency(forked, [])).toThrow(refusedConsistency);
  });

  test.each([
    [-1, 3],
    [3, 3],
    [0, 0],
    [0.5, 3],
    [0, 2 ** 53],
    [Number.NaN, 3],
  ])('leaf %d of %d is refused, and asking for its proof is a bug', (index, size) => {
    expect(() => rootFromInclusion({ leafHash: rootOf(1), index, size }, [])).toThrow(
      refusedInclusion,
    );
    expect(() => tree.inclusionProof(index, size)).toThrow(BrokenInvariant);
  });

  test('a hash that is not 32 bytes long is refused', () => {
    const claim = { leafHash: hashOf(0), index: 0, size: 2, root: rootOf(2) };
    const short = hashOf(1).subarray(1);
    expect(() => verifyInclusion(claim, [short])).toThrow(
      expect.objectContaining({ code: 'merkle.hash' }),
    );
    expect(() => nodeHash(new Uint8Array(33), new Uint8Array(32))).toThrow(RejectedInput);
  });

  test('sizes beyond 2^32: proofs in a tree of 2^40 + 1 equal leaves', () => {
    // All leaves equal, so the node of a level is the same everywhere and the tree needs no storage.
    const leaf = leafHash(Uint8Array.of(7), sha256Native);
    const levels = [leaf];
    for (let level = 0; level < 40; level++) {
      const below = levels[level] ?? leaf;
      levels.push(nodeHash(below, below, sha256Native));
    }
    const node = (level: number): Uint8Array => levels[level] ?? expect.fail(`level ${level}`);
    const size = 2 ** 40 + 1;
    const root = nodeHash(node(40), leaf, sha256Native);
    for (const index of [0, 2 ** 33 + 5, 2 ** 40 - 1, 2 ** 40]) {
      const proof = inclusionProof(index, size, node, sha256Native);
      expect(proof.length).toBe(index === 2 ** 40 ? 1 : 41);
      verifyInclusion({ leafHash: leaf, index, size, root }, proof, sha256Native);
    }
    const claim = { oldSize: 2 ** 39, oldRoot: node(39), newSize: size, newRoot: root };
    const proof = consistencyProof(2 ** 39, size, node, sha256Native);
    verifyConsistency(claim, proof, sha256Native);
    for (const bad of corruptions(proof)) {
      expect(() => verifyConsistency(claim, bad, sha256Native)).toThrow(refusedConsistency);
    }
  });

  test('a stored range that does not fit its size halts', () => {
    const hashes = ['00'.repeat(32)];
    for (const state of [
      { size: 3, hashes },
      { size: 0, hashes },
      { size: -1, hashes: [] },
      { size: 1.5, hashes },
      { size: 1, hashes: ['00'.repeat(31)] },
      { size: 1, hashes: ['AA'.repeat(32)] },
    ]) {
      expect(() => CompactRange.fromState(state)).toThrow(BrokenInvariant);
    }
  });
});
