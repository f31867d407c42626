/**
 * Logs in memory, for tests and simulations: no timers and no randomness of their own, so that a run
 * is a function of its arguments. Faults and delays are injected; several handles can share one
 * `MemoryDisk`, each standing for a process, and a handle can crash.
 */

import { OperatingFault } from '@tidemark/canonical';
import {
  closedFault,
  laneIndex,
  laneNames,
  logsOver,
  takeChunk,
  truncatedFailure,
} from './logs.ts';
import type { Adapter } from './logs.ts';
import { chunkBytesMax } from './port.ts';
import type { Chunk, Logs, Topic } from './port.ts';
import { Waiters } from './waiters.ts';

export interface Operation {
  readonly topic: Topic;
  readonly partition: number;
  readonly op: 'append' | 'read';
}

export interface MemoryOptions {
  /** What the logs are stored in; without it they live as long as this handle. */
  readonly disk?: MemoryDisk;
  /** Asked once per operation; a failing one rejects with `log.write` or `log.read`. */
  readonly faults?: (operation: Operation) => undefined | 'fail' | 'fail-but-stored';
  /** Awaited twice per operation: on its way to the disk and on its way back. */
  readonly sleep?: (operation: Operation) => Promise<void>;
}

export interface MemoryLogs extends Logs {
  /**
   * The process dies: everything under way and everything later rejects with `log.crashed`. What had
   * not reached the disk never does.
   */
  crash(): void;
}

/** The stored logs, which outlive every handle. */
export class MemoryDisk {
  readonly partitions: number;
  /** In the order of `laneNames`. */
  readonly lanes: readonly MemoryLane[];

  constructor(partitions: number) {
    this.partitions = partitions;
    this.lanes = laneNames(partitions).map(() => ({ records: [], waiters: new Waiters() }));
  }
}

interface MemoryLane {
  readonly records: Uint8Array[];
  readonly waiters: Waiters;
}

export function memoryLogs(partitions: number, options: MemoryOptions = {}): MemoryLogs {
  const disk = options.disk ?? new MemoryDisk(partitions);
  if (disk.partitions !== partitions) {
    throw new OperatingFault('log.partitions', `the disk has ${disk.partitions} partitions`);
  }
  const handle = new MemoryHandle(disk, options);
  return { ...logsOver(partitions, handle), crash: () => handle.crash() };
}

class MemoryHandle implements Adapter {
  readonly #disk: MemoryDisk;
  readonly #faults: NonNullable<MemoryOptions['faults']>;
  readonly #sleep: NonNullable<MemoryOptions['sleep']>;
  /** The last append to each lane: the next one follows it, so that order is the order of calls. */
  readonly #last = new Map<MemoryLane, Promise<unknown>>();
  readonly #underWay = new Set<(fault: OperatingFault) => void>();
  #gone: OperatingFault | undefined;

  constructor(disk: MemoryDisk, options: MemoryOptions) {
    this.#disk = disk;
    this.#faults = options.faults ?? (() => undefined);
    this.#sleep = options.sleep ?? (() => Promise.resolve());
  }

  append(topic: Topic, partition: number, records: readonly Uint8Array[]): Promise<number> {
    const lane = this.#lane(topic, partition);
    const operation = { topic, partition, op: 'append' } as const;
    return this.#unlessGone(() => {
      const stored = this.#append(lane, operation, records, this.#last.get(lane));
      this.#last.set(lane, Promise.allSettled([stored]));
      return stored;
    });
  }

  read(topic: Topic, partition: number, from: number, signal?: AbortSignal): Promise<Chunk> {
    const lane = this.#lane(topic, partition);
    const operation = { topic, partition, op: 'read' } as const;
    return this.#unlessGone(() => this.#read(lane, operation, from, signal));
  }

  end(topic: Topic, partition: number): Promise<number> {
    return this.#unlessGone(() => Promise.resolve(this.#lane(topic, partition).records.length));
  }

  async close(): Promise<void> {
    if (this.#gone !== undefined) return;
    await Promise.all(this.#last.values());
    this.#leave(closedFault());
  }

  crash(): void {
    this.#leave(new OperatingFault('log.crashed', 'this process has crashed'));
  }

  async #append(
    lane: MemoryLane,
    operation: Operation,
    records: readonly Uint8Array[],
    previous: Promise<unknown> | undefined,
  ): Promise<number> {
    await previous;
    await this.#sleep(operation);
    if (this.#gone !== undefined) throw this.#gone;
    const fault = this.#faults(operation);
    if (fault === 'fail') throw new OperatingFault('log.write', 'injected fault');
    const first = lane.records.length;
    for (const record of records) lane.records.push(record.slice());
    lane.waiters.wake();
    await this.#sleep(operation);
    if (fault !== undefined) throw new OperatingFault('log.write', 'injected fault');
    return first;
  }

  async #read(
    lane: MemoryLane,
    operation: Operation,
    from: number,
    signal: AbortSignal | undefined,
  ): Promise<Chunk> {
    await this.#sleep(operation);
    if (this.#faults(operation) !== undefined) {
      throw new OperatingFault('log.read', 'injected fault');
    }
    if (from > lane.records.length) throw truncatedFailure(operation, from, lane.records.length);
    const idle = (): boolean => from === lane.records.length && signal?.aborted !== true;
    while (idle() && this.#gone === undefined) await lane.waiters.wait(signal);
    if (signal?.aborted === true) return { first: from, records: [] };
    const records = takeChunk(lane.records, from, chunkBytesMax);
    await this.#sleep(operation);
    return { first: from, records };
  }

  #lane(topic: Topic, partition: number): MemoryLane {
    const lane = this.#disk.lanes[laneIndex(topic, partition, this.#disk.partitions)];
    if (lane === undefined) throw new RangeError(`${topic}/${partition}`);
    return lane;
  }

  /** The answer, unless the process dies before it. */
  #unlessGone<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone);
    return new Promise((resolve, reject) => {
      this.#underWay.add(reject);
      void operation()
        .then(resolve, reject)
        .finally(() => this.#underWay.delete(reject));
    });
  }

  #leave(fault: OperatingFault): void {
    this.#gone ??= fault;
    for (const reject of this.#underWay) reject(this.#gone);
    this.#underWay.clear();
    for (const lane of this.#disk.lanes) lane.waiters.wake();
  }
}
