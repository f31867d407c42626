/**
 * Where a snapshot ends, and that it is complete.
 *
 *   cut     {type, v, ledger, n, previous, time, vector, control}   signed by a sealer
 *   void    {type, v, ledger, n, cut}                               signed by the operators' threshold
 *   sealed  {type, v, ledger, n, cut, leaf, signatures}             signed by a publisher: the commit point
 */

import { recordText, parseJson, RejectedInput, fromUtf8 } from '@tidemark/canonical';
import { z } from 'zod';
import {
  count,
  hex32Bytes,
  hex64Bytes,
  ledgerId,
  partitionsMax,
  positive,
  treeHead,
} from './shape.ts';
import type { TreeHead } from './shape.ts';

export interface CutSigned {
  readonly type: 'cut';
  readonly v: 1;
  readonly ledger: string;
  /** The snapshot's number, from 1. */
  readonly n: number;
  /** Hash of the cut (or void) n − 1; of genesis for the first. */
  readonly previous: string;
  /** Milliseconds since the epoch; never decreases. */
  readonly time: number;
  /** The offset after the last covered record, for every partition of events. */
  readonly vector: readonly number[];
  /** The offset after the last covered control record. */
  readonly control: number;
}

export interface VoidSigned {
  readonly type: 'void';
  readonly v: 1;
  readonly ledger: string;
  readonly n: number;
  /** Hash of the cut that is undone. */
  readonly cut: string;
}

/** A leaf of the snapshot log: what snapshot n is. */
export interface SnapshotLeaf {
  readonly n: number;
  /** The cut's time, ms. */
  readonly time: number;
  /** Root of the Merkle map, 64 hex digits. */
  readonly merkle_root: string;
  /** SHA-256 of timestamp.json. */
  readonly timestamp: string;
  /** The snapshot.json which that timestamp states. */
  readonly snapshot: {
    readonly version: number;
    /** Bytes. */
    readonly length: number;
    readonly sha256: string;
  };
  /** Version of root.json in force. */
  readonly root: number;
  readonly partitions: readonly PartitionHeads[];
  readonly control: TreeHead;
}

export interface PartitionHeads {
  readonly events: TreeHead;
  readonly leaves: TreeHead;
  /** Root of the partition's subtree of the Merkle map. */
  readonly map: string;
}

export interface RoleSignature {
  readonly keyid: string;
  /** 128 hex digits. */
  readonly sig: string;
}

export interface SealedSigned {
  readonly type: 'sealed';
  readonly v: 1;
  readonly ledger: string;
  readonly n: number;
  readonly cut: string;
  readonly leaf: SnapshotLeaf;
  readonly signatures: {
    readonly timestamp: RoleSignature;
    /** Null where this cut makes no new snapshot.json. */
    readonly snapshot: RoleSignature | null;
    /** 128 hex digits, over the checkpoint's note text. */
    readonly checkpoint: string;
  };
}

export const cutSchema: z.ZodType<CutSigned> = z.strictObject({
  type: z.literal('cut'),
  v: z.literal(1),
  ledger: ledgerId,
  n: positive,
  previous: hex32Bytes,
  time: count,
  vector: z.array(count).min(1).max(partitionsMax),
  control: count,
});

export const voidSchema: z.ZodType<VoidSigned> = z.strictObject({
  type: z.literal('void'),
  v: z.literal(1),
  ledger: ledgerId,
  n: positive,
  cut: hex32Bytes,
});

export const leafSchema: z.ZodType<SnapshotLeaf> = z.strictObject({
  n: count,
  time: count,
  merkle_root: hex32Bytes,
  timestamp: hex32Bytes,
  snapshot: z.strictObject({ version: positive, length: positive, sha256: hex32Bytes }),
  root: positive,
  partitions: z
    .array(z.strictObject({ events: treeHead, leaves: treeHead, map: hex32Bytes }))
    .min(1)
    .max(partitionsMax),
  control: treeHead,
});

const roleSignature: z.ZodType<RoleSignature> = z.strictObject({
  keyid: hex32Bytes,
  sig: hex64Bytes,
});

export const sealedSchema: z.ZodType<SealedSigned> = z.strictObject({
  type: z.literal('sealed'),
  v: z.literal(1),
  ledger: ledgerId,
  n: positive,
  cut: hex32Bytes,
  leaf: leafSchema,
  signatures: z.strictObject({
    timestamp: roleSignature,
    snapshot: roleSignature.nullable(),
    checkpoint: hex64Bytes,
  }),
});

/**
 * Reads an entry of the snapshot log from number 1 on: the leaf's canonical JSON. Entry 0 is the genesis record.
 * @throws RejectedInput `record.shape`, `record.not_canonical`, `json.*`
 */
export function parseLeaf(entry: Uint8Array): SnapshotLeaf {
  const json = parseJson(entry);
  const parsed = leafSchema.safeParse(json);
  if (!parsed.success) {
    throw new RejectedInput('record.shape', z.prettifyError(parsed.error), { cause: parsed.error });
  }
  if (recordText(json) !== fromUtf8(entry)) {
    throw new RejectedInput('record.not_canonical', 'not the canonical encoding of a leaf');
  }
  return parsed.data;
}
