/**
 * The Merkle map over slots: TAP 16's tree. A dense binary tree of 2^s leaves, one a slot, fixed for life; hashes as
 * in RFC 6962, so a slot's path is also the inclusion proof of leaf `slot` in a log of 2^s leaves.
 *
 *     leaf data = uint32 slot, big-endian ‖ canonical JSON of the slot's METAFILES object; `{}` in an empty slot
 *
 * Partition q of 2^p owns the slots whose first p bits are q: one subtree of 2^(s−p) leaves ({@link SlotTree}).
 * {@link combineRoots} joins the 2^p subtrees; a slot's whole path is the subtree's part, then the top part.
 */

import { BrokenInvariant, RejectedInput, concat, encodeCanonical } from '@tidemark/canonical';
import { sha256 as portable } from '@tidemark/canonical';
import type { JsonObject, Sha256 } from '@tidemark/canonical';
import { leafHash, nodeHash } from './rfc6962.ts';

/** Which part of the map a {@link SlotTree} is. */
export interface SlotTreeShape {
  /** s: the map has 2^s slots; ≤ 32 */
  readonly slotBits: number;
  /** p: of the map's 2^p partitions, the tree is one; s − p ≤ 24 */
  readonly partitionBits: number;
  readonly partition: number;
}

export interface SlotChange {
  /** in the whole map */
  readonly slot: number;
  /** of the slot's new leaf: 32 bytes */
  readonly hash: Uint8Array;
}

/** What a slot's leaf hash covers. */
export function leafData(slot: number, contents: JsonObject): Uint8Array {
  const prefix = new Uint8Array(4);
  new DataView(prefix.buffer).setUint32(0, slot);
  return concat(prefix, encodeCanonical(contents));
}

/** Hash of a slot's leaf. */
export function slotHash(
  slot: number,
  contents: JsonObject,
  sha256: Sha256 = portable,
): Uint8Array {
  return leafHash(leafData(slot, contents), sha256);
}

/** Hash of the leaf of a slot without roles: another one for every slot. */
export function emptySlotHash(slot: number, sha256: Sha256 = portable): Uint8Array {
  return slotHash(slot, {}, sha256);
}

/**
 * The root that a slot's path leads to.
 * @param path siblings from the bottom up, as many as the map has bits
 */
export function rootFromSlot(
  slot: number,
  hash: Uint8Array,
  path: readonly Uint8Array[],
  sha256: Sha256 = portable,
): Uint8Array {
  let root = hash;
  let index = slot;
  for (const sibling of path) {
    root = index % 2 === 1 ? nodeHash(sibling, root, sha256) : nodeHash(root, sibling, sha256);
    index = Math.floor(index / 2);
  }
  if (index !== 0) throw new RejectedInput('merkle.slot_path', 'the path ends below the root');
  return root;
}

/**
 * Joins the partitions' subtrees.
 * @param roots of all partitions, in order: 2^p of them
 * @returns the map's root, and for every partition the top p siblings of its slots' paths, bottom-up
 */
export function combineRoots(
  roots: readonly Uint8Array[],
  sha256: Sha256 = portable,
): { root: Uint8Array; paths: Uint8Array[][] } {
  if (roots.length === 0 || !Number.isInteger(Math.log2(roots.length))) {
    throw new BrokenInvariant('merkle.partitions', `${roots.length} is not a power of two`);
  }
  const paths: Uint8Array[][] = roots.map(() => []);
  let level = roots;
  for (let span = 1; level.length > 1; span *= 2) {
    const below = level;
    paths.forEach((path, partition) => path.push(at(below, Math.floor(partition / span) ^ 1)));
    level = Array.from({ length: below.length / 2 }, (_, i) =>
      nodeHash(at(below, 2 * i), at(below, 2 * i + 1), sha256),
    );
  }
  return { root: at(level, 0), paths };
}

/**
 * One partition's subtree: 2^(s−p) leaves and all inner nodes in one buffer, 64 bytes a slot.
 *
 * Nodes are numbered as in a heap: the root is 1, the children of i are 2i and 2i + 1. So siblings lie side by side,
 * and the 64 bytes hashed for their parent are one slice.
 */
export class SlotTree {
  readonly #sha256: Sha256;
  readonly #height: number;
  /** leaves; also the heap number of the first one */
  readonly #width: number;
  readonly #firstSlot: number;
  readonly #nodes: Uint8Array;
  /** 0x01 ‖ left ‖ right */
  readonly #input = new Uint8Array(65);

  /**
   * @param leaves all leaf hashes in slot order, 32 bytes each ({@link leaves}), or those of the slots that
   *   are not empty, in any order
   */
  constructor(
    shape: SlotTreeShape,
    sha256: Sha256 = portable,
    leaves: Uint8Array | readonly SlotChange[] = [],
  ) {
    const { slotBits, partitionBits, partition } = shape;
    const height = slotBits - partitionBits;
    const counts = [slotBits, partitionBits, partition].every((n) => Number.isInteger(n) && n >= 0);
    if (!counts || slotBits > 32 || height < 0 || height > 24 || partition >= 2 ** partitionBits) {
      throw new BrokenInvariant('merkle.shape', JSON.stringify(shape));
    }
    this.#sha256 = sha256;
    this.#height = height;
    this.#width = 2 ** height;
    this.#firstSlot = partition * this.#width;
    this.#nodes = new Uint8Array(2 * this.#width * 32);
    this.#input[0] = 1;
    if (!(leaves instanceof Uint8Array)) {
      this.#fillEmpty();
      for (const { slot, hash } of leaves) this.#nodes.set(hash, this.#nodeOf(slot) * 32);
    } else if (leaves.length === this.#width * 32) this.#nodes.set(leaves, this.#width * 32);
    else throw new BrokenInvariant('merkle.shape', `${leaves.length} bytes of leaf hashes`);
    for (let node = this.#width - 1; node >= 1; node--) this.#rehash(node);
  }

  /** Root of the subtree: 32 bytes. */
  root(): Uint8Array {
    return this.#copy(1);
  }

  /** All leaf hashes in slot order, 32 bytes each: an image from which the constructor makes the tree again. */
  leaves(): Uint8Array {
    return this.#nodes.slice(this.#width * 32);
  }

  /** The siblings of a slot up to the subtree's root, bottom-up: s − p of them. */
  path(slot: number): Uint8Array[] {
    const path: Uint8Array[] = [];
    for (let node = this.#nodeOf(slot); node > 1; node >>= 1) path.push(this.#copy(node ^ 1));
    return path;
  }

  /**
   * Sets many leaves; every inner node above them is computed once. All or nothing.
   * @param changes any order, no slot twice
   */
  update(changes: readonly SlotChange[]): void {
    const dirty = Uint32Array.from(changes, ({ slot }) => this.#nodeOf(slot)).sort();
    dirty.forEach((node, i) => {
      if (node === dirty[i - 1]) throw new BrokenInvariant('merkle.slot', 'a slot set twice');
    });
    for (const { hash } of changes) {
      if (hash.length !== 32) throw new BrokenInvariant('merkle.hash', 'not 32 bytes');
    }
    for (const { slot, hash } of changes) this.#nodes.set(hash, this.#nodeOf(slot) * 32);
    let count = dirty.length;
    for (let level = 0; level < this.#height; level++) {
      let parents = 0;
      for (let i = 0; i < count; i++) {
        const parent = (dirty[i] ?? 0) >> 1;
        // Sorted, so the two children of one parent follow each other.
        if (parents > 0 && dirty[parents - 1] === parent) continue;
        dirty[parents++] = parent;
        this.#rehash(parent);
      }
      count = parents;
    }
  }

  /** As `emptySlotHash` for every slot, without an object a slot. */
  #fillEmpty(): void {
    const input = concat(new Uint8Array(1), leafData(0, {}));
    const view = new DataView(input.buffer);
    for (let i = 0; i < this.#width; i++) {
      view.setUint32(1, this.#firstSlot + i);
      this.#nodes.set(this.#sha256(input), (this.#width + i) * 32);
    }
  }

  #rehash(node: number): void {
    this.#input.set(this.#nodes.subarray(node * 64, node * 64 + 64), 1);
    this.#nodes.set(this.#sha256(this.#input), node * 32);
  }

  #copy(node: number): Uint8Array {
    return this.#nodes.slice(node * 32, node * 32 + 32);
  }

  #nodeOf(slot: number): number {
    const leaf = slot - this.#firstSlot;
    if (!Number.isInteger(leaf) || leaf < 0 || leaf >= this.#width) {
      throw new BrokenInvariant('merkle.slot', `slot ${slot} is not in this partition`);
    }
    return this.#width + leaf;
  }
}

function at(hashes: readonly Uint8Array[], index: number): Uint8Array {
  const hash = hashes[index];
  if (hash === undefined) throw new BrokenInvariant('merkle.partitions', `no hash ${index}`);
  return hash;
}
