/**
 * What the map says of several roles at once, in one file: their slots, and the hashes that lead from all of them to
 * the root, each once. TAP 16 has no such file.
 *
 *     {"leaves": {"<slot>": METAFILES, …}, "siblings": [hex, …]}
 *
 * The file is canonical JSON and unsigned; slots are decimal. From the leaves upward, on every level from left to
 * right, each node whose sibling is not computed itself takes the next of the siblings. Which these are follows from
 * the slots alone, so the file says nothing about where it goes: whoever verifies knows which slots were asked for, and
 * demands exactly these, and exactly as many siblings as are needed.
 */

import {
  encodeCanonical,
  fromHex,
  isObject,
  type JsonObject,
  sha256 as portable,
  toHex,
} from '@tidemark/canonical';
import type { Sha256 } from '@tidemark/canonical';
import { slotHash } from './map.ts';
import { nodeHash } from './rfc6962.ts';
import {
  demandOwnRoles,
  isHash,
  type MapShape,
  membersOf,
  proofMembers,
  refused,
  slotBytesMax,
  type SlotContents,
  slotContents,
  type Tap16Map,
} from './slot.ts';

/** A slot with its own way to the root. */
export interface ProvedSlot {
  readonly slot: number;
  /** METAFILES */
  readonly contents: JsonObject;
  /** siblings from the bottom up: s hashes */
  readonly path: readonly Uint8Array[];
}

/** @param slots at least one; of one slot named twice, once */
export function makeMultiproof(slots: readonly ProvedSlot[]): Uint8Array {
  const ways = new Map(slots.map((way) => [way.slot, way]));
  const siblings: string[] = [];
  let nodes = ascending(ways.keys()).map((index) => ({ index, path: ways.get(index)!.path }));
  const levels = slots[0]!.path.length;
  for (let level = 0; level < levels; level++) {
    const known = new Set(nodes.map(({ index }) => index));
    for (const { index, path } of nodes) {
      if (!known.has(siblingOf(index))) siblings.push(toHex(path[level]!));
    }
    nodes = nodes
      .map(({ index, path }) => ({ index: Math.floor(index / 2), path }))
      .filter(({ index }, i, all) => index !== all[i - 1]?.index);
  }
  const leaves = [...ways].map(([slot, { contents }]): [string, JsonObject] => [
    String(slot),
    contents,
  ]);
  return encodeCanonical({ leaves: Object.fromEntries(leaves), siblings });
}

/**
 * What the map holds in slots.
 * @param slots those that were asked for
 * @param root `merkle_root` of a verified timestamp: 64 hex digits
 * @throws RejectedInput `tap16.too_large`, `.not_canonical`, `.shape`, `.slots`, `.roles_max`, `.metafile`,
 *   `.foreign_role`, `.path`, `.root`
 */
export function openMultiproof(
  bytes: Uint8Array,
  slots: Iterable<number>,
  root: string,
  map: Tap16Map,
  sha256: Sha256 = portable,
): ReadonlyMap<number, SlotContents> {
  const wanted = ascending(new Set(slots));
  const bytesMax = multiproofBytesMax(wanted.length, map);
  const [leaves, siblings] = proofMembers(bytes, bytesMax, ['leaves', 'siblings']);
  if (!isObject(leaves) || !Array.isArray(siblings)) {
    throw refused('shape', 'not leaves and siblings');
  }
  const contents = new Map<number, SlotContents>();
  const nodes = membersOf(leaves, wanted.map(String), 'slots').map((leaf, i): Node => {
    const index = wanted[i]!;
    if (!isObject(leaf)) throw refused('shape', `slot ${index} is not an object`);
    const roles = slotContents(leaf, map.rolesMax);
    demandOwnRoles(roles.keys(), index, map, sha256);
    contents.set(index, roles);
    return { index, hash: slotHash(index, leaf, sha256) };
  });
  const hashes = siblings.map((hash) => {
    if (!isHash(hash)) throw refused('path', 'not a hash');
    return fromHex(hash);
  });
  if (toHex(rootFromNodes(nodes, hashes, map.slotBits, sha256)) !== root) {
    throw refused('root', 'the paths lead to another root');
  }
  return contents;
}

/** Longest file for so many slots, in bytes. */
export function multiproofBytesMax(slots: number, shape: MapShape): number {
  return 64 + slots * (slotBytesMax(shape) + 72 * shape.slotBits);
}

interface Node {
  readonly index: number;
  readonly hash: Uint8Array;
}

/** @param leaves ascending, of a tree with so many levels below its root */
function rootFromNodes(
  leaves: readonly Node[],
  siblings: readonly Uint8Array[],
  levels: number,
  sha256: Sha256,
): Uint8Array {
  let used = 0;
  const nextSibling = (): Uint8Array => {
    const hash = siblings[used++];
    if (hash === undefined) throw refused('path', 'a sibling is missing');
    return hash;
  };
  let nodes = leaves;
  for (let level = 0; level < levels; level++) {
    const above: Node[] = [];
    for (let i = 0; i < nodes.length; i++) {
      const { index, hash } = nodes[i]!;
      const right = nodes[i + 1];
      let parent: Uint8Array;
      if (right?.index === index + 1 && index % 2 === 0) {
        parent = nodeHash(hash, right.hash, sha256);
        i++;
      } else if (index % 2 === 0) parent = nodeHash(hash, nextSibling(), sha256);
      else parent = nodeHash(nextSibling(), hash, sha256);
      above.push({ index: Math.floor(index / 2), hash: parent });
    }
    nodes = above;
  }
  if (used !== siblings.length) throw refused('path', 'more siblings than are needed');
  return nodes[0]!.hash;
}

function siblingOf(index: number): number {
  return index % 2 === 0 ? index + 1 : index - 1;
}

function ascending(slots: Iterable<number>): number[] {
  return [...slots].toSorted((a, b) => a - b);
}
