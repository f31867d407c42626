/**
 * One partition of the ledger: its bins, its subtree of the map, its place in the logs.
 *
 * `foldCut` is the whole of it: events and renewals become new role versions, leaf records and state
 * rows. Who holds the bins' key signs; who does not takes the signatures that stand in the leaves log.
 * Either way the bytes are the same, or the partition halts.
 */
import { BrokenInvariant, OperatingFault, toHex } from '@tidemark/canonical';
import { sha256Native } from '@tidemark/canonical/native';
import { slotOfBin } from '@tidemark/bin';
import type { GenesisSigned, Outcome, RoleLeaf, SubtreeSigned } from '@tidemark/event';
import { leafHash, type CompactRange, type SlotChange, type SlotTree } from '@tidemark/merkle';
import { BinScratch } from './binFile.ts';
import { BinWriter, stampOf, type BinSignatures } from './binWriter.ts';
import { Bodies } from './bodies.ts';
import type { Cut } from './control.ts';
import { putCheckpoint } from './controlCheckpoint.ts';
import { CutFold, windowStart, type Chunks, type Intakes } from './cutFold.ts';
import { CUTS_IN_FLIGHT_MAX } from './cutRules.ts';
import { binKeyId } from './documents.ts';
import type { Heads } from './heads.ts';
import { encodeHeads } from './headsImage.ts';
import { bySlot, leafRecords, type LeafRecord } from './leaves.ts';
import { encodeMarker, packBins, stateDigest, type Marker } from './marker.ts';
import type { OfflineSlots } from './offlineSlots.ts';
import { nextRenewal, withRenewals, type DirtyBin } from './renewal.ts';
import { ROW, rowKey, type Rows } from './rows.ts';
import type { ViewChange } from './view.ts';
import type { WindowRows } from './windowRows.ts';

/** What a folded cut gives: for the leaves log, and for whoever serves the partition. */
export interface FoldedCut {
  readonly n: number;
  readonly records: readonly LeafRecord[];
  readonly subtree: SubtreeSigned;
  readonly view: ViewChange;
  readonly outcomes: readonly Outcome[];
  readonly ignored: ReadonlyMap<string, number>;
  readonly applied: number;
}

/** A partition's parts, as opened from its state or made anew. */
export interface PartitionParts {
  readonly genesis: GenesisSigned;
  readonly genesisBytes: Uint8Array;
  readonly partition: number;
  readonly rows: Rows;
  readonly heads: Heads;
  readonly tree: SlotTree;
  readonly window: WindowRows;
  readonly intakes: Intakes;
  readonly events: CompactRange;
  readonly leaves: CompactRange;
  readonly offline: OfflineSlots;
  readonly marker: Marker | undefined;
  readonly memoryBudgetBytes: number;
  readonly imageEvery?: number;
}

/** Cuts between two images of the heads, so that opening reads few markers. */
const HEADS_EVERY_CUTS = 256;

export class Partition {
  readonly genesis: GenesisSigned;
  readonly partition: number;
  readonly heads: Heads;
  readonly bodies: Bodies;
  readonly rows: Rows;
  /** The subtree of the map as of the last folded cut. */
  readonly tree: SlotTree;
  /** The offline roles in this partition's slots. */
  readonly offline: OfflineSlots;
  private readonly parts: PartitionParts;
  private readonly writer: BinWriter;
  private keyid: string;
  /** The last cut folded; 0 before the first. */
  n: number;
  /** Time of the last cut in ms. */
  private time: number;
  /** The next events offset to fold. */
  next: number;
  /** Where in the leaves log to look for later cuts: a hint, not part of the state. */
  position: number;
  private marker: Marker | undefined;

  constructor(parts: PartitionParts) {
    const { genesis, heads, marker, rows, partition } = parts;
    this.parts = parts;
    this.genesis = genesis;
    this.partition = partition;
    this.heads = heads;
    this.rows = rows;
    this.tree = parts.tree;
    this.offline = parts.offline;
    const scratch = new BinScratch();
    this.bodies = new Bodies(rows, heads, scratch, parts.memoryBudgetBytes);
    const writes = { heads, bodies: this.bodies, rows, scratch };
    this.writer = new BinWriter(writes, genesis, partition, marker?.k ?? 0);
    this.keyid = marker?.keyid ?? '';
    this.n = marker?.n ?? 0;
    this.time = marker?.time ?? genesis.time;
    this.next = marker?.next ?? 0;
    this.position = marker?.position ?? 0;
  }

  /** Bytes of memory held, as far as they grow with use. */
  get memoryBytes(): number {
    return this.bodies.memoryBytes + this.parts.window.index.memoryBytes;
  }

  /**
   * Folds the next cut. The state is the new one only after {@link commit}.
   * @param chunks the partition's events from `next` up to the cut's offset for it: a cut may cover more
   *   of them than memory should hold
   * @throws OperatingFault `keys.bins` where the key at hand is not the one that *bins* delegates to
   * @throws BrokenInvariant where logged signatures, genesis or stored state do not fit
   */
  async foldCut(cut: Cut, chunks: Chunks, signatures: BinSignatures): Promise<FoldedCut> {
    const isNext = cut.n === this.n + 1 && this.marker === undefined;
    if (!isNext) throw outOfOrder(`cut ${cut.n} cannot follow cut ${this.n}`);
    const keyid = binKeyId(cut.view.documents, this.genesis);
    if ('signer' in signatures && signatures.keyid !== keyid) {
      throw new OperatingFault(
        'keys.bins',
        `the role bins delegates to key ${keyid}, this process holds ${signatures.keyid}`,
      );
    }
    const fold = await this.foldEvents(cut, chunks);
    const k0 = this.writer.k;
    const dirty = withRenewals(fold.dirty(), this.heads, cut, keyid !== this.keyid);
    this.keyid = keyid;
    const { offline, tree } = this;
    const documents = offline.update(cut.view.documents);
    const touched = new Set(documents.map(({ slot }) => slot));
    const roles = documents.map(({ leaf }) => leaf);
    await this.writeBins(cut, dirty, signatures, roles, touched);
    const slots = Array.from(touched, (slot) => ({ slot, hash: offline.hash(slot, this.heads) }));
    tree.update(slots);
    if (documents.length > 0) roles.sort(bySlot((role) => offline.slotOf(role)));
    return this.close(cut, fold, { k0, dirty, roles, slots });
  }

  /**
   * A void spends the number of a cut, and all cuts that followed it: the versions that they could
   * have used are spent too, whoever may have signed them. Rows that a fold of theirs left behind go.
   */
  async foldVoid(n: number, hash: string): Promise<void> {
    if (n !== this.n + 1) throw outOfOrder(`void ${n} after cut ${this.n}`);
    const k0 = this.writer.k;
    await this.writer.spend(CUTS_IN_FLIGHT_MAX);
    this.n = n;
    this.mark({ n, cut: hash, time: this.time }, k0, []);
    await this.commit(this.position);
  }

  /**
   * Makes the folded cut the state: its leaf records are in the log.
   * @param position the offset in the leaves log behind them
   */
  async commit(position: number): Promise<void> {
    const { marker } = this;
    if (marker === undefined) throw outOfOrder('there is nothing to commit');
    this.position = position;
    this.rows.put(rowKey(ROW.marker, 0, marker.n), encodeMarker({ ...marker, position }));
    this.marker = undefined;
    await this.rows.flush();
    this.bodies.written();
  }

  private async foldEvents(cut: Cut, chunks: Chunks): Promise<CutFold> {
    const { genesis, genesisBytes, window, intakes, events } = this.parts;
    window.advance(cut.n, windowStart(cut));
    const { index, since } = window;
    for (const [run, { time }] of intakes) if (time < since) intakes.delete(run);
    const fold = new CutFold(
      {
        ledger: genesis.ledger,
        partition: this.partition,
        partitionBits: Math.log2(genesis.partitions),
        bits: genesis.bits,
        intakes,
        window: index,
        since,
        current: (bin, path) => this.bodies.get(bin).get(path),
        version: (bin) => this.heads.version(bin),
      },
      cut,
    );
    for await (const records of chunks) {
      for (const bytes of records) {
        events.append(leafHash(bytes, sha256Native));
        if (this.next > 0) fold.fold(bytes, this.next);
        else if (Buffer.compare(bytes, genesisBytes) !== 0) throw foreign(this.partition);
        this.next++;
      }
    }
    const until = cut.vector[this.partition]!;
    if (this.next === until) return fold;
    throw new BrokenInvariant(
      'fold.order',
      `cut ${cut.n} covers ${until} records, not ${this.next}`,
    );
  }

  private async writeBins(
    cut: Cut,
    dirty: readonly DirtyBin[],
    signatures: BinSignatures,
    roles: RoleLeaf[],
    touched: Set<number>,
  ): Promise<void> {
    const { bits, slot_bits } = this.genesis;
    const stamp = stampOf(cut, cut.view.policy.expiry_s.bins, this.keyid, signatures);
    for (const { bin, ops } of dirty) {
      roles.push(this.writer.write(bin, ops, stamp));
      touched.add(slotOfBin(bin, bits, slot_bits));
      if (!this.rows.full) continue;
      await this.rows.flush();
      this.bodies.written();
    }
  }

  /** Records, trees, window, marker: what makes the cut complete. */
  private async close(
    cut: Cut,
    fold: CutFold,
    change: { k0: number; dirty: readonly DirtyBin[]; roles: RoleLeaf[]; slots: SlotChange[] },
  ): Promise<FoldedCut> {
    const { tree, parts } = this;
    const { leaves, window, events } = parts;
    const { records, named } = leafRecords(cut.n, this.partition, change.roles, fold.outcomes);
    for (const { bytes } of records) leaves.append(leafHash(bytes, sha256Native));
    window.seal(fold.newest);
    await this.rows.flush();
    this.n = cut.n;
    this.time = cut.time;
    if (this.isImageAt(cut.n)) await putCheckpoint(this.rows, cut);
    const bins = change.dirty.map(({ bin }) => bin);
    const marker = this.mark({ n: cut.n, cut: cut.hash, time: cut.time }, change.k0, bins);
    const subtree: SubtreeSigned = {
      type: 'subtree',
      v: 1,
      ledger: this.genesis.ledger,
      n: cut.n,
      cut: cut.hash,
      partition: this.partition,
      roles: change.roles.length,
      records: named,
      map: toHex(tree.root()),
      events: { size: events.size, root: toHex(events.root()) },
      leaves: { size: leaves.size, root: toHex(leaves.root()) },
      state: stateDigest(marker),
      control: cut.digest,
      due: nextRenewal(this.heads, cut.view.policy),
    };
    const { outcomes, ignored, applied } = fold;
    const versions = bins.map((bin) => [bin, this.heads.version(bin)] as const);
    const view = { n: cut.n, versions, slots: change.slots, offline: marker.offline };
    return { n: cut.n, records, subtree, view, outcomes, ignored, applied };
  }

  private isImageAt(n: number): boolean {
    return n % (this.parts.imageEvery ?? HEADS_EVERY_CUTS) === 0;
  }

  private mark(
    at: { n: number; cut: string; time: number },
    k0: number,
    bins: readonly number[],
  ): Marker {
    const { window, intakes, events, leaves, tree, offline } = this.parts;
    if (this.isImageAt(at.n)) {
      this.rows.put(rowKey(ROW.heads, 0, at.n), encodeHeads(this.heads));
    }
    this.marker = {
      ...at,
      next: this.next,
      k: this.writer.k,
      k0,
      changed: packBins(bins.map((bin) => bin - this.heads.first)),
      keyid: this.keyid,
      offline: offline.entries(),
      intakes: [...intakes].map(([id, { seq, time }]) => [id, seq, time] as const),
      window: window.state(),
      events: events.state(),
      leaves: leaves.state(),
      map: toHex(tree.root()),
    };
    return this.marker;
  }
}

function outOfOrder(message: string): BrokenInvariant {
  return new BrokenInvariant('fold.order', message);
}

function foreign(partition: number): BrokenInvariant {
  const message = `events/${partition} begins with another genesis record than this ledger's`;
  return new BrokenInvariant('log.foreign', message);
}
