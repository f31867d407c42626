/**
 * A shard: some partitions of a ledger, folded cut by cut as the control log orders.
 *
 * Several shards, or several replicas of one, may run on the same logs: they differ only in which
 * partitions they hold and in whose key signs their subtree records.
 */
import {
  ControlFold,
  resumeControl,
  Rows,
  type ControlChange,
  type Cut,
  type CutRule,
  type StateDb,
} from '@tidemark/ledger';
import { recordHash } from '@tidemark/event';
import { ControlFollower } from './controlFollower.ts';
import { demandNoLostCut } from './truncation.ts';
import { PartitionRunner, type Order, type PartitionRunnerOptions } from './partitionRunner.ts';

export interface ShardOptions extends Omit<PartitionRunnerOptions, 'partition' | 'db'> {
  readonly partitions: readonly number[];
  /** Opens the state database of a partition. */
  readonly openState: (partition: number) => Promise<StateDb>;
  /** Cut rules; a simulation leaves one out. */
  readonly rules?: readonly CutRule[];
  /** Settled cuts between two checkpoints of the control log. */
  readonly checkpointEvery?: number;
}

/** How long to wait before looking again for events that a cut covers and the log does not show yet. */
const RETRY_MS = 20;
/** More than cuts in flight, and voids behind one another. */
const VOUCHERS_KEPT = 64;

export class Shard {
  readonly runners: ReadonlyMap<number, PartitionRunner>;
  private readonly options: ShardOptions;
  private readonly control: ControlFollower;
  private readonly orders: Order[] = [];
  private readonly databases: readonly StateDb[];
  /** For the states opened; from then on for those that a void may still lead back to. */
  private readonly vouchers = new Map<string, Cut | 'nobody'>();
  private isVouched = false;

  private constructor(
    options: ShardOptions,
    runners: ReadonlyMap<number, PartitionRunner>,
    databases: readonly StateDb[],
    control: ControlFollower,
  ) {
    this.options = options;
    this.runners = runners;
    this.databases = databases;
    this.control = control;
  }

  /** Opens the state of every partition. @throws BrokenInvariant `state.*`, `log.*` */
  static async open(options: ShardOptions): Promise<Shard> {
    const runners = new Map<number, PartitionRunner>();
    const databases: StateDb[] = [];
    try {
      for (const partition of options.partitions) {
        const db = await options.openState(partition);
        databases.push(db);
        runners.set(partition, await PartitionRunner.open({ ...options, partition, db }));
      }
      const control = await controlFor(options, [...runners.values()]);
      return new Shard(options, runners, databases, control);
    } catch (error) {
      await Promise.all(databases.map((db) => db.close()));
      throw error;
    }
  }

  /** Does whatever can be done now. @returns whether anything was */
  async step(): Promise<boolean> {
    const read = await this.control.catchUp((change) => this.order(change));
    if (!this.isVouched) await this.demandVouched();
    // Every partition comes to its end, so that none is still at work when another one's fault is told,
    // and what one lacks keeps no other from its report.
    const done = await Promise.allSettled(
      Array.from(this.runners.values(), (runner) => this.advance(runner)),
    );
    const fault = done.find((result) => result.status === 'rejected');
    if (fault !== undefined) throw fault.reason;
    this.forgetDone();
    // After voids were carried out: they take cuts back, and nothing else does.
    for (const { n } of this.runners.values()) demandNoLostCut(this.control.fold.last.n, n);
    return read || done.some((result) => result.status === 'fulfilled' && result.value);
  }

  /** Follows the logs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (await this.step()) continue;
      if (this.orders.length > 0) await this.options.sleep(RETRY_MS);
      else await this.control.more(signal);
    }
  }

  /** Reads rows of a partition's state again: see {@link Rows.scrub}. */
  async scrub(partition: number, after: Uint8Array | undefined, bytesMax: number) {
    const db = this.databases[this.options.partitions.indexOf(partition)]!;
    return new Rows(db, `state of partition ${partition}`).scrub(after, bytesMax);
  }

  /** Closes the state databases; the logs are the caller's. */
  async close(): Promise<void> {
    await Promise.all(this.databases.map((db) => db.close()));
  }

  /** Once, after the control log was read for the first time and before anything is signed. */
  private async demandVouched(): Promise<void> {
    for (const runner of this.runners.values()) await runner.demandVouched(this.vouchers);
    this.isVouched = true;
    this.forgetVouchers();
  }

  /**
   * Takes note of what has to be done. A void that takes back a cut which a partition has folded makes
   * it go back, so everything behind it has to be done, whatever its number.
   */
  private async order(change: ControlChange | undefined): Promise<void> {
    if (change?.type === 'cut') {
      this.noteVoucher(change.cut.hash, change.cut);
      if (change.cut.n > this.slowest || this.orders.length > 0) this.orders.push(change);
    }
    if (change?.type !== 'void') return;
    this.noteVoucher(change.hash, 'nobody');
    const spent = this.orders.findIndex((order) => numberOf(order) >= change.n);
    if (spent >= 0) this.orders.length = spent;
    const runners = [...this.runners.values()];
    const folded = await Promise.all(runners.map((runner) => runner.hasFolded(change)));
    if (folded.includes(false)) this.orders.push(change);
  }

  private noteVoucher(hash: string, cut: Cut | 'nobody'): void {
    this.vouchers.set(hash, cut);
    if (this.isVouched) this.forgetVouchers();
  }

  /** The oldest go first; what has still to be done may lead back as far as it reaches, and a little more. */
  private forgetVouchers(): void {
    const kept = this.orders.length + VOUCHERS_KEPT;
    for (const hash of this.vouchers.keys()) {
      if (this.vouchers.size <= kept) return;
      this.vouchers.delete(hash);
    }
  }

  private async advance(runner: PartitionRunner): Promise<boolean> {
    const order = this.orders.find(
      (next) => numberOf(next) === runner.n + 1 || runner.mustUndo(next),
    );
    return order !== undefined && runner.take(order, this.vouchers);
  }

  private forgetDone(): void {
    const { slowest } = this;
    const runners = [...this.runners.values()];
    while (this.orders.length > 0) {
      const order = this.orders[0]!;
      if (numberOf(order) > slowest || runners.some((runner) => runner.mustUndo(order))) return;
      this.orders.shift();
    }
  }

  private get slowest(): number {
    return Math.min(...Array.from(this.runners.values(), ({ n }) => n));
  }
}

/** The control log from the oldest checkpoint that a partition has; from its start where one has none. */
async function controlFor(
  options: ShardOptions,
  runners: readonly PartitionRunner[],
): Promise<ControlFollower> {
  const { genesis, genesisBytes, logs, rules, checkpointEvery } = options;
  const fold = new ControlFold(genesis, recordHash(genesisBytes), rules, checkpointEvery);
  const checkpoints = await Promise.all(runners.map((runner) => runner.checkpoint()));
  const known = checkpoints.filter((checkpoint) => checkpoint !== undefined);
  const [oldest] = known.toSorted((a, b) => a.next - b.next);
  if (oldest !== undefined && known.length === runners.length) {
    await resumeControl(fold, oldest, logs.control);
  }
  return new ControlFollower(fold, logs.control);
}

function numberOf(order: Order): number {
  return order.type === 'cut' ? order.cut.n : order.n;
}
