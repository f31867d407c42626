/** Shapes that several records share. Every object is strict: a field nobody knows makes the record unknown. */

import { z } from 'zod';

/** Records fit into a tlog-tiles entry, whose length is a uint16: https://c2sp.org/tlog-tiles#log-entries */
export const recordBytesMax = 65_535;

export const partitionsMax = 128;

/** A whole number, 0 ≤ n < 2^53. */
export const count = z.int().nonnegative();
export const positive = z.int().positive();

/** SHA-256 or an Ed25519 public key. */
export const hex32Bytes = z.string().regex(/^[0-9a-f]{64}$/);
/** An Ed25519 signature. */
export const hex64Bytes = z.string().regex(/^[0-9a-f]{128}$/);
/** A ledger's id: 16 bytes. */
export const ledgerId = z.string().regex(/^[0-9a-f]{32}$/);

/** Role names clients agree on: no path, nothing that JavaScript sorts as an index. */
export const roleName = z.string().regex(/^(?![0-9]+$)[a-z0-9._-]{1,128}$/);

/** A Merkle tree: its number of leaves and its root. */
export interface TreeHead {
  readonly size: number;
  /** SHA-256, 64 hex digits. */
  readonly root: string;
}
export const treeHead: z.ZodType<TreeHead> = z.strictObject({ size: count, root: hex32Bytes });

export function distinct(items: readonly unknown[]): boolean {
  return new Set(items).size === items.length;
}
