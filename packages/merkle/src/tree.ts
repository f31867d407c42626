/** A whole RFC 6962 tree in memory, every node kept (64 bytes a leaf): for small logs and for tests. */

import { BrokenInvariant, sha256 as portable } from '@tidemark/canonical';
import type { Sha256 } from '@tidemark/canonical';
import { CompactRange } from './compactRange.ts';
import { consistencyProof, inclusionProof, leafHash, nodeHash } from './rfc6962.ts';

export class MerkleTree {
  /** levels[l][i] covers the leaves i·2^l up to (i + 1)·2^l. */
  readonly #levels: Uint8Array[][] = [[]];
  readonly #sha256: Sha256;

  constructor(sha256: Sha256 = portable) {
    this.#sha256 = sha256;
  }

  /** Leaves so far. */
  get size(): number {
    return this.#levels[0]?.length ?? 0;
  }

  /** Adds a leaf by its data. */
  append(data: Uint8Array): void {
    this.appendHash(leafHash(data, this.#sha256));
  }

  /** Adds a leaf by its hash: 32 bytes, kept. */
  appendHash(hash: Uint8Array): void {
    let node = hash;
    for (let level = 0; ; level++) {
      const nodes = (this.#levels[level] ??= []);
      nodes.push(node);
      const left = nodes.at(-2);
      if (nodes.length % 2 === 1 || left === undefined) return;
      node = nodeHash(left, node, this.#sha256);
    }
  }

  /** Root over the first `size` leaves; over all unless given. */
  root(size: number = this.size): Uint8Array {
    const range = new CompactRange(this.#sha256);
    for (let index = 0; index < size; index++) range.append(this.node(0, index));
    return range.root();
  }

  /** Hash over the leaves index·2^level up to (index + 1)·2^level: a `NodeReader`. */
  node(level: number, index: number): Uint8Array {
    const node = this.#levels[level]?.[index];
    if (node === undefined) {
      throw new BrokenInvariant('merkle.range', `no node ${index} on level ${level}`);
    }
    return node;
  }

  inclusionProof(index: number, size: number = this.size): Uint8Array[] {
    return inclusionProof(index, size, (level, i) => this.node(level, i), this.#sha256);
  }

  consistencyProof(oldSize: number, newSize: number = this.size): Uint8Array[] {
    return consistencyProof(oldSize, newSize, (level, i) => this.node(level, i), this.#sha256);
  }
}
