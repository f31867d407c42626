/**
 * The embedded ledger: logs, intake, sealer, shards, publisher and store composed in one process, a
 * worker thread per shard. The same modules run apart on Kafka; nothing here knows more than they do.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { OperatingFault, plainFailure, type PlainFailure } from '@tidemark/canonical';
import type { Event, GenesisSigned } from '@tidemark/event';
import { Intake, type Receipt } from '@tidemark/intake';
import type { StateDb } from '@tidemark/ledger';
import { openLevelLogs, type Logs } from '@tidemark/log';
import { openFiles, type PublicationStore } from '@tidemark/publish';
import { Publisher, Sealer, type PublisherKeys, type PublisherOptions } from '@tidemark/publisher';
import { openStateDb, type VerifyBins } from '@tidemark/shard';
import { Faults, waitOut } from './faults.ts';
import type { UnlockedKey } from './keystore.ts';
import { readGenesis, type LedgerFile, type LedgerFolder } from './ledgerFolder.ts';
import { ShardPool } from './shardPool.ts';

export interface EngineOptions {
  readonly folder: LedgerFolder;
  readonly file: LedgerFile;
  /** The online keys, by purpose. */
  readonly keys: ReadonlyMap<string, UnlockedKey>;
  readonly shards: number;
  /** Time between two cuts, at the least. */
  readonly cutIntervalMs: number;
  /** Bytes of bin bodies kept in memory. */
  readonly memoryBudgetBytes: number;
  /** Which of the bins' signatures are verified before they leave. */
  readonly verifyBins: VerifyBins;
  /** Told of operating faults that are being waited out. */
  readonly onFault: (failure: PlainFailure) => void;
}

const PUBLISHER = 'publisher';
const SEALER = 'sealer';
const INTAKE = 'intake';
const STOPPED_WITHIN_MS = 30_000;
const PUBLISHER_BUFFER_BYTES = 4 << 20;

export class Engine {
  readonly genesis: GenesisSigned;
  readonly store: PublicationStore;
  readonly intake: Intake;
  readonly shards: ShardPool;
  readonly options: EngineOptions;
  private readonly logs: Logs;
  private readonly sealer: Sealer;
  private readonly publisherOptions: Omit<PublisherOptions, 'db'>;
  private current: Publisher;
  private readonly stopping = new AbortController();
  private readonly loops: Promise<void>[] = [];
  private readonly visibleListeners = new Set<() => void>();
  /** Rejects when the ledger cannot go on; the reason says why. */
  readonly failed: Promise<never>;
  private readonly fail: (reason: unknown) => void;
  private readonly faults: Faults;
  /** What the publisher holds in memory may be half of something. */
  private isSpoilt = false;

  private constructor(
    options: EngineOptions,
    parts: {
      genesis: GenesisSigned;
      logs: Logs;
      store: PublicationStore;
      shards: ShardPool;
      faults: Faults;
      publisher: Publisher;
      publisherOptions: Omit<PublisherOptions, 'db'>;
    },
  ) {
    const { genesis, logs, store } = parts;
    this.options = options;
    this.faults = parts.faults;
    this.genesis = genesis;
    this.logs = logs;
    this.store = store;
    this.current = parts.publisher;
    this.publisherOptions = parts.publisherOptions;
    const signer = (purpose: string) => keyOf(options.keys, purpose).signer;
    this.sealer = new Sealer({ genesis, logs, signer: signer('sealer'), sleep });
    this.intake = new Intake({
      genesis,
      events: logs.events,
      signer: signer('intake'),
      run: randomBytes(8).toString('hex'),
      now: Date.now,
      sleep,
    });
    this.shards = parts.shards;
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => undefined);
    this.failed = promise;
    this.fail = reject;
  }

  /** Opens everything and starts to work. @throws OperatingFault, BrokenInvariant with the reason */
  static async open(options: EngineOptions): Promise<Engine> {
    const { folder, file, keys } = options;
    const { genesis, genesisBytes } = await readGenesis(folder, file);
    const logs = await openLevelLogs(folder.log, { partitions: file.partitions });
    const store = await openFiles(folder.metadata);
    const publisherOptions = {
      genesis,
      genesisBytes,
      logs,
      store,
      keys: publisherKeys(keys),
      now: Date.now,
      sleep,
    };
    const faults = new Faults(options.onFault);
    // They open their states while the publisher opens its own.
    const shards = startShards(options, { genesis, genesisBytes, logs, faults });
    try {
      const db = await openPublisherState(folder);
      const publisher = await Publisher.open({ ...publisherOptions, db });
      const parts = { genesis, logs, store, shards, faults, publisher, publisherOptions };
      const engine = new Engine(options, parts);
      engine.start();
      return engine;
    } catch (error) {
      await shards.stop();
      throw error;
    }
  }

  /** A fault that is being waited out now, if any. */
  get fault(): PlainFailure | undefined {
    return this.faults.first;
  }

  /**
   * Makes events durable: see {@link Intake.submit}.
   * @throws OperatingFault `intake.busy`, `log.unknown`
   */
  async submit(events: readonly Event[], subject: string): Promise<Receipt[]> {
    try {
      const receipts = await this.intake.submit(events, subject);
      this.faults.over(INTAKE);
      return receipts;
    } catch (error) {
      const isFault = error instanceof OperatingFault && error.code !== 'intake.busy';
      if (isFault) this.faults.note(INTAKE, plainFailure(error));
      throw error;
    }
  }

  /** The publisher as it is now: it is opened anew after an operating fault. */
  get publisher(): Publisher {
    return this.current;
  }

  /** The next offset of every partition of events. */
  async logEnds(): Promise<number[]> {
    const { events, partitions } = this.logs;
    return Promise.all(Array.from({ length: partitions }, (_, p) => events.end(p)));
  }

  /** Resolves once a condition on what is visible holds, or when the signal aborts. */
  async untilVisible(holds: () => boolean, signal?: AbortSignal): Promise<void> {
    if (holds() || signal?.aborted === true) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const listener = (): void => {
      if (holds()) resolve();
    };
    const abandon = (): void => resolve();
    this.visibleListeners.add(listener);
    signal?.addEventListener('abort', abandon, { once: true });
    try {
      await Promise.race([promise, this.failed]);
    } finally {
      this.visibleListeners.delete(listener);
      signal?.removeEventListener('abort', abandon);
    }
  }

  /** Lets everything finish what it is at, then closes; nothing that was acknowledged is in the air. */
  async close(): Promise<void> {
    await this.intake.drain();
    this.stopping.abort();
    const stopped = Promise.allSettled([...this.loops, this.shards.stop()]);
    await Promise.race([stopped, delay(STOPPED_WITHIN_MS, undefined, { ref: false })]);
    await (this.isSpoilt ? this.current.abandon() : this.current.close());
    await this.store.close();
    await this.logs.close();
  }

  private start(): void {
    this.shards.failed.catch(this.fail);
    this.listen();
    const { faults } = this;
    const { signal } = this.stopping;
    this.loops.push(
      waitOut(PUBLISHER, faults, signal, () => this.publish(signal)).catch(this.fail),
      waitOut(SEALER, faults, signal, () => this.seal(signal)).catch(this.fail),
    );
  }

  private async publish(signal: AbortSignal): Promise<void> {
    if (this.isSpoilt) await this.reopenPublisher();
    this.isSpoilt = true;
    await this.current.step();
    this.faults.over(PUBLISHER);
    await this.current.run(signal);
    this.isSpoilt = false;
  }

  private async seal(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const started = performance.now();
      const publisher = this.current;
      await this.sealer.step(publisher.control, Date.now(), publisher.due);
      this.faults.over(SEALER);
      const rest = this.options.cutIntervalMs - (performance.now() - started);
      await delay(Math.max(rest, 1), undefined, { signal }).catch(ignoreAbort);
    }
  }

  private async reopenPublisher(): Promise<void> {
    await this.current.abandon();
    const db = await openPublisherState(this.options.folder);
    try {
      this.current = await Publisher.open({ ...this.publisherOptions, db });
    } catch (error) {
      await db.close();
      throw error;
    }
    this.listen();
    // It may have become visible in the moment of the fault.
    this.tellVisible();
  }

  private listen(): void {
    this.current.onVisible(() => this.tellVisible());
  }

  private tellVisible(): void {
    for (const listener of this.visibleListeners) listener();
  }
}

function startShards(
  { folder, keys, shards, memoryBudgetBytes, verifyBins }: EngineOptions,
  parts: { genesis: GenesisSigned; genesisBytes: Uint8Array; logs: Logs; faults: Faults },
): ShardPool {
  const { genesis, genesisBytes, logs, faults } = parts;
  const pool = new ShardPool({
    genesisBytes,
    stateFolder: folder.state,
    seeds: { bins: keyOf(keys, 'bins').seed, service: keyOf(keys, 'shard').seed },
    partitions: genesis.partitions,
    shards,
    logs,
    verifyBins,
    memoryBudgetBytes,
    sleep,
    faults,
  });
  pool.start();
  return pool;
}

function publisherKeys(keys: ReadonlyMap<string, UnlockedKey>): PublisherKeys {
  return {
    timestamp: keyOf(keys, 'timestamp').signer,
    snapshot: keyOf(keys, 'snapshot').signer,
    checkpoint: keyOf(keys, 'checkpoint').signer,
    service: keyOf(keys, 'publisher').signer,
  };
}

function keyOf(keys: ReadonlyMap<string, UnlockedKey>, purpose: string): UnlockedKey {
  const key = keys.get(purpose);
  if (key !== undefined) return key;
  throw new OperatingFault('keys.absent', `the online key ${purpose} is missing from keys/`);
}

async function openPublisherState(folder: LedgerFolder): Promise<StateDb> {
  return openStateDb(join(folder.state, 'publisher'), PUBLISHER_BUFFER_BYTES);
}

async function sleep(ms: number): Promise<void> {
  await delay(ms);
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error && error.name === 'AbortError')) throw error;
}
