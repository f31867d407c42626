/**
 * What a slot of the map holds, as a proof carries it: the METAFILES object of its roles.
 *
 *     {"<role>.json": {"hashes": {"sha256": hex}, "length": n, "version": n}, …}
 */

import { slotOfRole } from '@tidemark/bin';
import type { Bins } from '@tidemark/bin';
import {
  isObject,
  type Json,
  type JsonObject,
  parseCanonical,
  RejectedInput,
  sha256 as portable,
  toHex,
} from '@tidemark/canonical';
import type { Sha256 } from '@tidemark/canonical';

/** What the map says of one role's file. */
export interface MetaFile {
  readonly version: number;
  /** bytes */
  readonly length: number;
  /** 64 hex digits */
  readonly sha256: string;
}

/** The map's parameters, from root's `signed`. */
export interface MapShape {
  /** s: 2^s slots */
  readonly slotBits: number;
  /** K: most roles in one slot */
  readonly rolesMax: number;
}

export interface Tap16Map extends MapShape {
  /** which roles are bins, and so sit in slots of their own; undefined where that is not known yet */
  readonly bins: Bins | undefined;
}

/** As if there were none: of no bits there are no digits, and every bin has some. */
const NO_BINS: Bins = { prefix: '', bits: 0 };
const LIKE_A_BIN = /-[0-9a-f]{1,8}$/;

/** By role, without `.json`. */
export type SlotContents = ReadonlyMap<string, MetaFile>;

/** The one slot that may say anything of a role; while the bins are not known, of one that is no bin. */
export function slotInMap(role: string, map: Tap16Map, sha256: Sha256 = portable): number {
  const { bins = NO_BINS, slotBits } = map;
  return slotOfRole(role, bins, slotBits, (data) => toHex(sha256(data)));
}

/**
 * While the bins are not known, names such as bins have are not judged.
 * @throws RejectedInput `tap16.foreign_role`: a slot holds a role that belongs to another
 */
export function demandOwnRoles(
  roles: Iterable<string>,
  slot: number,
  map: Tap16Map,
  sha256: Sha256 = portable,
): void {
  for (const role of roles) {
    if (map.bins === undefined && LIKE_A_BIN.test(role)) continue;
    if (slotInMap(role, map, sha256) === slot) continue;
    throw refused('foreign_role', `${role} belongs to another slot`);
  }
}

/** @throws RejectedInput `tap16.roles_max`, `.metafile` */
export function slotContents(contents: JsonObject, rolesMax: number): SlotContents {
  const entries = Object.entries(contents);
  if (entries.length > rolesMax) throw refused('roles_max', `more than ${rolesMax} roles`);
  return new Map(
    entries.map(([name, file]) => {
      if (!name.endsWith('.json')) throw refused('metafile', `${name} is not a metadata file`);
      return [name.slice(0, -'.json'.length), metaFile(file)];
    }),
  );
}

/** Longest encoding of a slot's contents, in bytes. */
export function slotBytesMax({ rolesMax }: MapShape): number {
  return 512 + 1024 * rolesMax;
}

/**
 * A proof's file: canonical JSON, an object of exactly these members.
 * @throws RejectedInput `tap16.too_large`, `.not_canonical`, `.shape`
 */
export function proofMembers(
  bytes: Uint8Array,
  bytesMax: number,
  names: readonly string[],
): readonly Json[] {
  if (bytes.length > bytesMax) throw refused('too_large', `longer than ${bytesMax} bytes`);
  let json: Json;
  try {
    json = parseCanonical(bytes, { bytesMax });
  } catch (cause) {
    throw refused('not_canonical', 'not canonical JSON', cause);
  }
  return membersOf(json, names, 'shape');
}

/** The values of exactly these members. */
export function membersOf(json: Json | undefined, names: readonly string[], code: string): Json[] {
  if (!isObject(json) || Object.keys(json).length !== names.length) {
    throw refused(code, `not an object of ${names.length} members`);
  }
  return names.map((name) => {
    const value = Object.hasOwn(json, name) ? json[name] : undefined;
    if (value === undefined) throw refused(code, `${name} is missing`);
    return value;
  });
}

export function isHash(json: Json | undefined): json is string {
  return typeof json === 'string' && /^[0-9a-f]{64}$/.test(json);
}

export function refused(code: string, why: string, cause?: unknown): RejectedInput {
  return new RejectedInput(`tap16.${code}`, why, { cause });
}

function metaFile(json: Json): MetaFile {
  const [hashes, length, version] = membersOf(json, ['hashes', 'length', 'version'], 'metafile');
  const [sha256] = membersOf(hashes, ['sha256'], 'metafile');
  const counts = typeof length === 'number' && typeof version === 'number';
  if (!counts || length < 1 || version < 1 || !isHash(sha256)) {
    throw refused('metafile', 'not a version, length and sha256');
  }
  return { version, length, sha256 };
}
