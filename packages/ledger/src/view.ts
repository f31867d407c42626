/**
 * What a partition shows at a snapshot, while its fold is already further on.
 *
 * The newest view is kept in memory and advanced cut by cut as snapshots become visible; any older
 * one is rebuilt from the stored versions and kept until another is asked for. A view reads committed
 * rows only, so nothing that is still being folded can be seen through it.
 */
import { BrokenInvariant, OperatingFault, RejectedInput } from '@tidemark/canonical';
import { sha256HexNative, sha256Native } from '@tidemark/canonical/native';
import { binOfPathHash, binOfRole, slotOfRole } from '@tidemark/bin';
import type { GenesisSigned } from '@tidemark/event';
import { SlotTree, type SlotChange } from '@tidemark/merkle';
import { BinFile } from './binFile.ts';
import { changedTargets, type ChangedTargets, type ChangePlace } from './changes.ts';
import type { Bodies } from './bodies.ts';
import { CUTS_IN_FLIGHT_MAX } from './cutRules.ts';
import { Heads } from './heads.ts';
import { OfflineSlots, type OfflineEntry } from './offlineSlots.ts';
import { loadAt } from './openPartition.ts';
import type { Partition } from './partition.ts';
import { binOfVersion } from './versionOwner.ts';

/** A role's slot as it was at a snapshot: for TAP 16. */
export interface SlotProof {
  readonly slot: number;
  /** The METAFILES object of the slot, canonical JSON. */
  readonly contents: string;
  /** Siblings up to the partition's subtree root, bottom-up, 32 bytes each. */
  readonly path: readonly Uint8Array[];
}

/** What one cut changed, kept until it is visible. */
export interface ViewChange {
  readonly n: number;
  readonly versions: readonly (readonly [bin: number, version: number])[];
  readonly slots: readonly SlotChange[];
  readonly offline: readonly OfflineEntry[];
}

interface Shown {
  n: number;
  readonly versions: Float64Array;
  readonly tree: SlotTree;
  offline: readonly OfflineEntry[];
}

export class PartitionView {
  private readonly partition: Partition;
  private readonly genesis: GenesisSigned;
  private readonly bodies: Bodies;
  private readonly newest: Shown;
  private older: Shown | undefined;
  private changes: ViewChange[] = [];

  /** The view of the partition's state as it was opened. */
  constructor(partition: Partition) {
    const { genesis, heads, tree, offline, n } = partition;
    this.partition = partition;
    this.genesis = genesis;
    this.bodies = partition.bodies;
    this.newest = {
      n,
      versions: heads.versions.slice(),
      tree: new SlotTree(shapeOf(genesis, partition.partition), sha256Native, tree.leaves()),
      offline: offline.entries(),
    };
  }

  /** Takes note of a committed cut. At most two are on their way, so what lies behind them is visible. */
  committed(change: ViewChange): void {
    this.changes.push(change);
    while (this.changes.length > CUTS_IN_FLIGHT_MAX) this.show(this.changes.shift()!);
  }

  /** The newest committed cut. */
  get n(): number {
    return this.changes.at(-1)?.n ?? this.newest.n;
  }

  /**
   * A role version's bytes, where snapshot n or an earlier one made it visible.
   * @returns undefined where this partition has no such bin or no such version by then
   * @throws OperatingFault `view.behind` while the cut is not folded yet
   * @throws BrokenInvariant `state.*` where the version is lost or damaged
   */
  file(role: string, version: number, n: number): Uint8Array | undefined {
    const bin = binOfRole(role, this.genesis);
    if (bin === undefined || !this.owns(bin)) return undefined;
    if (n > this.n) throw behind(n);
    const delta = this.bodies.delta(bin, version);
    if (delta !== undefined) return delta.cut > n ? undefined : this.bodies.file(bin, version);
    const { rows, partition } = this.partition;
    if (binOfVersion(rows, this.genesis, partition, this.n, version) !== bin) return undefined;
    throw new BrokenInvariant(
      'state.missing',
      `bin ${bin} version ${version} is not stored; delete this state, it is rebuilt from the log`,
    );
  }

  /** The bin, its version at snapshot n and the canonical value of a target in it. */
  async target(
    path: string,
    n: number,
  ): Promise<{ bin: number; version: number; value: string | undefined }> {
    const bin = binOfPathHash(sha256HexNative(path), this.genesis.bits);
    const shown = await this.at(n);
    const version = shown.versions[bin - this.partition.heads.first]!;
    const file = this.bodies.file(bin, version);
    return { bin, version, value: file && BinFile.parse(Buffer.from(file)).get(path) };
  }

  /** A role's slot at snapshot n. */
  async proof(role: string, n: number): Promise<SlotProof> {
    const { genesis, partition } = this;
    const shown = await this.at(n);
    const slot = slotOfRole(role, genesis, genesis.slot_bits, sha256HexNative);
    const offline = new OfflineSlots(genesis, partition.partition, shown.offline);
    const bin = Math.floor(slot / 2 ** (genesis.slot_bits - genesis.bits));
    const contents = offline.contents(slot, this.headOf(bin, shown));
    return { slot, contents, path: shown.tree.path(slot) };
  }

  /**
   * What snapshot n changed about targets, from a place on.
   * @throws RejectedInput `view.past` where that snapshot is not stored any more
   */
  changedTargets(n: number, from: ChangePlace, changesMax: number): ChangedTargets {
    if (n > this.n) throw behind(n);
    const { rows, partition } = this.partition;
    const changed = changedTargets(rows, this.genesis, { partition, n, from }, changesMax);
    if (changed === undefined) throw past(n);
    return changed;
  }

  private owns(bin: number): boolean {
    const { first, count } = this.partition.heads;
    return bin >= first && bin < first + count;
  }

  /** One bin's head as of a view. */
  private headOf(bin: number, shown: Shown): Heads {
    const head = new Heads(bin, 1);
    const version = shown.versions[bin - this.partition.heads.first]!;
    const delta = version === 0 ? undefined : this.bodies.delta(bin, version);
    if (delta !== undefined) head.set(bin, version, delta);
    return head;
  }

  private async at(n: number): Promise<Shown> {
    if (n > this.n) throw behind(n);
    while (this.newest.n < n) this.show(this.changes.shift()!);
    if (this.newest.n === n) return this.newest;
    if (this.older?.n !== n) {
      const loaded = await loadAt(this.partition.rows, this.genesis, this.partition.partition, n);
      if (loaded === undefined) throw past(n);
      this.older = { n, ...loaded };
    }
    return this.older;
  }

  private show(change: ViewChange): void {
    const { newest } = this;
    newest.n = change.n;
    for (const [bin, version] of change.versions) {
      newest.versions[bin - this.partition.heads.first] = version;
    }
    newest.tree.update(change.slots);
    newest.offline = change.offline;
  }
}

function behind(n: number): OperatingFault {
  return new OperatingFault('view.behind', `snapshot ${n} is not folded yet; try again later`);
}

function past(n: number): RejectedInput {
  return new RejectedInput('view.past', `no snapshot ${n} is stored`);
}

function shapeOf(genesis: GenesisSigned, partition: number) {
  return {
    slotBits: genesis.slot_bits,
    partitionBits: Math.log2(genesis.partitions),
    partition,
  };
}
