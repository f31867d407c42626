/**
 * One partition of a shard: takes cuts in order, folds each, reports it in the leaves log, commits.
 *
 * Commit point: the marker row. A crash before it leaves leaf records that the same fold writes again
 * byte for byte; a crash after it leaves nothing undone.
 */
import { BrokenInvariant, canonicalText, type JsonObject } from '@tidemark/canonical';
import type { Signer } from '@tidemark/canonical/native';
import { keyIdOfPublic, signRecord } from '@tidemark/event';
import { appendSurely, demandNoTruncation, type Logs, type Sleep } from '@tidemark/log';
import {
  checkpointAt,
  LeafCollector,
  markerAt,
  openPartition,
  PartitionView,
  rollBack,
  stateDigest,
  voidMarker,
  type BinSignatures,
  type ControlCheckpoint,
  type Cut,
  type FoldedCut,
  type OpenPartitionOptions,
  type Partition,
  type PartitionCut,
} from '@tidemark/ledger';
import { appendGroups } from './appendGroups.ts';
import { foldReport, type FoldObserver, type Moment } from './foldReport.ts';
import { demandVouched, unsigned } from './vouched.ts';

/** The keys of a shard that signs; a follower has none and takes signatures from the log. */
export interface ShardKeys {
  /** Signs the bins. */
  readonly bins: Signer;
  /** Signs subtree records. */
  readonly service: Signer;
}

export interface PartitionRunnerOptions extends OpenPartitionOptions {
  readonly logs: Logs;
  readonly keys: ShardKeys | undefined;
  readonly sleep: Sleep;
  /**
   * Whether the log may show a cut before the events that it covers, as replicas of a broker may. False
   * where one process owns the log: then events that are missing are lost, and the shard halts.
   */
  readonly eventsMayLag?: boolean;
  readonly observer?: FoldObserver | undefined;
}

/** What shards could sign for the state of a cut, by the cut's hash; nobody signs for a void. */
export type Vouchers = ReadonlyMap<string, Cut | 'nobody'>;

/** What the control log demands next of a partition. */
export type Order =
  | { readonly type: 'cut'; readonly cut: Cut }
  | { readonly type: 'void'; readonly n: number; readonly hash: string };

/** Figures of a partition for status and metrics. */
export interface PartitionStats {
  applied: number;
  rejected: number;
  cuts: number;
  rolesSigned: number;
  ignored: Map<string, number>;
}

export class PartitionRunner {
  private readonly options: PartitionRunnerOptions;
  private partition: Partition;
  private collector: LeafCollector;
  /** Voids that this state is known to have folded. */
  private readonly voids = new Set<number>();
  view: PartitionView;
  readonly stats: PartitionStats = {
    applied: 0,
    rejected: 0,
    cuts: 0,
    rolesSigned: 0,
    ignored: new Map(),
  };

  private constructor(options: PartitionRunnerOptions, partition: Partition) {
    this.options = options;
    this.partition = partition;
    this.collector = collectorOf(options, partition);
    this.view = new PartitionView(partition);
  }

  /** Opens the partition's state. @throws BrokenInvariant `state.*`, `log.truncated` */
  static async open(options: PartitionRunnerOptions): Promise<PartitionRunner> {
    const { logs, partition } = options;
    const opened = await openPartition(options);
    demandNoTruncation('events', partition, await logs.events.end(partition), opened.next);
    demandNoTruncation('leaves', partition, await logs.leaves.end(partition), opened.position);
    return new PartitionRunner(options, opened);
  }

  /**
   * Halts where the state that this was opened from is not one that a shard signed for, or what a void
   * in the control log makes of such a state.
   */
  async demandVouched(vouchers: Vouchers): Promise<void> {
    const { logs, partition, genesis } = this.options;
    const { rows, n } = this.partition;
    let marker = await markerAt(rows, n);
    while (marker !== undefined) {
      const cut = vouchers.get(marker.cut);
      if (cut === undefined) throw unsigned(partition, marker.n);
      const digest = stateDigest(marker);
      if (cut !== 'nobody') {
        return demandVouched(logs.leaves, partition, marker.position ?? 0, digest, cut);
      }
      const before = await markerAt(rows, marker.n - 1);
      const isWhole = before === undefined ? marker.n === 1 : before.n === marker.n - 1;
      if (!isWhole || stateDigest(voidMarker(before, marker, genesis)) !== digest) {
        throw unsigned(partition, marker.n);
      }
      marker = before;
    }
  }

  /** Where the control log's fold may go on for this state. @throws BrokenInvariant `state.control` */
  async checkpoint(): Promise<ControlCheckpoint | undefined> {
    return checkpointAt(this.partition.rows, this.n);
  }

  /** The last committed cut. */
  get n(): number {
    return this.partition.n;
  }

  get memoryBytes(): number {
    return this.partition.memoryBytes;
  }

  /** Bytes of all bins' newest files together. */
  get binBytes(): number {
    return this.partition.heads.lengths.reduce((sum, length) => sum + length, 0);
  }

  get stateBytesWritten(): number {
    return this.partition.rows.bytesWritten;
  }

  private get moment(): Moment {
    return { ms: this.options.observer?.now() ?? 0, stateBytes: this.stateBytesWritten };
  }

  /**
   * Carries out the next order, if it can be by now.
   * @returns false where events or, for a follower, signatures are still missing
   */
  async take(order: Order, vouchers: Vouchers): Promise<boolean> {
    if (order.type === 'void') return this.takeVoid(order.n, order.hash, vouchers);
    const { cut } = order;
    const { observer, partition } = this.options;
    if (!(await this.hasEvents(cut))) return false;
    const logged = await this.collector.find(cut);
    const signatures = this.signatures(cut, logged);
    if (signatures === undefined) return false;
    const began = this.moment;
    let decided = began;
    // A fold has decided about all events once it has asked for more than there are.
    const events = this.events(cut, () => (decided = this.moment));
    const folded = await this.partition.foldCut(cut, events, signatures);
    const written = this.moment;
    const first = logged ?? (await this.report(cut, folded));
    const reported = logged === undefined ? this.moment : undefined;
    if (first !== undefined) demandEqual(first, folded);
    this.collector.take();
    await this.partition.commit(this.collector.position);
    this.view.committed(folded.view);
    this.count(folded);
    const moments = { began, decided, written, reported, committed: this.moment };
    observer?.folded(foldReport(partition, folded, this.memoryBytes, moments));
    return true;
  }

  /** Whether a void spends a cut that this partition may have folded before it stood in the log. */
  mustUndo(order: Order): boolean {
    return order.type === 'void' && order.n <= this.partition.n && !this.voids.has(order.n);
  }

  /** Whether this void is part of the state. */
  async hasFolded({ n, hash }: { readonly n: number; readonly hash: string }): Promise<boolean> {
    if (this.partition.n < n) return false;
    const marker = await markerAt(this.partition.rows, n);
    return marker?.cut === hash;
  }

  private async takeVoid(n: number, hash: string, vouchers: Vouchers): Promise<boolean> {
    this.voids.add(n);
    if (await this.hasFolded({ n, hash })) return true;
    if (this.partition.n >= n) await this.goBack(n, vouchers);
    await this.partition.foldVoid(n, hash);
    this.view = new PartitionView(this.partition);
    return true;
  }

  /** Whether the log shows the events up to the cut. */
  private async hasEvents(cut: Cut): Promise<boolean> {
    const { logs, partition } = this.options;
    const until = cut.vector[partition]!;
    const end = await logs.events.end(partition);
    demandNoTruncation('events', partition, end, this.partition.next);
    if (end >= until) return true;
    if (this.options.eventsMayLag === false) demandNoTruncation('events', partition, end, until);
    return false;
  }

  /** Events of the partition up to the cut, as they are read. @param atEnd told once there are no more */
  private async *events(cut: Cut, atEnd: () => void): AsyncGenerator<Uint8Array[]> {
    const { logs, partition } = this.options;
    const until = cut.vector[partition]!;
    for (let { next } = this.partition; next < until;) {
      const { records } = await logs.events.read(partition, next);
      yield records.slice(0, until - next);
      next += records.length;
    }
    atEnd();
  }

  /**
   * What is in the log already is taken from there: nothing is signed twice, and replicas agree. Who is
   * not listed for the cut follows: nobody would believe its report.
   */
  private signatures(cut: Cut, logged: PartitionCut | undefined): BinSignatures | undefined {
    const { keys } = this.options;
    if (logged !== undefined) {
      return { logged: new Map(logged.roles.map((leaf) => [leaf[0], leaf[4]])) };
    }
    const isListed = keys && cut.view.keys.shard.has(keyIdOfPublic(keys.service.publicKey));
    if (isListed !== true) return undefined;
    return { signer: keys.bins, keyid: keyIdOfPublic(keys.bins.publicKey) };
  }

  /**
   * Appends the leaf records, the signed subtree record last.
   * @returns what the log shows first, where others were writing to it meanwhile
   */
  private async report(cut: Cut, folded: FoldedCut): Promise<PartitionCut | undefined> {
    const { logs, partition, keys, sleep } = this.options;
    const subtree = signRecord(folded.subtree, [keys!.service]);
    const records = [...folded.records.map(({ bytes }) => bytes), subtree];
    let isAlone = true;
    for (const group of appendGroups(records)) {
      const first = await appendSurely(logs.leaves, partition, group, sleep);
      // Our own records need no reading back; whatever stands before them does.
      isAlone = this.collector.passOver(first, group.length) && isAlone;
    }
    return isAlone ? undefined : this.collector.find(cut);
  }

  private async goBack(n: number, vouchers: Vouchers): Promise<void> {
    const { genesis, partition, db } = this.options;
    await rollBack(db, genesis, partition, n);
    this.partition = await openPartition(this.options);
    this.collector = collectorOf(this.options, this.partition);
    if (this.partition.n !== n - 1) {
      throw new BrokenInvariant('state.rollback', `cut ${n - 1} is not stored any more`);
    }
    await this.demandVouched(vouchers);
  }

  private count(folded: FoldedCut): void {
    this.stats.cuts++;
    this.stats.rolesSigned += folded.subtree.roles;
    this.stats.applied += folded.applied;
    this.stats.rejected += folded.outcomes.length;
    for (const [code, count] of folded.ignored) {
      this.stats.ignored.set(code, (this.stats.ignored.get(code) ?? 0) + count);
    }
  }
}

function collectorOf(options: PartitionRunnerOptions, { position }: Partition): LeafCollector {
  return new LeafCollector(options.logs.leaves, options.partition, position);
}

/** A replica that comes to other results than those in the log never reports its own. */
function demandEqual(logged: PartitionCut, folded: FoldedCut): void {
  const text = (value: unknown): string => canonicalText(value as JsonObject);
  if (text(logged.subtree) === text(folded.subtree)) return;
  throw new BrokenInvariant(
    'fold.differs',
    `partition ${folded.subtree.partition}, cut ${folded.n}: this fold differs from the one in the log; ` +
      'delete this state, it is rebuilt from the log; if it differs again, stop this shard',
  );
}
