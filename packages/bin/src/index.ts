/** Arithmetic from a target path to its bin, slot and partition. */

export {
  binOfPathHash,
  binOfRole,
  binsOfPartition,
  partitionOfBin,
  partitionOfPathHash,
  partitionOfSlot,
  pathHash,
  slotOfBin,
  slotOfRole,
  slotsOfPartition,
} from './bin.ts';
export type { Bins, Range, Sha256Hex } from './bin.ts';
