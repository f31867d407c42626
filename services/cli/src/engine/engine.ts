/**
 * The embedded ledger: logs, intake, sealer, shards, publisher and store composed in one process, a
 * worker thread per shard. The same modules run apart on Kafka; nothing here knows more than they do.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { OperatingFault, plainFailure, type PlainFailure } from '@tidemark/canonical';
import type { Event, GenesisSigned } from '@tidemark/event';
import { Intake, Unseen, type Receipt } from '@tidemark/intake';
import type { StateDb } from '@tidemark/ledger';
import { openLevelLogs, type Logs } from '@tidemark/log';
import { openFiles, type PublicationStore } from '@tidemark/publish';
import {
  Publisher,
  Sealer,
  type PublisherOptions,
  type PublisherStep,
  type SnapshotRow,
} from '@tidemark/publisher';
import { openStateDb } from '@tidemark/shard';
import { keyOf, publisherKeys, startShards, type EngineOptions } from './engineParts.ts';
import { Faults, waitOut } from './faults.ts';
import { Latest } from './latest.ts';
import { backlogOf, type Backlog } from '../operations/backlog.ts';
import { roomsOf, type Room } from '../operations/rooms.ts';
import { readGenesis, type LedgerFolder } from '../folder/ledgerFolder.ts';
import { isEventAt } from './receipts.ts';
import { scrub } from './scrub.ts';
import type { ShardPool } from './shardPool.ts';

const PUBLISHER = 'publisher';
const SEALER = 'sealer';
const INTAKE = 'intake';
const STOP_MS_MAX = 30_000;
/** A few seconds of what two cores fold and sign. */
const UNSEEN_EVENTS_MAX = 50_000;
const PUBLISHER_BUFFER_BYTES = 4 << 20;

export class Engine {
  readonly genesis: GenesisSigned;
  readonly store: PublicationStore;
  readonly intake: Intake;
  readonly shards: ShardPool;
  /** What was submitted and no snapshot shows yet. */
  readonly unseen: Unseen;
  /** Events that no visible snapshot covers. */
  readonly backlog: Latest<Backlog>;
  /** What is left on its disks. */
  readonly rooms: Latest<readonly Room[]>;
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
  /** The last number that was settled when this was opened. */
  private settledBefore = 0;
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
    const { cutRecordsMax, intakeQueueBytesMax, unseenEventsMax = UNSEEN_EVENTS_MAX } = options;
    this.sealer = new Sealer({ genesis, logs, signer: signer('sealer'), sleep, cutRecordsMax });
    this.intake = new Intake({
      genesis,
      events: logs.events,
      signer: signer('intake'),
      run: randomBytes(8).toString('hex'),
      now: Date.now,
      sleep,
      queueBytesMax: intakeQueueBytesMax,
    });
    this.shards = parts.shards;
    this.unseen = new Unseen(genesis.partitions, unseenEventsMax, performance.now());
    const none = Array.from({ length: genesis.partitions }, () => 0);
    const ask = (): Promise<Backlog> =>
      backlogOf(logs.events, this.current.visible?.vector ?? none);
    this.backlog = new Latest(ask, { records: 0, since: undefined });
    // The threads that ask the disks are those that write to them: nobody waits in that queue.
    this.rooms = new Latest(() => roomsOf(options.folder), [], 0);
    void this.rooms.get();
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => undefined);
    this.failed = promise;
    this.fail = reject;
  }

  /** Opens everything and starts to work. @throws OperatingFault, BrokenInvariant with the reason */
  static async open(options: EngineOptions): Promise<Engine> {
    const { folder, file, keys, observer } = options;
    const { genesis, genesisBytes } = await readGenesis(folder, file);
    const logs = await openLevelLogs(folder.log, {
      partitions: file.partitions,
      queueBytesMax: options.storageQueueBytesMax,
      tailBytesMax: options.storageTailBytesMax,
      onCommit: observer && ((report) => observer.committed(report)),
    });
    const store = await openFiles(folder.metadata);
    const publisherOptions = {
      genesis,
      genesisBytes,
      logs,
      store,
      keys: publisherKeys(keys),
      now: Date.now,
      sleep,
      observer: observer && {
        now: () => performance.now(),
        took: (step: PublisherStep, ms: number) => observer.took(step, ms),
      },
    };
    const faults = new Faults(options.onFault, options.faultMsMax);
    // They open their states while the publisher opens its own.
    const shards = startShards(options, { genesis, genesisBytes, logs, faults, sleep });
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
    const started = performance.now();
    try {
      const receipts = await this.intake.submit(events, subject);
      this.options.observer?.submitted(events.length, performance.now() - started);
      this.faults.over(INTAKE);
      this.unseen.add(receipts);
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

  /** Whether an event stands at a place of a partition that there is. */
  async hasEventAt(receipt: Receipt): Promise<boolean> {
    return isEventAt(this.logs.events, this.genesis, receipt);
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
    const { stopMsMax = STOP_MS_MAX } = this.options;
    await Promise.race([stopped, delay(stopMsMax, undefined, { ref: false })]);
    await (this.isSpoilt ? this.current.abandon() : this.current.close());
    await this.store.close();
    await this.logs.close();
  }

  private start(): void {
    this.shards.failed.catch(this.fail);
    this.settledBefore = this.current.control.settled;
    this.listen();
    const { faults, logs, shards, stopping } = this;
    const { signal } = stopping;
    this.loops.push(
      waitOut(PUBLISHER, faults, signal, () => this.publish(signal)).catch(this.fail),
      waitOut(SEALER, faults, signal, () => this.seal(signal)).catch(this.fail),
      scrub(logs, shards, () => this.current, this.options, signal).catch(this.fail),
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
      const hasCut = await this.sealer.step(publisher.control, Date.now(), publisher.due);
      if (hasCut) this.options.observer?.cut(performance.now() - started);
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
    this.current.onVisible((row) => {
      this.observeVisible(row);
      this.unseen.show(row.vector, performance.now());
      this.tellVisible();
    });
  }

  private observeVisible({ n, time }: SnapshotRow): void {
    // What was sealed before the start has been visible before: it is only shown again.
    if (n <= this.settledBefore) return;
    this.options.observer?.visible({ n, time, ms: Math.max(0, Date.now() - time) });
  }

  private tellVisible(): void {
    this.visibleListeners.forEach((listener) => listener());
  }
}

async function openPublisherState(folder: LedgerFolder): Promise<StateDb> {
  return openStateDb(join(folder.state, 'publisher'), PUBLISHER_BUFFER_BYTES);
}

const sleep = (ms: number): Promise<void> => delay(ms);

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error) || error.name !== 'AbortError') throw error;
}
