/**
 * A publisher's reading of the logs: control and leaves folded up to the snapshot that is next.
 *
 * Pure following: it appends nothing and signs nothing. Where a void takes back a cut that was
 * drafted already, it is thrown away and begun again from the stored image.
 */
import { BrokenInvariant } from '@tidemark/canonical';
import { recordHash, type GenesisSigned, type SealedSigned } from '@tidemark/event';
import {
  classicDue,
  classicRenewal,
  ControlFold,
  LeafCollector,
  SnapshotFold,
  type ControlChange,
  type ControlCheckpoint,
  type Cut,
  type CutRule,
  type PartitionCut,
} from '@tidemark/ledger';
import type { Logs } from '@tidemark/log';
import { ControlFollower } from '@tidemark/shard';
import type { Image } from './snapshotIndex.ts';

/** What is settled next: a cut to be sealed, or a void that takes its number. */
export type Order =
  | { readonly type: 'cut'; readonly cut: Cut }
  | { readonly type: 'void'; readonly n: number; readonly record: Uint8Array };

/** A drafted cut, or what stands between it and the draft. */
export type Draft = { readonly cut: Cut; readonly parts: readonly PartitionCut[] };

export interface FoldOptions {
  readonly genesis: GenesisSigned;
  readonly genesisBytes: Uint8Array;
  readonly logs: Logs;
  /** Cut rules; a simulation leaves one out. */
  readonly rules?: readonly CutRule[];
  /** Settled cuts between two checkpoints of the control log. */
  readonly checkpointEvery?: number;
}

/** `sealed` records kept for one number: an honest one, and room for some that are not valid. */
const CANDIDATES_MAX = 64;

export class PublisherFold {
  readonly control: ControlFold;
  readonly snapshots: SnapshotFold;
  private readonly follower: ControlFollower;
  private readonly collectors: readonly LeafCollector[];
  private readonly orders: Order[] = [];
  private readonly candidates = new Map<number, SealedSigned[]>();
  private drafted: Draft | undefined;
  /** The newest snapshot's cut; what follows it may be void. */
  private sealed: Cut | undefined;
  /** When each partition next needs a cut for a renewal after that, ms. */
  private dues: readonly number[] = [];
  /**
   * For whoever starts from an image: of the cut that made the newest snapshot.json. The records of that cut
   * and of later ones stand behind it, and with them all that vouches for what is stored.
   */
  private checkpoint: ControlCheckpoint | undefined;
  /** Set once a void took back what was drafted: this fold is of no use any more. */
  isSpoilt = false;

  constructor(options: FoldOptions, image: Image | undefined) {
    const { genesis, genesisBytes, logs, rules, checkpointEvery } = options;
    this.control = new ControlFold(genesis, recordHash(genesisBytes), rules, checkpointEvery);
    this.checkpoint = image?.control;
    this.follower = new ControlFollower(this.control, logs.control);
    this.snapshots = new SnapshotFold(genesis, genesisBytes);
    const partitions = Array.from({ length: genesis.partitions }, (_, p) => p);
    if (image !== undefined) {
      this.snapshots.table.decode(image.table);
      this.snapshots.resume(image.state);
    }
    this.collectors = partitions.map(
      (p) => new LeafCollector(logs.leaves, p, image?.positions[p] ?? 0),
    );
  }

  /** The cut of the image that this was made with, and what its subtree records say about renewals. */
  continueAt(cut: Cut, dues: readonly number[]): void {
    this.sealed = cut;
    this.dues = dues;
  }

  /** The newest snapshot settled; 0 before the first. */
  get newest(): number {
    return this.sealed?.n ?? 0;
  }

  /** When that one needs another, ms. */
  get due(): number {
    const { sealed } = this;
    const classic = this.snapshots.newestClassic;
    if (sealed === undefined || classic === undefined) return 0;
    const { expiry_s, renew_below_percent } = sealed.view.policy;
    // The newest snapshot.json has nothing to add to this cut, but grows old all the same.
    const snapshot =
      classic.version < sealed.n ? classicDue(classic, sealed) : classicRenewal(classic, sealed);
    const timestamp = sealed.time + expiry_s.timestamp * 10 * (100 - renew_below_percent);
    return Math.min(timestamp, snapshot, ...this.dues);
  }

  /** The oldest order not settled yet. */
  get next(): Order | undefined {
    return this.orders[0];
  }

  /** The `sealed` records that stand in the log for a number, in order. */
  sealedFor(n: number): readonly SealedSigned[] {
    return this.candidates.get(n) ?? [];
  }

  /**
   * Folds the control log as far as it goes.
   * @param watch is told of what it changes
   * @returns whether there was anything
   */
  async readControl(watch?: (change: ControlChange) => void): Promise<boolean> {
    return this.follower.catchUp((change, bytes) => {
      if (this.control.next > this.snapshots.nextControl) this.snapshots.controlRecord(bytes);
      if (change === undefined) return;
      this.take(change, bytes);
      watch?.(change);
    });
  }

  /** Resolves when there is more in the control log, or when the signal aborts. */
  async moreControl(signal: AbortSignal): Promise<void> {
    await this.follower.more(signal);
  }

  /**
   * For each leaves log that has not shown the cut yet: resolves when there is more in it, or when the
   * signal aborts. One that has shown it may hold more already, and waiting on it would be none.
   */
  moreLeaves(cut: Cut, signal: AbortSignal): Promise<unknown>[] {
    if (this.drafted !== undefined) return [];
    return this.collectors.flatMap((collector) =>
      collector.has(cut) ? [] : [collector.more(signal)],
    );
  }

  /** Drafts a cut once every partition has reported it; undefined until then. */
  async draft(cut: Cut): Promise<Draft | undefined> {
    if (this.drafted !== undefined) return this.drafted;
    const found = await Promise.all(this.collectors.map((collector) => collector.find(cut)));
    const parts = found.filter((part) => part !== undefined);
    if (parts.length < found.length) return undefined;
    for (const collector of this.collectors) collector.take();
    this.snapshots.draft(cut, parts);
    this.drafted = { cut, parts };
    return this.drafted;
  }

  /** The drafted cut is sealed. */
  settled({ cut, parts }: Draft): void {
    this.continueAt(
      cut,
      parts.map(({ subtree }) => subtree.due),
    );
    if (this.snapshots.newestClassic?.version === cut.n) this.checkpoint = cut.checkpoint;
    this.finish(cut.n);
  }

  /** Number n is void, and its record takes its place in the snapshot log. */
  settleVoid(n: number, record: Uint8Array): void {
    this.snapshots.settleVoid(n, record);
    this.finish(n);
  }

  /** What to start from after the last snapshot; undefined where a void stands behind it. */
  image(): Image | undefined {
    const { snapshots, collectors, checkpoint } = this;
    const state = snapshots.state();
    if (state === undefined) return undefined;
    const positions = collectors.map(({ position }) => position);
    const table = snapshots.table.encode();
    return { state, positions, table, ...(checkpoint && { control: checkpoint }) };
  }

  private take(change: ControlChange, bytes: Uint8Array): void {
    if (change.type === 'cut' && change.cut.n > this.snapshots.n) this.orders.push(change);
    if (change.type === 'sealed' && change.sealed.n > this.snapshots.n) {
      const known = this.candidates.get(change.sealed.n) ?? [];
      if (known.length < CANDIDATES_MAX)
        this.candidates.set(change.sealed.n, [...known, change.sealed]);
    }
    if (change.type !== 'void') return;
    // It takes back the cuts behind it too, even where the void itself was settled in an earlier run.
    const spent = this.orders.findIndex((order) => numberOf(order) >= change.n);
    if (spent >= 0) this.orders.length = spent;
    if (change.n <= this.snapshots.n) return;
    if (this.drafted !== undefined && this.drafted.cut.n >= change.n) this.isSpoilt = true;
    this.orders.push({ type: 'void', n: change.n, record: bytes });
  }

  private finish(n: number): void {
    const order = this.orders.shift();
    if (order === undefined || numberOf(order) !== n) {
      throw new BrokenInvariant('publisher.order', `snapshot ${n} was not the next one`);
    }
    this.drafted = undefined;
    for (const known of this.candidates.keys()) if (known <= n) this.candidates.delete(known);
  }
}

function numberOf(order: Order): number {
  return order.type === 'cut' ? order.cut.n : order.n;
}
