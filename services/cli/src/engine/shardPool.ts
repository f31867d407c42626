/** The shards of an embedded ledger: a worker thread each, restarted after an operating fault. */
import { MessageChannel, Worker } from 'node:worker_threads';
import { failureFrom, OperatingFault, type PlainFailure } from '@tidemark/canonical';
import type { ChangePlace } from '@tidemark/ledger';
import { serveLogs, type Logs } from '@tidemark/log';
import {
  connectCalls,
  type Calls,
  type FoldReport,
  type ShardCalls,
  type ShardStats,
  type ShardWorkerData,
} from '@tidemark/shard';
import type { Faults } from './faults.ts';
import { ShardFigures } from './shardFigures.ts';

export interface ShardPoolOptions extends Omit<
  ShardWorkerData,
  'partitions' | 'logs' | 'calls' | 'memoryBudgetBytes'
> {
  readonly partitions: number;
  readonly shards: number;
  readonly logs: Logs;
  /** For the bodies of all partitions together. */
  readonly memoryBudgetBytes: number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Where faults are noted after which a shard is started again. */
  readonly faults: Faults;
  /** A shard that stops so often, each time soon after it was started, is not started again. */
  readonly restartsMax?: number | undefined;
  /** Told of each partition's part of a cut once it is committed. */
  readonly onFolded?: ((report: FoldReport) => void) | undefined;
}

const RESTARTS_MAX = 20;
const SOON_MS = 60_000;
const RESTART_WAIT_MAX_MS = 30_000;

export class ShardPool {
  private readonly options: ShardPoolOptions;
  private readonly calls: Calls<ShardCalls>[] = [];
  private readonly workers: Worker[] = [];
  /** What they told last; asking for it waits for none of them. */
  readonly figures = new ShardFigures();
  private stopping = false;
  /** Rejects once a shard has stopped for good. */
  readonly failed: Promise<never>;
  private readonly fail: (reason: unknown) => void;
  private readonly running: Promise<void>[] = [];

  constructor(options: ShardPoolOptions) {
    this.options = options;
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => undefined);
    this.failed = promise;
    this.fail = reject;
  }

  /** Starts every shard. */
  start(): void {
    for (let shard = 0; shard < this.options.shards; shard++) {
      this.running.push(this.keepRunning(shard));
    }
  }

  /** The file of a bin's version as snapshot n or an earlier one made it visible. */
  async file(partition: number, role: string, version: number, n: number) {
    return this.of(partition).file(partition, role, version, n);
  }

  async target(partition: number, path: string, n: number) {
    return this.of(partition).target(partition, path, n);
  }

  /** The slots of roles of one partition. */
  async proofs(partition: number, roles: readonly string[], n: number) {
    return this.of(partition).proofs(partition, roles, n);
  }

  /** What snapshot n changed about targets of a partition. */
  async changes(partition: number, n: number, from: ChangePlace, changesMax: number) {
    return this.of(partition).changes(partition, n, from, changesMax);
  }

  /** Reads rows of a partition's state again. */
  async scrub(partition: number, after: Uint8Array | undefined, bytesMax: number) {
    return this.of(partition).scrub(partition, after, bytesMax);
  }

  /** Of the shards that run now, each once it has time to answer. */
  async stats(): Promise<ShardStats[]> {
    const asked = this.calls.map((calls) => calls.stats().catch(ignoreGone));
    return (await Promise.all(asked)).filter((stats) => stats !== undefined);
  }

  /** Lets every shard finish the cut it is at, then ends the threads. */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.calls.map((calls) => calls.stop().catch(ignoreGone)));
    await Promise.all(this.running);
  }

  private of(partition: number): Calls<ShardCalls> {
    return this.calls[partition % this.options.shards]!;
  }

  private async keepRunning(shard: number): Promise<void> {
    const { restartsMax = RESTARTS_MAX } = this.options;
    for (let restarts = 0; !this.stopping; restarts++) {
      const started = performance.now();
      const failure = await this.runOnce(shard);
      if (failure === undefined) return;
      if (performance.now() - started > SOON_MS) restarts = 0;
      if (failure.kind === 'BrokenInvariant' || restarts >= restartsMax) {
        this.fail(failureFrom(failure));
        return;
      }
      this.options.faults.note(nameOf(shard), failure);
      await this.options.sleep(Math.min(1000 * 2 ** restarts, RESTART_WAIT_MAX_MS));
    }
  }

  /** It answers once the state is open; what keeps it from that is what ends it. */
  private async noteOpened(shard: number, calls: Calls<ShardCalls>): Promise<void> {
    const stats = await calls.stats().catch(ignoreFailure);
    if (stats === undefined) return;
    this.figures.opened(shard, stats);
    this.options.faults.over(nameOf(shard));
  }

  /** One life of a shard's thread. @returns what ended it, or undefined after a clean stop */
  private async runOnce(shard: number): Promise<PlainFailure | undefined> {
    const { logs, partitions, shards, memoryBudgetBytes } = this.options;
    const { genesisBytes, stateFolder, seeds, verifyBins } = this.options;
    const logChannel = new MessageChannel();
    const callChannel = new MessageChannel();
    serveLogs(logs, logChannel.port1);
    const own = Array.from({ length: partitions }, (_, p) => p).filter((p) => p % shards === shard);
    const data: ShardWorkerData = {
      genesisBytes,
      partitions: own,
      stateFolder,
      seeds,
      verifyBins,
      memoryBudgetBytes: Math.floor(memoryBudgetBytes / partitions),
      logs: logChannel.port2,
      calls: callChannel.port2,
    };
    const worker = new Worker(new URL(import.meta.resolve('@tidemark/shard/worker')), {
      workerData: data,
      transferList: [data.logs, data.calls],
    });
    worker.on('message', (report: FoldReport) => {
      this.figures.folded(report);
      this.options.onFolded?.(report);
    });
    const calls = connectCalls<ShardCalls>(callChannel.port1);
    this.calls[shard] = calls;
    this.workers[shard] = worker;
    void this.noteOpened(shard, calls);
    const crashed = new Promise<PlainFailure>((resolve) => {
      worker.once('error', (error: Error) =>
        resolve({ kind: 'BrokenInvariant', code: 'thread.crashed', message: String(error.stack) }),
      );
      worker.once('exit', () =>
        resolve({ kind: 'OperatingFault', code: 'thread.gone', message: 'a shard thread ended' }),
      );
    });
    const failure = await Promise.race([calls.done(), crashed]);
    // Who waits for an answer of this thread hears why there is none before hearing that it is gone.
    if (failure?.kind === 'BrokenInvariant') this.fail(failureFrom(failure));
    this.figures.ended(shard, own);
    logChannel.port1.close();
    callChannel.port1.close();
    await worker.terminate();
    return failure;
  }
}

function nameOf(shard: number): string {
  return `shard ${shard}`;
}

function ignoreGone(error: unknown): undefined {
  if (!(error instanceof OperatingFault)) throw error;
}

function ignoreFailure(): undefined {}
