/**
 * The slots of one partition's part of the map: which roles each holds, and its leaf.
 *
 * Bins lie in slots of their own by number; the roles signed offline (targets, bins) lie where the
 * hash of their name puts them, possibly beside a bin (design: at most K roles a slot).
 */
import { sha256HexNative, sha256Native } from '@tidemark/canonical/native';
import { binOfRole, partitionOfSlot, slotOfRole } from '@tidemark/bin';
import type { GenesisSigned, RoleLeaf } from '@tidemark/event';
import { binRoleName } from '@tidemark/tuf';
import { OFFLINE_ROLES, type Documents } from './documents.ts';
import type { Heads } from './heads.ts';

/** An offline role as the map states it: name, version, length, sha256. */
export type OfflineEntry = readonly [role: string, version: number, length: number, sha256: string];

export interface OfflineChange {
  readonly slot: number;
  readonly leaf: RoleLeaf;
}

export class OfflineSlots {
  private readonly genesis: GenesisSigned;
  private readonly partition: number;
  private readonly held = new Map<string, OfflineEntry>();
  private readonly bySlot = new Map<number, string[]>();
  /** 0x00 ‖ slot ‖ contents: the bytes under a leaf's hash. */
  private leaf = Buffer.alloc(1024);

  constructor(genesis: GenesisSigned, partition: number, entries: readonly OfflineEntry[]) {
    this.genesis = genesis;
    this.partition = partition;
    for (const entry of entries) this.hold(entry);
  }

  /** The slot of any role. */
  slotOf(role: string): number {
    return slotOfRole(role, this.genesis, this.genesis.slot_bits, sha256HexNative);
  }

  entries(): OfflineEntry[] {
    return [...this.held.values()];
  }

  /** Takes a role version over. */
  hold(entry: OfflineEntry): void {
    const [role] = entry;
    if (!this.held.has(role)) {
      const slot = this.slotOf(role);
      this.bySlot.set(slot, [...(this.bySlot.get(slot) ?? []), role]);
    }
    this.held.set(role, entry);
  }

  /** Takes over what documents are in force now; returns those in this partition that changed. */
  update(documents: Documents): OfflineChange[] {
    const { partitions, slot_bits } = this.genesis;
    const changes: OfflineChange[] = [];
    for (const role of OFFLINE_ROLES) {
      const document = documents[role];
      const slot = this.slotOf(role);
      if (partitionOfSlot(slot, slot_bits, Math.log2(partitions)) !== this.partition) continue;
      if (document === undefined || document.sha256 === this.held.get(role)?.[3]) continue;
      const { version, length, sha256 } = document;
      this.hold([role, version, length, sha256]);
      changes.push({ slot, leaf: [role, version, length, sha256, ''] });
    }
    return changes;
  }

  /** The METAFILES object of a slot as canonical JSON, from the bins' heads. */
  contents(slot: number, heads: Heads): string {
    const bin = this.binOfSlot(slot, heads);
    const names = [...(this.bySlot.get(slot) ?? [])];
    if (bin !== undefined) names.push(bin);
    // Sorted as members are, with their ending: `bins-0.json` stands before `bins.json`.
    if (names.length > 1) names.sort((a, b) => (`${a}.json` < `${b}.json` ? -1 : 1));
    return `{${names.map((role) => `"${role}.json":${this.metaText(role, heads)}`).join(',')}}`;
  }

  /** The hash of a slot's leaf (RFC 6962 leaf over uint32 slot ‖ contents), 32 bytes. */
  hash(slot: number, heads: Heads): Uint8Array {
    const contents = this.contents(slot, heads);
    if (5 + contents.length > this.leaf.length) this.leaf = Buffer.alloc(2 * contents.length);
    this.leaf.writeUInt32BE(slot, 1);
    const length = 5 + this.leaf.write(contents, 5, 'latin1');
    return sha256Native(this.leaf.subarray(0, length));
  }

  private binOfSlot(slot: number, heads: Heads): string | undefined {
    const { bits, slot_bits, prefix } = this.genesis;
    const slotsPerBin = 2 ** (slot_bits - bits);
    const bin = Math.floor(slot / slotsPerBin);
    if (bin * slotsPerBin !== slot || heads.version(bin) === 0) return undefined;
    return binRoleName(prefix, bits, bin);
  }

  private metaText(role: string, heads: Heads): string {
    const entry = this.held.get(role);
    if (entry === undefined) return heads.metaText(binOfRole(role, this.genesis)!);
    const [, version, length, sha256] = entry;
    return `{"hashes":{"sha256":"${sha256}"},"length":${length},"version":${version}}`;
  }
}
