/** A partition's subtree of the map, built anew from the versions of its roles. */
import { sha256Native } from '@tidemark/canonical/native';
import { slotOfBin } from '@tidemark/bin';
import type { GenesisSigned } from '@tidemark/event';
import { SlotTree } from '@tidemark/merkle';
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
  const slots = new Set<number>();
  for (let i = 0; i < heads.count; i++) {
    if (heads.versions[i] !== 0) slots.add(slotOfBin(heads.first + i, bits, slot_bits));
  }
  for (const [role] of offline.entries()) slots.add(offline.slotOf(role));
  const leaves = Array.from(slots, (slot) => ({ slot, hash: offline.hash(slot, heads) }));
  return new SlotTree(shape, sha256Native, leaves);
}
