/**
 * The right border of a growing RFC 6962 tree: all that appending and the root need. log₂(n) hashes, one for every
 * set bit of the size, from the largest complete subtree to the smallest.
 */

import { BrokenInvariant, fromHex, sha256 as portable, toHex } from '@tidemark/canonical';
import type { Sha256 } from '@tidemark/canonical';
import { emptyRoot, nodeHash } from './rfc6962.ts';

/** What is to be stored to go on later. */
export interface CompactRangeState {
  /** leaves */
  readonly size: number;
  /** 64 hex digits each */
  readonly hashes: readonly string[];
}

export class CompactRange {
  #size = 0;
  #hashes: Uint8Array[] = [];
  readonly #sha256: Sha256;

  constructor(sha256: Sha256 = portable) {
    this.#sha256 = sha256;
  }

  /** @throws BrokenInvariant `merkle.state` if it is not what {@link state} gave */
  static fromState(state: CompactRangeState, sha256: Sha256 = portable): CompactRange {
    const { size, hashes } = state;
    const valid = Number.isSafeInteger(size) && size >= 0 && hashes.length === onesOf(size);
    if (!valid || !hashes.every((hash) => /^[0-9a-f]{64}$/.test(hash))) {
      throw new BrokenInvariant('merkle.state', `not the right border of ${size} leaves`);
    }
    const range = new CompactRange(sha256);
    range.#size = size;
    range.#hashes = hashes.map(fromHex);
    return range;
  }

  /** Leaves so far. */
  get size(): number {
    return this.#size;
  }

  state(): CompactRangeState {
    return { size: this.#size, hashes: this.#hashes.map(toHex) };
  }

  /**
   * Adds one leaf by its hash.
   * @param hash 32 bytes, kept: not to be changed afterwards
   */
  append(hash: Uint8Array): void {
    if (hash.length !== 32) throw new BrokenInvariant('merkle.hash', 'a leaf hash has 32 bytes');
    let right = hash;
    // Every complete pair becomes one hash, like the carry of adding one.
    for (let n = this.#size; n % 2 === 1; n = (n - 1) / 2) {
      const left = this.#hashes.pop();
      if (left === undefined) throw new BrokenInvariant('merkle.state', 'a hash is missing');
      right = nodeHash(left, right, this.#sha256);
    }
    this.#hashes.push(right);
    this.#size++;
  }

  /** Root of the tree so far: 32 bytes. */
  root(): Uint8Array {
    const last = this.#hashes.at(-1);
    if (last === undefined) return emptyRoot(this.#sha256);
    return this.#hashes
      .slice(0, -1)
      .reduceRight((right, left) => nodeHash(left, right, this.#sha256), last);
  }
}

function onesOf(n: number): number {
  let ones = 0;
  for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2;
  return ones;
}
