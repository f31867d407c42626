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

import { slotOfRole } from '@tidemark/bin';
import type { Bins } from '@tidemark/bin';
import {
  encodeCanonical,
  fromHex,
  isObject,
  parseCanonical,
  RejectedInput,
  sha256 as portable,
  toHex,
} from '@tidemark/canonical';
import type { Json, JsonObject, Sha256 } from '@tidemark/canonical';
import { rootFromSlot, slotHash } from './map.ts';

/** What the map says of one role's file. */
export interface MetaFile {
  readonly version: number;
  /** bytes */
  readonly length: number;
  /** 64 hex digits */
  readonly sha256: string;
}

/** The map's parameters, from root's `signed`. */
export interface Tap16Map {
  /** s: 2^s slots */
  readonly slotBits: number;
  /** which roles are bins, and so sit in slots of their own */
  readonly bins: Bins;
  /** K: most roles in one slot */
  readonly rolesMax: number;
}

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
 * @throws RejectedInput `tap16.too_large`, `.not_canonical`, `.shape`, `.roles_max`, `.foreign_role`, `.metafile`,
 *   `.path`, `.directions`, `.root`
 */
export function verifyTap16File(
  bytes: Uint8Array,
  role: string,
  root: string,
  map: Tap16Map,
  sha256: Sha256 = portable,
): MetaFile | 'absent' {
  const bytesMax = 512 + 1024 * map.rolesMax + 128 * map.slotBits;
  if (bytes.length > bytesMax) throw refused('too_large', `longer than ${bytesMax} bytes`);
  const file = parseFile(bytes);
  const slotOf = (name: string) =>
    slotOfRole(name, map.bins, map.slotBits, (data) => toHex(sha256(data)));
  const slot = slotOf(role);
  const contents = parseContents(file.leaf_contents, map.rolesMax);
  for (const name of contents.keys()) {
    if (slotOf(name) !== slot) throw refused('foreign_role', `${name} belongs to another slot`);
  }
  const path = parsePath(file.merkle_path, map.slotBits);
  checkDirections(file.path_directions, slot, map.slotBits);
  const leaf = slotHash(slot, file.leaf_contents, sha256);
  if (toHex(rootFromSlot(slot, leaf, path, sha256)) !== root) {
    throw refused('root', 'the path leads to another root');
  }
  return contents.get(role) ?? 'absent';
}

interface Tap16File {
  readonly leaf_contents: JsonObject;
  readonly merkle_path: JsonObject;
  readonly path_directions: JsonObject;
}

function parseFile(bytes: Uint8Array): Tap16File {
  let json: Json;
  try {
    json = parseCanonical(bytes);
  } catch (cause) {
    throw refused('not_canonical', 'not canonical JSON', cause);
  }
  const [leaf_contents, merkle_path, path_directions] = membersOf(
    json,
    ['leaf_contents', 'merkle_path', 'path_directions'],
    'shape',
  );
  if (!isObject(leaf_contents) || !isObject(merkle_path) || !isObject(path_directions)) {
    throw refused('shape', 'a member is not an object');
  }
  return { leaf_contents, merkle_path, path_directions };
}

/** Roles by name, without `.json`. */
function parseContents(contents: JsonObject, rolesMax: number): Map<string, MetaFile> {
  const entries = Object.entries(contents);
  if (entries.length > rolesMax) throw refused('roles_max', `more than ${rolesMax} roles`);
  return new Map(
    entries.map(([name, file]) => {
      if (!name.endsWith('.json')) throw refused('metafile', `${name} is not a metadata file`);
      return [name.slice(0, -'.json'.length), parseMetaFile(file)];
    }),
  );
}

function parseMetaFile(json: Json): MetaFile {
  const [hashes, length, version] = membersOf(json, ['hashes', 'length', 'version'], 'metafile');
  const [sha256] = membersOf(hashes, ['sha256'], 'metafile');
  const counts = typeof length === 'number' && typeof version === 'number';
  if (!counts || length < 1 || version < 1 || !isHash(sha256)) {
    throw refused('metafile', 'not a version, length and sha256');
  }
  return { version, length, sha256 };
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

/** The values of exactly these members. */
function membersOf(json: Json | undefined, names: readonly string[], code: string): Json[] {
  if (!isObject(json) || Object.keys(json).length !== names.length) {
    throw refused(code, `not an object of ${names.length} members`);
  }
  return names.map((name) => {
    const value = Object.hasOwn(json, name) ? json[name] : undefined;
    if (value === undefined) throw refused(code, `${name} is missing`);
    return value;
  });
}

function isHash(json: Json | undefined): json is string {
  return typeof json === 'string' && /^[0-9a-f]{64}$/.test(json);
}

function refused(code: string, why: string, cause?: unknown): RejectedInput {
  return new RejectedInput(`tap16.${code}`, why, { cause });
}
