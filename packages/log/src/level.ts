/**
 * Logs in one LevelDB, for the embedded ledger: one process, no broker.
 *
 * One loop writes. What is appended while a batch is on its way to the disk waits, and goes into the
 * next batch together: one fsync for all. **The commit point is that batch**: ends, in-memory tails
 * and waiting reads move only after it.
 */

import { BrokenInvariant, OperatingFault } from '@tidemark/canonical';
import { commitReport, type OnCommit } from './commitReport.ts';
import { Fifo } from './fifo.ts';
import { checkRoom, openStore, storageFailure } from './level-store.ts';
import type { Addition, Store } from './level-store.ts';
import { closedFault, laneIndex, laneNames, logsOver, truncatedFailure } from './logs.ts';
import type { Adapter, LaneName } from './logs.ts';
import { appendBytesMax, chunkBytesMax } from './port.ts';
import type { Chunk, Logs, Topic } from './port.ts';
import { Tails } from './tails.ts';
import { Waiters } from './waiters.ts';

export interface LevelLogsOptions {
  /** Of events and of leaves, 1 to 128, fixed when the database is created. */
  readonly partitions: number;
  /** About how much one read returns, in bytes; 1 MiB unless given. */
  readonly bytesPerChunk?: number;
  /** Memory for the newest records of all partitions together; 64 MiB unless given. */
  readonly tailBytesMax?: number | undefined;
  /** Accepted and not yet durable; more is refused with `log.busy`. 64 MiB unless given. */
  readonly queueBytesMax?: number | undefined;
  /** LevelDB's memtable; 32 MiB unless given. There can be two of them. */
  readonly writeBufferBytes?: number;
  /** Snappy, unless false: half the bytes to write and to rewrite outweigh what it costs. */
  readonly compression?: boolean;
  /** Milliseconds, monotonic: paces the openings after failed writes. */
  readonly now?: () => number;
  readonly onCommit?: OnCommit | undefined;
}

/**
 * Opens the logs in the folder `location`, made if absent.
 *
 * When a write fails (disk full, I/O error, file-size limit), the appends concerned reject with
 * `log.full` or `log.write`, their outcome unknown. The next append reopens the database and goes on
 * from what is found there; while that fails too, appends are refused, and a new try is made after
 * 0.1 s, doubling up to 5 s. Nothing acknowledged is lost: fewer records than were acknowledged are
 * `log.truncated`, after which this handle refuses everything.
 */
export async function openLevelLogs(location: string, options: LevelLogsOptions): Promise<Logs> {
  const names = laneNames(options.partitions);
  const compression = options.compression ?? true;
  const writeBufferBytes = options.writeBufferBytes ?? 32 * mebibyte;
  const files: Files = {
    open: () => openStore(location, names, { compression, writeBufferBytes }),
    checkRoom: () => checkRoom(location, writeBufferBytes),
  };
  const store = await files.open();
  return logsOver(options.partitions, new LevelAdapter(names, store, files, options));
}

interface Files {
  readonly open: () => Promise<Store>;
  readonly checkRoom: () => Promise<void>;
}

interface Lane extends LaneName {
  /** What is durable. */
  end: number;
  readonly waiters: Waiters;
}

interface Append {
  readonly lane: number;
  readonly records: readonly Uint8Array[];
  readonly bytes: number;
  readonly resolve: (first: number) => void;
  readonly reject: (error: Error) => void;
}

class LevelAdapter implements Adapter {
  readonly #partitions: number;
  readonly #bytesPerChunk: number;
  readonly #queueBytesMax: number;
  readonly #now: () => number;
  readonly #onCommit: OnCommit | undefined;
  readonly #files: Files;
  readonly #lanes: Lane[];
  readonly #tails: Tails;
  readonly #queue = new Fifo<Append>();
  #queueBytes = 0;
  #writing: Promise<void> | undefined;
  /** Undefined between a failed write and the next successful opening. */
  #store: Store | undefined;
  /** The last write failed: nothing more may be written before the next opening. */
  #fault: Error | undefined;
  #failures = 0;
  #retryAt = 0;
  #reopening: Promise<Store> | undefined;
  readonly #scans = new Set<Promise<unknown>>();
  /** Why no read may wait any longer. */
  #over: Error | undefined;

  constructor(names: readonly LaneName[], store: Store, files: Files, options: LevelLogsOptions) {
    this.#partitions = options.partitions;
    this.#bytesPerChunk = Math.min(options.bytesPerChunk ?? chunkBytesMax, chunkBytesMax);
    this.#queueBytesMax = options.queueBytesMax ?? 64 * mebibyte;
    this.#now = options.now ?? (() => performance.now());
    this.#onCommit = options.onCommit;
    this.#files = files;
    this.#store = store;
    this.#tails = new Tails(options.tailBytesMax ?? 64 * mebibyte);
    this.#lanes = names.map((name, i) => ({
      ...name,
      end: store.ends[i] ?? 0,
      waiters: new Waiters(),
    }));
  }

  append(topic: Topic, partition: number, records: readonly Uint8Array[]): Promise<number> {
    const bytes = records.reduce((sum, record) => sum + record.length + recordOverheadBytes, 0);
    if (this.#queueBytes > 0 && this.#queueBytes + bytes > this.#queueBytesMax) {
      const message = `${this.#queueBytes} bytes wait to be written`;
      return Promise.reject(new OperatingFault('log.busy', message));
    }
    const lane = laneIndex(topic, partition, this.#partitions);
    return new Promise((resolve, reject) => {
      this.#queue.push({ lane, records, bytes, resolve, reject });
      this.#queueBytes += bytes;
      this.#writing ??= this.#writeAll();
    });
  }

  async read(topic: Topic, partition: number, from: number, signal?: AbortSignal): Promise<Chunk> {
    const index = laneIndex(topic, partition, this.#partitions);
    const lane = this.#laneAt(index);
    if (from > lane.end) throw truncatedFailure(lane, from, lane.end);
    const idle = (): boolean => from === lane.end && signal?.aborted !== true;
    while (idle() && this.#over === undefined) await lane.waiters.wait(signal);
    if (this.#over !== undefined) throw this.#over;
    if (signal?.aborted === true) return { first: from, records: [] };
    const tail = this.#tails.take(index, from, this.#bytesPerChunk);
    return { first: from, records: tail ?? (await this.#scan(index, from, lane.end)) };
  }

  end(topic: Topic, partition: number): Promise<number> {
    return Promise.resolve(this.#laneAt(laneIndex(topic, partition, this.#partitions)).end);
  }

  async close(): Promise<void> {
    await this.#writing;
    this.#stop(closedFault());
    await Promise.allSettled([...this.#scans, this.#reopening]);
    await this.#store?.close();
  }

  async #writeAll(): Promise<void> {
    // One turn of the microtask queue, so that appends of one burst share the first batch too.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const [group, started] = [this.#takeGroup(), this.#now()];
      let failure: ReturnType<typeof storageFailure> | undefined;
      try {
        await this.#commit(await this.#writable(), group);
      } catch (error) {
        failure = storageFailure(error, 'log.write', 'an append failed');
        for (const append of group) append.reject(failure);
      }
      this.#onCommit?.(commitReport(group, this.#now() - started, failure));
      for (const append of group) this.#queueBytes -= append.bytes;
    }
    // Here and not in a `finally`: what is appended after this line must start a new loop.
    this.#writing = undefined;
  }

  #takeGroup(): Append[] {
    const group: Append[] = [];
    let bytes = 0;
    for (let next = this.#queue.at(0); next !== undefined; next = this.#queue.at(0)) {
      if (group.length > 0 && bytes + next.bytes > groupBytesMax) break;
      bytes += next.bytes;
      group.push(next);
      this.#queue.shift();
    }
    return group;
  }

  async #commit(store: Store, group: readonly Append[]): Promise<void> {
    const ends = this.#lanes.map((lane) => lane.end);
    const additions: Addition[] = group.map(({ lane, records }) => {
      const first = ends[lane] ?? 0;
      ends[lane] = first + records.length;
      return { lane, first, records };
    });
    let stored: Uint8Array[][];
    try {
      stored = await store.commit(additions, ends);
    } catch (error) {
      this.#noteFailure(storageFailure(error, 'log.write', 'an append failed'));
      throw error;
    }
    this.#failures = 0;
    for (const [i, { lane, first }] of additions.entries()) {
      for (const [j, record] of (stored[i] ?? []).entries()) {
        this.#tails.push(lane, first + j, record);
      }
      this.#laneAt(lane).end = ends[lane] ?? 0;
      group[i]?.resolve(first);
    }
    for (const lane of new Set(additions.map((addition) => addition.lane))) {
      this.#laneAt(lane).waiters.wake();
    }
  }

  async #scan(lane: number, from: number, end: number): Promise<Uint8Array[]> {
    const store = this.#store ?? this.#reopen();
    const scan = Promise.resolve(store).then((opened) =>
      opened.scan(lane, from, end, this.#bytesPerChunk),
    );
    this.#scans.add(scan);
    try {
      return await scan;
    } catch (error) {
      throw storageFailure(error, 'log.read', 'a read failed');
    } finally {
      this.#scans.delete(scan);
    }
  }

  /** The database, opened anew if the last write failed. */
  async #writable(): Promise<Store> {
    if (this.#over !== undefined) throw this.#over;
    if (this.#fault === undefined && this.#store !== undefined) return this.#store;
    return this.#reopen();
  }

  #reopen(): Promise<Store> {
    this.#reopening ??= this.#reopenNow().finally(() => (this.#reopening = undefined));
    return this.#reopening;
  }

  async #reopenNow(): Promise<Store> {
    if (this.#fault !== undefined && this.#now() < this.#retryAt) throw this.#fault;
    let store: Store;
    try {
      await this.#files.checkRoom();
      const old = this.#store;
      // Whoever scans from here on waits for the new one.
      this.#store = undefined;
      await Promise.allSettled(this.#scans);
      await old?.close();
      store = await this.#files.open();
    } catch (error) {
      this.#noteFailure(storageFailure(error, 'log.unavailable', 'reopening failed'));
      throw error;
    }
    this.#store = store;
    this.#fault = undefined;
    this.#adopt(store.ends);
    return store;
  }

  /** What is found after a failed write: all that was acknowledged, and perhaps more. */
  #adopt(ends: readonly number[]): void {
    this.#tails.clear();
    for (const [i, lane] of this.#lanes.entries()) {
      const found = ends[i] ?? 0;
      if (found < lane.end) {
        this.#stop(truncatedFailure(lane, lane.end, found));
        throw this.#over;
      }
      lane.end = found;
      lane.waiters.wake();
    }
  }

  /** The first failure is followed by a try at once: most pass. Then the pauses double. */
  #noteFailure(failure: Error): void {
    this.#fault = failure;
    const pause = this.#failures === 0 ? 0 : Math.min(100 * 2 ** (this.#failures - 1), 5000);
    this.#failures += 1;
    this.#retryAt = this.#now() + pause;
    if (failure instanceof BrokenInvariant) this.#stop(failure);
  }

  #stop(reason: Error): void {
    this.#over ??= reason;
    for (const lane of this.#lanes) lane.waiters.wake();
  }

  #laneAt(index: number): Lane {
    const lane = this.#lanes[index];
    if (lane === undefined) throw new RangeError(`lane ${index}`);
    return lane;
  }
}

const mebibyte = 1024 * 1024;
const groupBytesMax = appendBytesMax / 2;
/** About what a waiting record costs beside its bytes. */
const recordOverheadBytes = 64;
