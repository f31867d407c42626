/**
 * The roles as values. Names chosen by others (key ids, role names, target paths) key a Map, never an object.
 * https://theupdateframework.github.io/specification/latest/#document-formats
 */

import type { JsonObject } from '@tidemark/canonical';
import type { Key } from './keys.ts';

export const topLevelRoles = ['root', 'timestamp', 'snapshot', 'targets'] as const;
export type TopLevelRole = (typeof topLevelRoles)[number];

/** A signed metadata file. */
export interface Envelope<T> {
  readonly signatures: readonly Signature[];
  readonly signed: T;
  /** OLPC canonical JSON of `signed`: what the signatures cover. */
  readonly signedBytes: Uint8Array;
  /** The whole file, unknown fields included. */
  readonly json: JsonObject;
}

export interface Signature {
  readonly keyid: string;
  /** Hex, if it is well-formed. */
  readonly sig: string;
}

/** Whose signatures count for a role, and how many are needed. */
export interface Role {
  readonly keyids: readonly string[];
  readonly threshold: number;
}

export interface Common<T extends string> {
  readonly type: T;
  readonly specVersion: string;
  /** ≥ 1, < 2^53. */
  readonly version: number;
  /** As written: `YYYY-MM-DDTHH:MM:SSZ`. */
  readonly expires: string;
  readonly expiresMs: number;
}

export interface Root extends Common<'root'> {
  /** False where the field is absent. */
  readonly consistentSnapshot: boolean;
  readonly keys: ReadonlyMap<string, Key>;
  readonly roles: Readonly<Record<TopLevelRole, Role>>;
  /** Absent from roots of other repositories. */
  readonly tidemark: Statement | undefined;
}

/** What root says about the ledger itself, in the field `tidemark`. */
export interface Statement {
  /** The ledger's id: 32 hex digits. */
  readonly ledger: string;
  /** The Merkle map has 2^slot_bits slots, for life. */
  readonly slot_bits: number;
  /** At most so many roles share a slot. */
  readonly slot_roles_max: number;
  /** The snapshot log's key, as a C2SP vkey: `name+hex+base64`. */
  readonly checkpoint: string;
}

/** targets.json, and every delegated role. */
export interface Targets extends Common<'targets'> {
  readonly targets: ReadonlyMap<string, TargetFile>;
  readonly delegations: Delegations | undefined;
}

export interface TargetFile {
  /** Bytes. */
  readonly length: number;
  /** By algorithm, in hex. */
  readonly hashes: ReadonlyMap<string, string>;
  readonly custom: JsonObject | undefined;
}

/** Exactly one of `roles` and `succinctRoles` is there. */
export interface Delegations {
  readonly keys: ReadonlyMap<string, Key>;
  /** In order of precedence. */
  readonly roles: readonly DelegatedRole[] | undefined;
  readonly succinctRoles: SuccinctRoles | undefined;
}

/** Exactly one of `paths` and `pathHashPrefixes` is there. */
export interface DelegatedRole extends Role {
  readonly name: string;
  readonly terminating: boolean;
  readonly paths: readonly string[] | undefined;
  readonly pathHashPrefixes: readonly string[] | undefined;
}

/** TAP 15. */
export interface SuccinctRoles extends Role {
  /** 1 to 32. */
  readonly bitLength: number;
  readonly namePrefix: string;
}

export interface Snapshot extends Common<'snapshot'> {
  /** By file name without version: `bins.json`. */
  readonly meta: ReadonlyMap<string, MetaFile>;
}

export interface Timestamp extends Common<'timestamp'> {
  /** What it states about snapshot.json. */
  readonly snapshot: MetaFile;
  /** TAP 16: 64 lower-case hex digits. */
  readonly merkleRoot: string | undefined;
}

export interface MetaFile {
  readonly version: number;
  /** Bytes. */
  readonly length: number | undefined;
  /** By algorithm, in hex. */
  readonly hashes: ReadonlyMap<string, string> | undefined;
}

export type Signed = Root | Targets | Snapshot | Timestamp;
