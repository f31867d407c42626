/**
 * What a shard reports for one cut of one partition, in this order in the log of leaves.
 *
 *   roles     {type, v, n, partition, i, leaves: [[role, version, length, sha256, sig] …]}
 *   outcomes  {type, v, n, partition, i, outcomes: [[offset, index, code] …
 *                                       | [offset, index, "duplicate", offset0, index0] …]}
 *   index     {type, v, n, partition, i, records: [sha256 …]}
 *   subtree   {type, v, ledger, n, cut, partition, roles, records, map, events, leaves, state, control, due}
 *             signed by a shard
 *
 * `roles` and `outcomes` are unsigned: the subtree record lists their hashes. Where there are more of them than it can
 * list, `index` records do, and the subtree record lists theirs.
 */

import { z } from 'zod';
import {
  count,
  hex32Bytes,
  hex64Bytes,
  ledgerId,
  partitionsMax,
  positive,
  roleName,
  treeHead,
} from './shape.ts';
import type { TreeHead } from './shape.ts';

/**
 * One role version: role, version, length in bytes, SHA-256 of the file, and the Ed25519 signature with which the file is made
 * again from the events; empty for a document signed offline, which stands in the control log as a whole.
 */
export type RoleLeaf = readonly [
  role: string,
  version: number,
  length: number,
  sha256: string,
  sig: string,
];

/** Why an event changed nothing; of a duplicate also where it was first seen. Applied events have none. */
export type Outcome =
  | readonly [offset: number, index: number, code: string]
  | readonly [
      offset: number,
      index: number,
      code: 'duplicate',
      firstOffset: number,
      firstIndex: number,
    ];

export interface RolesSigned {
  readonly type: 'roles';
  readonly v: 1;
  readonly n: number;
  readonly partition: number;
  /** Position among the records of this kind for this cut and partition, from 0. */
  readonly i: number;
  /** In slot order. */
  readonly leaves: readonly RoleLeaf[];
}

export interface OutcomesSigned {
  readonly type: 'outcomes';
  readonly v: 1;
  readonly n: number;
  readonly partition: number;
  /** Position among the records of this kind for this cut and partition, from 0. */
  readonly i: number;
  /** In fold order. */
  readonly outcomes: readonly Outcome[];
}

/** A page of the list of `roles` and `outcomes` records. */
export interface IndexSigned {
  readonly type: 'index';
  readonly v: 1;
  readonly n: number;
  readonly partition: number;
  /** Position among the records of this kind for this cut and partition, from 0. */
  readonly i: number;
  /** SHA-256 of the bytes of each record, in order. */
  readonly records: readonly string[];
}

export interface SubtreeSigned {
  readonly type: 'subtree';
  readonly v: 1;
  readonly ledger: string;
  readonly n: number;
  /** Hash of the cut. */
  readonly cut: string;
  readonly partition: number;
  /** Number of role versions reported for this cut. */
  readonly roles: number;
  /**
   * SHA-256 of the bytes of each `roles` and `outcomes` record, in order; where there are more than
   * {@link hashesMax}, of each `index` record instead.
   */
  readonly records: readonly string[];
  /** Root of the partition's subtree of the Merkle map. */
  readonly map: string;
  readonly events: TreeHead;
  readonly leaves: TreeHead;
  /** Digest of the fold's state after the cut. */
  readonly state: string;
  /** Digest of what the control log comes to at the cut's offset of it. */
  readonly control: string;
  /** When a role of the partition next has to be renewed: cut time in ms. */
  readonly due: number;
}

/** Keep each record below 65,535 bytes whatever its entries hold. */
export const roleLeavesMax = 128;
export const outcomesMax = 1_000;
/** Hashes of records in one `subtree` or `index`. */
export const hashesMax = 900;

const partition = count.max(partitionsMax - 1);

export const rolesSchema: z.ZodType<RolesSigned> = z.strictObject({
  type: z.literal('roles'),
  v: z.literal(1),
  n: positive,
  partition,
  i: count,
  leaves: z
    .array(
      z.tuple([roleName, positive, positive, hex32Bytes, z.union([hex64Bytes, z.literal('')])]),
    )
    .min(1)
    .max(roleLeavesMax),
});

const outcomeCode = z.string().regex(/^[a-z0-9_.]{1,32}$/);

export const outcomesSchema: z.ZodType<OutcomesSigned> = z.strictObject({
  type: z.literal('outcomes'),
  v: z.literal(1),
  n: positive,
  partition,
  i: count,
  outcomes: z
    .array(
      z.union([
        z.tuple([count, count, outcomeCode.refine((code) => code !== 'duplicate')]),
        z.tuple([count, count, z.literal('duplicate'), count, count]),
      ]),
    )
    .min(1)
    .max(outcomesMax),
});

export const indexSchema: z.ZodType<IndexSigned> = z.strictObject({
  type: z.literal('index'),
  v: z.literal(1),
  n: positive,
  partition,
  i: count,
  records: z.array(hex32Bytes).min(1).max(hashesMax),
});

export const subtreeSchema: z.ZodType<SubtreeSigned> = z.strictObject({
  type: z.literal('subtree'),
  v: z.literal(1),
  ledger: ledgerId,
  n: positive,
  cut: hex32Bytes,
  partition,
  roles: count,
  records: z.array(hex32Bytes).max(hashesMax),
  map: hex32Bytes,
  events: treeHead,
  leaves: treeHead,
  state: hex32Bytes,
  control: hex32Bytes,
  due: count,
});
