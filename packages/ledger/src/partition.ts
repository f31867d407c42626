/**
 * One partition of the ledger: its bins, its subtree of the map, its place in the logs.
 *
 * `foldCut` is the whole of it: events and renewals become new role versions, leaf records and state
 * rows. Who holds the bins' key signs; who does not takes the signatures that stand in the leaves log.
 * Either way the bytes are the same, or the partition halts.
 */
import { BrokenInvariant, OperatingFault } from '@tidemark/canonical';
import { sha256HexNative, sha256Native, type Signer } from '@tidemark/canonical/native';
import { slotOfBin } from '@tidemark/bin';
import type { GenesisSigned, Outcome, Policy, RoleLeaf, SubtreeSigned } from '@tidemark/event';
import { CompactRange, leafHash, SlotTree, type SlotChange } from '@tidemark/merkle';
import { binRoleName, formatExpires } from '@tidemark/tuf';
import { BinScratch, type BinOp } from './binFile.ts';
import { Bodies } from './bodies.ts';
import type { Cut } from './control.ts';
import { CutFold, windowStart, type Intakes } from './cutFold.ts';
import { deltaBytes, encodeDelta } from './delta.ts';
import { binKeyId } from './documents.ts';
import type { Heads } from './heads.ts';
import { encodeHeads } from './headsImage.ts';
import type { IdempotencyIndex } from './idempotency.ts';
import { leafRecords } from './leaves.ts';
import { encodeMarker, packBins, stateDigest, type Marker } from './marker.ts';
import { OfflineSlots } from './offlineSlots.ts';
import { renewalDue } from './renewal.ts';
import { ROW, rowKey, type Rows } from './rows.ts';

/** Where bin signatures come from: the key itself, or the leaves log. */
export type BinSignatures =
  | { readonly signer: Signer; readonly keyid: string }
  | { readonly logged: ReadonlyMap<string, string> };

/** What a folded cut gives: for the leaves log, and for whoever serves the partition. */
export interface FoldedCut {
  readonly n: number;
  readonly records: readonly { readonly bytes: Uint8Array; readonly sha256: string }[];
  readonly subtree: SubtreeSigned;
  readonly roles: readonly RoleLeaf[];
  readonly slots: readonly SlotChange[];
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
  readonly window: IdempotencyIndex;
  readonly intakes: Intakes;
  readonly events: CompactRange;
  readonly leaves: CompactRange;
  readonly offline: OfflineSlots;
  readonly marker: Marker | undefined;
  readonly memoryBudgetBytes: number;
}

/** Cuts between two images of the heads, so that opening reads few markers. */
const HEADS_EVERY_CUTS = 256;

export class Partition {
  readonly genesis: GenesisSigned;
  readonly partition: number;
  readonly partitionBits: number;
  readonly heads: Heads;
  readonly bodies: Bodies;
  readonly rows: Rows;
  private readonly parts: PartitionParts;
  private readonly scratch = new BinScratch();
  private readonly roleNames: readonly string[];
  private k: number;
  private keyid: string;
  /** The last cut folded; 0 before the first. */
  n: number;
  /** Time of the last cut in ms. */
  private time: number;
  /** The next events offset to fold. */
  next: number;

  constructor(parts: PartitionParts) {
    const { genesis, heads, marker, rows } = parts;
    this.parts = parts;
    this.genesis = genesis;
    this.partition = parts.partition;
    this.partitionBits = Math.log2(genesis.partitions);
    this.heads = heads;
    this.rows = rows;
    this.bodies = new Bodies(rows, heads, this.scratch, parts.memoryBudgetBytes);
    this.roleNames = Array.from({ length: heads.count }, (_, i) =>
      binRoleName(genesis.prefix, genesis.bits, heads.first + i),
    );
    this.k = marker?.k ?? 0;
    this.keyid = marker?.keyid ?? '';
    this.n = marker?.n ?? 0;
    this.time = marker?.time ?? genesis.time;
    this.next = marker?.next ?? 0;
  }

  /** Bytes of memory this partition holds, as far as it grows with use. */
  get memoryBytes(): number {
    return this.bodies.memoryBytes + this.parts.window.memoryBytes;
  }

  /** The subtree of the map as of the last folded cut. */
  get tree(): SlotTree {
    return this.parts.tree;
  }

  /** The offline roles in this partition's slots. */
  get offline(): OfflineSlots {
    return this.parts.offline;
  }

  /**
   * Folds the next cut.
   * @param records the partition's events from `next` up to the cut's offset for it
   * @throws OperatingFault `keys.bins` where the key at hand is not the one that *bins* delegates to
   * @throws BrokenInvariant where logged signatures, genesis or stored state do not fit
   */
  async foldCut(
    cut: Cut,
    records: readonly Uint8Array[],
    signatures: BinSignatures,
  ): Promise<FoldedCut> {
    if (cut.n !== this.n + 1 || records.length !== cut.vector[this.partition]! - this.next) {
      throw new BrokenInvariant('fold.order', `cut ${cut.n} cannot follow cut ${this.n}`);
    }
    const fold = this.foldEvents(cut, records);
    const k0 = this.k;
    const dirty = this.withRenewals(cut, fold.dirty());
    const slots: SlotChange[] = [];
    const roles = this.changeOffline(cut, slots);
    await this.signBins(cut, dirty, signatures, roles, slots);
    this.parts.tree.update(slots);
    return this.close(cut, fold, { k0, dirty, roles: this.inSlotOrder(roles), slots });
  }

  /**
   * A void spends the number of a cut: the versions that it could have used are spent too, whoever
   * may have signed them.
   */
  async foldVoid(n: number, hash: string): Promise<void> {
    if (n !== this.n + 1) throw new BrokenInvariant('fold.order', `void ${n} after cut ${this.n}`);
    const k0 = this.k;
    this.k += this.heads.count;
    this.n = n;
    this.writeMarker({ n, cut: hash, time: this.time }, k0, []);
    await this.rows.flush();
  }

  /** When the partition next needs a cut for a renewal, in ms. */
  dueAt(policy: Policy): number {
    const { first, count, expires } = this.heads;
    let due = Number.MAX_SAFE_INTEGER;
    for (let i = 0; i < count; i++) {
      due = Math.min(due, renewalDue(first + i, expires[i]!, policy));
    }
    return due;
  }

  private foldEvents(cut: Cut, records: readonly Uint8Array[]): CutFold {
    const { genesis, genesisBytes, window, intakes, events } = this.parts;
    const since = windowStart(cut);
    for (const first of window.prune(since)) this.rows.delete(rowKey(ROW.window, 0, first));
    for (const [run, { time }] of intakes) if (time < since) intakes.delete(run);
    const fold = new CutFold(
      {
        ledger: genesis.ledger,
        partition: this.partition,
        partitionBits: this.partitionBits,
        bits: genesis.bits,
        intakes,
        window,
        current: (bin, path) => this.bodies.get(bin).get(path),
        version: (bin) => this.heads.version(bin),
      },
      cut,
    );
    for (const bytes of records) {
      events.append(leafHash(bytes, sha256Native));
      if (this.next > 0) fold.fold(bytes, this.next);
      else if (Buffer.compare(bytes, genesisBytes) !== 0) throw foreign(this.partition);
      this.next++;
    }
    return fold;
  }

  /** Adds the bins that are due, or all of them where the bins' key has changed. */
  private withRenewals(
    cut: Cut,
    changed: readonly { bin: number; ops: BinOp[] }[],
  ): { bin: number; ops: BinOp[] }[] {
    const keyid = binKeyId(cut.view.documents, this.genesis);
    const { policy } = cut.view;
    const { first, count, expires } = this.heads;
    const all = keyid !== this.keyid;
    this.keyid = keyid;
    const dirty: { bin: number; ops: BinOp[] }[] = [];
    let at = 0;
    for (let i = 0; i < count; i++) {
      if (changed[at]?.bin === first + i) dirty.push(changed[at++]!);
      else if (all || renewalDue(first + i, expires[i]!, policy) <= cut.time) {
        dirty.push({ bin: first + i, ops: [] });
      }
    }
    return dirty;
  }

  private changeOffline(cut: Cut, slots: SlotChange[]): RoleLeaf[] {
    const { offline } = this.parts;
    const roles: RoleLeaf[] = [];
    for (const { role, version, length, sha256, slot } of offline.update(cut.view.documents)) {
      roles.push([role, version, length, sha256, '']);
      slots.push({ slot, hash: new Uint8Array(32) });
    }
    return roles;
  }

  private async signBins(
    cut: Cut,
    dirty: readonly { bin: number; ops: BinOp[] }[],
    signatures: BinSignatures,
    roles: RoleLeaf[],
    slots: SlotChange[],
  ): Promise<void> {
    const { genesis, offline } = this.parts;
    if ('signer' in signatures && signatures.keyid !== this.keyid && dirty.length > 0) {
      throw new OperatingFault(
        'keys.bins',
        `the role bins delegates to key ${this.keyid}, this process holds ${signatures.keyid}`,
      );
    }
    const seconds = Math.floor(cut.time / 1000) + cut.view.policy.expiry_s.bins;
    const expires = formatExpires(seconds * 1000);
    const touched = new Set(slots.map(({ slot }) => slot));
    for (const { bin, ops } of dirty) {
      roles.push(this.signBin(cut.n, bin, ops, seconds, expires, signatures));
      touched.add(slotOfBin(bin, genesis.bits, genesis.slot_bits));
      if (this.rows.full) {
        await this.rows.flush();
        this.bodies.written();
      }
    }
    slots.length = 0;
    for (const slot of touched) slots.push({ slot, hash: offline.hash(slot, this.heads) });
  }

  private signBin(
    n: number,
    bin: number,
    ops: readonly BinOp[],
    expires: number,
    expiresText: string,
    signatures: BinSignatures,
  ): RoleLeaf {
    const { heads, rows } = this;
    const role = this.roleNames[bin - heads.first]!;
    const before = heads.version(bin);
    const version = this.k++ * this.genesis.partitions + this.partition + 1;
    let signature = '';
    let keyid: string | undefined;
    const body = this.bodies.change(bin, (file) => {
      if (file.keyid !== this.keyid) keyid = this.keyid;
      file.apply(ops, this.scratch);
      const message = file.stamp(version, expiresText);
      signature = signatureFor(role, message, signatures);
      file.seal(this.keyid, signature);
    });
    const file = body.view();
    const since = heads.sinceBody[bin - heads.first]! + deltaBytes(ops, keyid);
    const hasBody = since > file.length;
    const delta = {
      cut: n,
      before,
      expires,
      length: file.length,
      sinceBody: since,
      hasBody,
      sha256: sha256HexNative(file),
    };
    rows.put(rowKey(ROW.delta, bin, version), encodeDelta({ ...delta, keyid, signature, ops }));
    if (hasBody) rows.put(rowKey(ROW.body, bin, version), file);
    heads.set(bin, version, delta);
    return [role, version, file.length, delta.sha256, signature];
  }

  /** Role versions in slot order; where an offline role shares a bin's slot, by name. */
  private inSlotOrder(roles: readonly RoleLeaf[]): RoleLeaf[] {
    const { offline } = this.parts;
    const slotOf = (leaf: RoleLeaf): number => offline.slotOf(leaf[0]);
    if (roles.every((leaf) => leaf[4] !== '')) return [...roles];
    return roles.toSorted((a, b) => slotOf(a) - slotOf(b) || (a[0] < b[0] ? -1 : 1));
  }

  /** Records, trees, window, marker: what makes the cut complete. */
  private async close(
    cut: Cut,
    fold: CutFold,
    change: {
      k0: number;
      dirty: readonly { bin: number }[];
      roles: RoleLeaf[];
      slots: SlotChange[];
    },
  ): Promise<FoldedCut> {
    const { leaves, window, events, tree } = this.parts;
    const records = leafRecords(cut.n, this.partition, change.roles, fold.outcomes);
    for (const { bytes } of records) leaves.append(leafHash(bytes, sha256Native));
    for (const chunk of window.seal(cut.time)) {
      const time = Buffer.allocUnsafe(8);
      time.writeDoubleBE(chunk.time, 0);
      this.rows.put(rowKey(ROW.window, 0, chunk.first), Buffer.concat([time, chunk.entries]));
    }
    this.n = cut.n;
    this.time = cut.time;
    await this.rows.flush();
    const bins = change.dirty.map(({ bin }) => bin);
    const marker = this.writeMarker({ n: cut.n, cut: cut.hash, time: cut.time }, change.k0, bins);
    this.bodies.written();
    const subtree: SubtreeSigned = {
      type: 'subtree',
      v: 1,
      ledger: this.genesis.ledger,
      n: cut.n,
      cut: cut.hash,
      partition: this.partition,
      roles: change.roles.length,
      records: records.map(({ sha256 }) => sha256),
      map: toHex(tree.root()),
      events: { size: events.size, root: toHex(events.root()) },
      leaves: { size: leaves.size, root: toHex(leaves.root()) },
      state: stateDigest(marker),
      due: this.dueAt(cut.view.policy),
    };
    const { roles, slots } = change;
    const { outcomes, ignored, applied } = fold;
    return { n: cut.n, records, subtree, roles, slots, outcomes, ignored, applied };
  }

  /** The marker is gathered here and written by {@link commit}, once the leaf records are in the log. */
  private writeMarker(
    at: { n: number; cut: string; time: number },
    k0: number,
    bins: readonly number[],
  ): Marker {
    const { window, intakes, events, leaves, tree, offline } = this.parts;
    const marker: Marker = {
      ...at,
      next: this.next,
      k: this.k,
      k0,
      changed: packBins(bins.map((bin) => bin - this.heads.first)),
      keyid: this.keyid,
      offline: offline.entries(),
      intakes: [...intakes].map(([id, { seq, time }]) => [id, seq, time] as const),
      window: { next: window.next, digest: toHex(window.digest) },
      events: events.state(),
      leaves: leaves.state(),
      map: toHex(tree.root()),
    };
    if (at.n % HEADS_EVERY_CUTS === 0) {
      this.rows.put(rowKey(ROW.heads, 0, at.n), encodeHeads(this.heads));
    }
    this.rows.put(rowKey(ROW.marker, 0, at.n), encodeMarker(marker));
    return marker;
  }

  /** Makes the last folded cut the partition's state: its leaf records are in the log. */
  async commit(): Promise<void> {
    await this.rows.flush();
  }
}

function signatureFor(role: string, message: Uint8Array, signatures: BinSignatures): string {
  if ('signer' in signatures) return toHex(signatures.signer.sign(message));
  const signature = signatures.logged.get(role);
  if (signature === undefined) {
    throw new BrokenInvariant('fold.differs', `the leaves log holds no version of ${role} here`);
  }
  return signature;
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

function foreign(partition: number): BrokenInvariant {
  return new BrokenInvariant(
    'log.foreign',
    `events partition ${partition} begins with another genesis record than this ledger's`,
  );
}
