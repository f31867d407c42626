/**
 * What the Merkle map of one timestamp says of roles (TAP 16): proofs in, entries out, each believed because it leads to
 * `merkle_root`. No server is asked here.
 *
 * A bin's slot follows from its number, any other role's from its name. So until the role *bins* is known, a slot's other
 * roles can be judged only in part; the rest is made up for as soon as it is.
 */

import type { Bins } from '@tidemark/bin';
import { utf8 } from '@tidemark/canonical';
import {
  demandOwnRoles,
  type MapShape,
  multiproofBytesMax,
  openMultiproof,
  openTap16File,
  type SlotContents,
  slotInMap,
  type Tap16Map,
} from '@tidemark/merkle';
import { binsOf, type Delegations, type MetaFile, type Root, type Timestamp } from '@tidemark/tuf';

/** Whose delegations say how the bins are named and how many there are. */
export const BINS_ROLE = 'bins';

export class ProvedMap {
  /** 64 hex digits. */
  readonly root: string;
  private readonly shape: MapShape;
  private readonly slots = new Map<number, SlotContents>();
  private bins: Bins | undefined;

  private constructor(root: string, shape: MapShape) {
    this.root = root;
    this.shape = shape;
  }

  /** Undefined where there is no map, or one whose parameters root does not state. */
  static of(root: Root, timestamp: Timestamp): ProvedMap | undefined {
    const { tidemark } = root;
    if (timestamp.merkleRoot === undefined || tidemark === undefined) return undefined;
    const shape = { slotBits: tidemark.slot_bits, rolesMax: tidemark.slot_roles_max };
    return new ProvedMap(timestamp.merkleRoot, shape);
  }

  isSame(other: ProvedMap): boolean {
    const { slotBits, rolesMax } = other.shape;
    const isShape = slotBits === this.shape.slotBits && rolesMax === this.shape.rolesMax;
    return isShape && other.root === this.root;
  }

  /**
   * The slot that a role is in.
   * @param delegations of the role *bins*, as they may be; else those that were learned
   */
  slotOf(role: string, delegations?: Delegations): number {
    const bins = delegations === undefined ? this.bins : this.binsIn(delegations);
    return slotInMap(role, { ...this.shape, bins });
  }

  has(slot: number): boolean {
    return this.slots.has(slot);
  }

  /** Longest proof of so many slots, in bytes. */
  bytesMax(slots: number): number {
    return multiproofBytesMax(slots, this.shape);
  }

  /** @throws RejectedInput `tap16.*` */
  addFile(bytes: Uint8Array, slot: number): void {
    this.slots.set(slot, openTap16File(bytes, slot, this.root, this.here()));
  }

  /** @throws RejectedInput `tap16.*` */
  addMultiproof(bytes: Uint8Array, slots: ReadonlySet<number>): void {
    const proved = openMultiproof(bytes, slots, this.root, this.here());
    for (const [slot, contents] of proved) this.slots.set(slot, contents);
  }

  /** What is stated of a role whose slot was proved; undefined where the map does not have it. */
  stated(role: string): MetaFile | undefined {
    const entry = this.slots.get(this.slotOf(role))?.get(role);
    if (entry === undefined) return undefined;
    const { version, length, sha256 } = entry;
    return { version, length, hashes: new Map([['sha256', sha256]]) };
  }

  /**
   * From here on it is known which roles are bins.
   * @param delegations of the role *bins*, as the map has it
   * @throws RejectedInput `tap16.foreign_role`
   */
  learn(delegations: Delegations): void {
    this.bins = this.binsIn(delegations);
    for (const [slot, roles] of this.slots) demandOwnRoles(roles.keys(), slot, this.here());
  }

  private here(): Tap16Map {
    return { ...this.shape, bins: this.bins };
  }

  private binsIn(delegations: Delegations): Bins | undefined {
    const bins = knownBins(delegations);
    return bins !== undefined && bins.bits <= this.shape.slotBits ? bins : undefined;
  }
}

/** What is sent to be told the proofs of several roles in one answer. */
export function proofsRequest(roles: readonly string[]): Uint8Array {
  return utf8(JSON.stringify({ roles }));
}

/** Delegations to 65,536 bins are read once, not once a bin. */
const known = new WeakMap<Delegations, Bins | undefined>();

function knownBins(delegations: Delegations): Bins | undefined {
  if (!known.has(delegations)) known.set(delegations, binsOf(delegations));
  return known.get(delegations);
}
