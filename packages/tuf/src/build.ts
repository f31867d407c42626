/**
 * The `signed` objects of the roles, written the one way that python-tuf, go-tuf, tough and tuf-js all accept.
 * https://theupdateframework.github.io/specification/latest/#document-formats
 */

import { compareText } from '@tidemark/canonical';
import type { Json, JsonObject } from '@tidemark/canonical';
import { formatExpires } from './expires.ts';
import { keyIdOf, keyJson } from './keys.ts';
import type { Key } from './keys.ts';
import type { Statement, TopLevelRole } from './types.ts';

export const specVersion = '1.0.31';

export interface CommonOptions {
  readonly version: number;
  /** Milliseconds since the epoch; written rounded down to the second. */
  readonly expiresMs: number;
}

/** The keys of a role and how many of them must sign. */
export interface RoleKeys {
  readonly keys: readonly Key[];
  readonly threshold: number;
}

export interface RootOptions extends CommonOptions {
  readonly roles: Readonly<Record<TopLevelRole, RoleKeys>>;
  readonly tidemark?: Statement;
}

export function rootSigned({ roles, tidemark, ...common }: RootOptions): JsonObject {
  const { root, timestamp, snapshot, targets } = roles;
  return {
    ...commonFields('root', common),
    consistent_snapshot: true,
    keys: keysJson([root, timestamp, snapshot, targets]),
    roles: {
      root: roleJson(root),
      snapshot: roleJson(snapshot),
      targets: roleJson(targets),
      timestamp: roleJson(timestamp),
    },
    ...(tidemark === undefined ? {} : { tidemark: { ...tidemark } }),
  };
}

export interface TargetInput {
  /** Bytes. */
  readonly length: number;
  /** 64 lower-case hex digits: the one algorithm listed, since each listed one is another URL to serve. */
  readonly sha256: string;
  readonly custom?: JsonObject;
}

export interface TargetsOptions extends CommonOptions {
  /** By path. */
  readonly targets?: ReadonlyMap<string, TargetInput>;
  /** From `pathDelegations`, `succinctDelegations` or `prefixDelegations`. */
  readonly delegations?: JsonObject;
}

/** For targets, *bins* and every bin. */
export function targetsSigned({ targets, delegations, ...common }: TargetsOptions): JsonObject {
  const entries = [...(targets ?? [])].map(([path, target]): [string, Json] => [
    path,
    {
      ...(isEmpty(target.custom) ? {} : { custom: target.custom }),
      hashes: { sha256: target.sha256 },
      length: target.length,
    },
  ]);
  return {
    ...commonFields('targets', common),
    ...(delegations === undefined ? {} : { delegations }),
    targets: Object.fromEntries(entries),
  };
}

export interface PathDelegation extends RoleKeys {
  readonly name: string;
  /** Globs; `*` stays inside a segment. */
  readonly paths: readonly string[];
  readonly terminating: boolean;
}

/** A `delegations` object by paths, in order of precedence. */
export function pathDelegations(roles: readonly PathDelegation[]): JsonObject {
  return {
    keys: keysJson(roles),
    roles: roles.map((role) => ({
      ...roleJson(role),
      name: role.name,
      paths: role.paths,
      terminating: role.terminating,
    })),
  };
}

export interface MetaInput {
  readonly version: number;
  /** Bytes; must be given where the file can pass 5 MB, the clients' default limit. */
  readonly length?: number;
  /** 64 lower-case hex digits. */
  readonly sha256?: string;
}

export interface SnapshotOptions extends CommonOptions {
  /** By role name, `targets` included; root and timestamp are never listed. */
  readonly meta: ReadonlyMap<string, MetaInput>;
}

export function snapshotSigned({ meta, ...common }: SnapshotOptions): JsonObject {
  const entries = [...meta].map(([role, file]): [string, Json] => [`${role}.json`, metaJson(file)]);
  return { ...commonFields('snapshot', common), meta: Object.fromEntries(entries) };
}

export interface TimestampOptions extends CommonOptions {
  /** Always with length and hash: a stated length replaces the clients' default limit of 2 MB. */
  readonly snapshot: Required<MetaInput>;
  /** TAP 16: 64 lower-case hex digits. */
  readonly merkleRoot?: string;
}

export function timestampSigned(options: TimestampOptions): JsonObject {
  return {
    ...commonFields('timestamp', options),
    ...(options.merkleRoot === undefined ? {} : { merkle_root: options.merkleRoot }),
    meta: { 'snapshot.json': metaJson(options.snapshot) },
  };
}

function commonFields(type: string, { version, expiresMs }: CommonOptions): JsonObject {
  return { _type: type, expires: formatExpires(expiresMs), spec_version: specVersion, version };
}

function keysJson(roles: readonly RoleKeys[]): JsonObject {
  return Object.fromEntries(
    roles.flatMap(({ keys }) => keys).map((key) => [keyIdOf(key), keyJson(key)]),
  );
}

function roleJson({ keys, threshold }: RoleKeys): JsonObject {
  return { keyids: keys.map(keyIdOf).toSorted(compareText), threshold };
}

function metaJson({ version, length, sha256 }: MetaInput): JsonObject {
  return {
    ...(sha256 === undefined ? {} : { hashes: { sha256 } }),
    ...(length === undefined ? {} : { length }),
    version,
  };
}

/** Clients that re-marshal before they verify lose an empty object. */
function isEmpty(custom: JsonObject | undefined): custom is undefined {
  return custom === undefined || Object.keys(custom).length === 0;
}
