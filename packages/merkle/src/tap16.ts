/**
 * TAP 16's snapshot Merkle file: one role's entry in the map, with its path to `timestamp.signed.merkle_root`.
 * https://github.com/theupdateframework/taps/blob/master/tap16.md#merkle-tree-generation
 *
 *     {"leaf_contents": {"<role>.json": {"hashes": {"sha256": hex}, "length": n, "version": n}, …},
 *      "merkle_path": {"0": hex, …}, "path_directions": {"0": -1 | 1, …}}
 *
 * TAP 16 leaves the encoding open; this is ours:
 * - the file is canonical JSON and unsigned. `leaf_contents` is the METAFILES object of all roles in the slot;
 * - INDEX is a decimal string without leading zeros and counts the levels from the leaf upward;
 * - DIR is −1 where the sibling is on the right, 1 where it is on the left, as in the only other implementation
 *   (draft POUF, theupdateframework/taps#133). Being implied by the slot it is checked, never followed.
 *
 * Whoever verifies recomputes the slot from the role's name, and the directions from the slot; demands exactly s
 * steps, canonical bytes, and that every role in the leaf belongs to this slot. A role that the proved contents do
 * not name is thereby proved absent.
 */

import { encodeCanonical, fromHex, isObject, sha256 as portable, toHex } from '@tidemark/canonical';
import type { JsonObject, Sha256 } from '@tidemark/canonical';
import { rootFromSlot, slotHash } from './map.ts';
import {
  demandOwnRoles,
  isHash,
  membersOf,
  type MetaFile,
  proofMembers,
  refused,
  slotBytesMax,
  type SlotContents,
  slotContents,
  slotInMap,
  type Tap16Map,
} from './slot.ts';

/**
 * @param contents the slot's METAFILES object
 * @param path the slot's siblings from the bottom up: s hashes
 */
export function makeTap16File(
  slot: number,
  contents: JsonObject,
  path: readonly Uint8Array[],
): Uint8Array {
  const directions = directionsOf(slot, path.length);
  return encodeCanonical({
    leaf_contents: contents,
    merkle_path: Object.fromEntries(path.map((hash, i) => [String(i), toHex(hash)])),
    path_directions: Object.fromEntries(directions.map((direction, i) => [String(i), direction])),
  });
}

/**
 * @param role without `.json`
 * @param root `merkle_root` of a verified timestamp: 64 hex digits
 * @returns what the map with this root says of the role: its file, or that there is none
 * @throws RejectedInput as {@link openTap16File}
 */
export function verifyTap16File(
  bytes: Uint8Array,
  role: string,
  root: string,
  map: Tap16Map,
  sha256: Sha256 = portable,
): MetaFile | 'absent' {
  const slot = slotInMap(role, map, sha256);
  return openTap16File(bytes, slot, root, map, sha256).get(role) ?? 'absent';
}

/**
 * What the map holds in a slot.
 * @throws RejectedInput `tap16.too_large`, `.not_canonical`, `.shape`, `.roles_max`, `.metafile`, `.foreign_role`,
 *   `.path`, `.directions`, `.root`
 */
export function openTap16File(
  bytes: Uint8Array,
  slot: number,
  root: string,
  map: Tap16Map,
  sha256: Sha256 = portable,
): SlotContents {
  const bytesMax = slotBytesMax(map) + 128 * map.slotBits;
  const file = proofMembers(bytes, bytesMax, ['leaf_contents', 'merkle_path', 'path_directions']);
  const [leaf, steps, directions] = file;
  if (!isObject(leaf) || !isObject(steps) || !isObject(directions)) {
    throw refused('shape', 'a member is not an object');
  }
  const contents = slotContents(leaf, map.rolesMax);
  demandOwnRoles(contents.keys(), slot, map, sha256);
  const path = parsePath(steps, map.slotBits);
  checkDirections(directions, slot, map.slotBits);
  if (toHex(rootFromSlot(slot, slotHash(slot, leaf, sha256), path, sha256)) !== root) {
    throw refused('root', 'the path leads to another root');
  }
  return contents;
}

/** Siblings from the bottom up. */
function parsePath(path: JsonObject, slotBits: number): Uint8Array[] {
  const hashes = membersOf(path, levels(slotBits), 'path');
  return hashes.map((hash) => {
    if (!isHash(hash)) throw refused('path', 'not a hash');
    return fromHex(hash);
  });
}

function checkDirections(directions: JsonObject, slot: number, slotBits: number): void {
  const expected = directionsOf(slot, slotBits);
  const stated = membersOf(directions, levels(slotBits), 'directions');
  if (stated.some((direction, level) => direction !== expected[level])) {
    throw refused('directions', 'not the way from this slot');
  }
}

function directionsOf(slot: number, slotBits: number): number[] {
  return Array.from({ length: slotBits }, (_, level) =>
    Math.floor(slot / 2 ** level) % 2 === 1 ? 1 : -1,
  );
}

function levels(slotBits: number): string[] {
  return Array.from({ length: slotBits }, (_, level) => String(level));
}
