/** A partition's subtree of the map, built anew from the versions of its roles. */
import { sha256Native } from '@tidemark/canonical/native';
import { slotOfBin } from '@tidemark/bin';
import type { GenesisSigned } from '@tidemark/event';
import { emptySlotHash, SlotTree } from '@tidemark/merkle';
import type { Heads } from './heads.ts';
import type { OfflineSlots } from './offlineSlots.ts';

export function treeOf(
  genesis: GenesisSigned,
  partition: number,
  heads: Heads,
  offline: OfflineSlots,
): SlotTree {
  const { slot_bits, bits, partitions } = genesis;
  const shape = { slotBits: slot_bits, partitionBits: Math.log2(partitions), partition };
  const width = 2 ** slot_bits / partitions;
  const leaves = new Uint8Array(width * 32);
  const slots = new Set<number>();
  for (let i = 0; i < heads.count; i++) {
    if (heads.versions[i] !== 0) slots.add(slotOfBin(heads.first + i, bits, slot_bits));
  }
  for (const [role] of offline.entries()) slots.add(offline.slotOf(role));
  if (slots.size === 0) return new SlotTree(shape, sha256Native);
  for (let i = 0; i < width; i++) {
    const slot = partition * width + i;
    const hash = slots.has(slot) ? offline.hash(slot, heads) : emptySlotHash(slot, sha256Native);
    leaves.set(hash, i * 32);
  }
  return new SlotTree(shape, sha256Native, leaves);
}
