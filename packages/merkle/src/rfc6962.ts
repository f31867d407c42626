/**
 * The Merkle tree of RFC 6962 §2.1: hashes, inclusion proofs, consistency proofs.
 *
 *     leaf  = SHA-256(0x00 ‖ data)
 *     node  = SHA-256(0x01 ‖ left ‖ right)
 *     empty = SHA-256()
 *
 * A tree of n leaves splits at the largest power of two below n. Proofs list hashes from the bottom up. Sizes and
 * indices are integers up to 2^53 − 1: computed by division, because JavaScript's bit operators stop at 2^32.
 * Hashes are 32 bytes. What a verifier refuses is RejectedInput `merkle.inclusion` or `merkle.consistency`.
 */

import {
  BrokenInvariant,
  RejectedInput,
  equalBytes,
  sha256 as portable,
} from '@tidemark/canonical';
import type { Sha256 } from '@tidemark/canonical';

/**
 * Reads the hash over the leaves index·2^level up to (index + 1)·2^level, all of which exist: precisely the
 * hashes that C2SP tiles store.
 */
export type NodeReader = (level: number, index: number) => Uint8Array;

/** "`leafHash` is leaf `index` of the tree of `size` leaves with this root." */
export interface InclusionClaim {
  readonly leafHash: Uint8Array;
  readonly index: number;
  readonly size: number;
  readonly root: Uint8Array;
}

/** "The tree of `oldSize` leaves with `oldRoot` is a prefix of that of `newSize` leaves with `newRoot`." */
export interface ConsistencyClaim {
  readonly oldSize: number;
  readonly oldRoot: Uint8Array;
  readonly newSize: number;
  readonly newRoot: Uint8Array;
}

/** Hash of one leaf. */
export function leafHash(data: Uint8Array, sha256: Sha256 = portable): Uint8Array {
  const input = new Uint8Array(1 + data.length);
  input.set(data, 1);
  return sha256(input);
}

/**
 * Hash of an inner node.
 * @throws RejectedInput `merkle.hash` unless both are 32 bytes: proofs come from strangers
 */
export function nodeHash(
  left: Uint8Array,
  right: Uint8Array,
  sha256: Sha256 = portable,
): Uint8Array {
  if (left.length !== 32 || right.length !== 32) {
    throw new RejectedInput('merkle.hash', 'a hash has 32 bytes');
  }
  const input = new Uint8Array(65);
  input[0] = 1;
  input.set(left, 1);
  input.set(right, 33);
  return sha256(input);
}

/** Root of a tree without leaves. */
export function emptyRoot(sha256: Sha256 = portable): Uint8Array {
  return sha256(new Uint8Array());
}

/**
 * The proof that leaf `index` is in the tree of the first `size` leaves (RFC 6962 §2.1.1).
 * @returns at most 53 hashes
 */
export function inclusionProof(
  index: number,
  size: number,
  node: NodeReader,
  sha256: Sha256 = portable,
): Uint8Array[] {
  if (!isSize(size) || !isSize(index) || index >= size) {
    throw new BrokenInvariant('merkle.range', `leaf ${index} of ${size}`);
  }
  const proof: Uint8Array[] = [];
  let from = 0;
  let to = size;
  while (to - from > 1) {
    const middle = from + splitOf(to - from);
    if (index < middle) {
      proof.push(rangeHash(middle, to, node, sha256));
      to = middle;
    } else {
      proof.push(rangeHash(from, middle, node, sha256));
      from = middle;
    }
  }
  return proof.reverse();
}

/**
 * The proof that the tree of the first `oldSize` leaves is a prefix of that of `newSize` (RFC 6962 §2.1.2).
 * @param oldSize 1..newSize; nothing needs to be proved of the empty tree
 * @returns at most 54 hashes; none for equal sizes
 */
export function consistencyProof(
  oldSize: number,
  newSize: number,
  node: NodeReader,
  sha256: Sha256 = portable,
): Uint8Array[] {
  if (!isSize(oldSize) || !isSize(newSize) || oldSize < 1 || oldSize > newSize) {
    throw new BrokenInvariant('merkle.range', `from ${oldSize} to ${newSize} leaves`);
  }
  const proof: Uint8Array[] = [];
  let from = 0;
  let to = newSize;
  while (to !== oldSize) {
    const middle = from + splitOf(to - from);
    if (oldSize <= middle) {
      proof.push(rangeHash(middle, to, node, sha256));
      to = middle;
    } else {
      proof.push(rangeHash(from, middle, node, sha256));
      from = middle;
    }
  }
  // The verifier holds the old root already; it needs this hash only where that root is not a node of the new tree.
  if (from > 0) proof.push(rangeHash(from, to, node, sha256));
  return proof.reverse();
}

/**
 * The root that a proof leads to (RFC 9162 §2.1.3.2). It proves nothing until compared with a root that is trusted.
 * @throws RejectedInput `merkle.inclusion` for an index out of range or a proof of the wrong length, `merkle.hash` for a
 *   hash of another length than 32 bytes
 */
export function rootFromInclusion(
  claim: Omit<InclusionClaim, 'root'>,
  proof: readonly Uint8Array[],
  sha256: Sha256 = portable,
): Uint8Array {
  if (!isSize(claim.size) || !isSize(claim.index) || claim.index >= claim.size) {
    throw new RejectedInput('merkle.inclusion', 'the index is not in the tree');
  }
  let hash = claim.leafHash;
  let index = claim.index;
  let last = claim.size - 1;
  for (const sibling of proof) {
    if (last === 0) throw new RejectedInput('merkle.inclusion', 'the proof is too long');
    if (index % 2 === 1 || index === last) {
      hash = nodeHash(sibling, hash, sha256);
      // On the right border a node without a sibling is passed up unchanged.
      while (index % 2 === 0 && index !== 0) {
        index /= 2;
        last = Math.floor(last / 2);
      }
    } else {
      hash = nodeHash(hash, sibling, sha256);
    }
    index = Math.floor(index / 2);
    last = Math.floor(last / 2);
  }
  if (last !== 0) throw new RejectedInput('merkle.inclusion', 'the proof is too short');
  return hash;
}

/** @throws RejectedInput `merkle.inclusion`, `merkle.hash` */
export function verifyInclusion(
  claim: InclusionClaim,
  proof: readonly Uint8Array[],
  sha256: Sha256 = portable,
): void {
  if (!equalBytes(rootFromInclusion(claim, proof, sha256), claim.root)) {
    throw new RejectedInput('merkle.inclusion', 'the proof leads to another root');
  }
}

/**
 * Verifies that nothing was changed or removed between two trees (RFC 9162 §2.1.4.2).
 * @throws RejectedInput `merkle.consistency`, `merkle.hash`
 */
export function verifyConsistency(
  claim: ConsistencyClaim,
  proof: readonly Uint8Array[],
  sha256: Sha256 = portable,
): void {
  const { oldSize, newSize, oldRoot, newRoot } = claim;
  if (!isSize(oldSize) || !isSize(newSize) || oldSize > newSize) {
    throw inconsistent('the log shrank');
  }
  if (oldSize === 0 || oldSize === newSize) {
    const expected = oldSize === 0 ? emptyRoot(sha256) : newRoot;
    if (proof.length > 0) throw inconsistent('the proof is too long');
    if (!equalBytes(oldRoot, expected)) throw inconsistent('two roots of one size');
    return;
  }
  const roots = rootsFromConsistency(claim, proof, sha256);
  if (!equalBytes(roots.oldRoot, oldRoot)) throw inconsistent('not the old root');
  if (!equalBytes(roots.newRoot, newRoot)) throw inconsistent('not the new root');
}

/** Both roots that a proof leads to, for 0 < oldSize < newSize. */
function rootsFromConsistency(
  claim: ConsistencyClaim,
  proof: readonly Uint8Array[],
  sha256: Sha256,
): { oldRoot: Uint8Array; newRoot: Uint8Array } {
  let index = claim.oldSize - 1;
  let last = claim.newSize - 1;
  while (index % 2 === 1) {
    index = Math.floor(index / 2);
    last = Math.floor(last / 2);
  }
  // A complete old tree is itself a node of the new one: then its root is where the proof starts.
  const [first, ...rest] = index === 0 ? [claim.oldRoot, ...proof] : proof;
  if (first === undefined) throw inconsistent('the proof is too short');
  let oldRoot = first;
  let newRoot = first;
  for (const hash of rest) {
    if (last === 0) throw inconsistent('the proof is too long');
    if (index % 2 === 1 || index === last) {
      oldRoot = nodeHash(hash, oldRoot, sha256);
      newRoot = nodeHash(hash, newRoot, sha256);
      while (index % 2 === 0 && index !== 0) {
        index /= 2;
        last = Math.floor(last / 2);
      }
    } else {
      newRoot = nodeHash(newRoot, hash, sha256);
    }
    index = Math.floor(index / 2);
    last = Math.floor(last / 2);
  }
  if (last !== 0) throw inconsistent('the proof is too short');
  return { oldRoot, newRoot };
}

/** Hash over the leaves from..to, as the tree of exactly these leaves has it; `from` is aligned by construction. */
function rangeHash(from: number, to: number, node: NodeReader, sha256: Sha256): Uint8Array {
  const size = to - from;
  const level = Math.log2(size);
  if (Number.isInteger(level) && 2 ** level === size) return node(level, from / size);
  const middle = from + splitOf(size);
  const left = rangeHash(from, middle, node, sha256);
  return nodeHash(left, rangeHash(middle, to, node, sha256), sha256);
}

/** The largest power of two below n, for n > 1. */
function splitOf(n: number): number {
  let split = 1;
  while (split * 2 < n) split *= 2;
  return split;
}

function isSize(n: number): boolean {
  return Number.isSafeInteger(n) && n >= 0;
}

function inconsistent(why: string): RejectedInput {
  return new RejectedInput('merkle.consistency', why);
}
