// The ports of a simulated process: logs, state and store that fail, wait, lose answers and end with it.
import { crc32 } from 'node:zlib';
import type { AbstractLevel } from 'abstract-level';
import type { StateDb } from '@tidemark/ledger';
import { memoryLogs, type Log, type Logs } from '@tidemark/log';
import { openMemory, type MemoryFiles, type PublicationStore } from '@tidemark/publish';
import { injectedFault, type Life, type World } from './world.ts';

type Topic = 'events' | 'control' | 'leaves';

/** Told of records before they are appended. */
export type OnAppend = (topic: Topic, partition: number, records: readonly Uint8Array[]) => void;

/** Told of the ends of logs as they are looked up. */
type OnEnd = (topic: Topic, end: number) => void;

export function simulatedLogs(world: World, life: Life, onAppend: OnAppend, onEnd: OnEnd): Logs {
  const inner = memoryLogs(world.disk.partitions, {
    disk: world.disk,
    sleep: ({ topic, partition, op }) =>
      world.turn(life, `${op} ${topic}/${partition}`, op === 'append' ? 'write' : 'read'),
    faults: ({ op }) => {
      const fault = world.fault(op === 'append');
      if (op === 'append' && fault !== 'fail') world.changes++;
      if (fault !== undefined) {
        world.note(`${life.name} ${op}: ${fault}`);
        world.count(`${op}: ${fault}`);
      }
      return fault;
    },
  });
  const wrap = (topic: Topic): Log => ({
    append: async (partition, records) => {
      onAppend(topic, partition, records);
      if (!world.random.chance(world.weather.late)) return inner[topic].append(partition, records);
      await world.turn(life, `append ${topic}/${partition}, late`, 'write');
      const land = (): void => world.inject(topic, partition, records);
      world.late.push({ label: `${topic}/${partition} of ${life.name}`, land });
      world.count('late append');
      throw injectedFault('log.unavailable');
    },
    read: async (partition, from, signal) => inner[topic].read(partition, from, signal),
    end: async (partition) => {
      onEnd(topic, world.lane(topic, partition).length);
      const end = await inner[topic].end(partition);
      await world.turn(life, `end of ${topic}/${partition}`, 'read');
      return end;
    },
  });
  const { partitions, close } = inner;
  return {
    partitions,
    events: wrap('events'),
    control: wrap('control'),
    leaves: wrap('leaves'),
    close,
    [Symbol.asyncDispose]: close,
  };
}

type Row = readonly [key: string, value: Buffer | undefined];

/**
 * What a state database has on its disk: whole batches, in order. Written without a sync each, as
 * LevelDB is, so that losing power may take the last ones back.
 */
export class StateDisk {
  private batches: (readonly Row[])[] = [];
  readonly rows = new Map<string, Buffer>();

  apply(batch: readonly Row[]): void {
    this.batches.push(batch);
    this.take(batch);
  }

  /** Loses the last batches. */
  loseTail(count: number): void {
    this.batches = this.batches.slice(0, Math.max(0, this.batches.length - count));
    this.rows.clear();
    for (const batch of this.batches) this.take(batch);
  }

  /** Whether there is a row of a kind. */
  has(kind: number): boolean {
    const prefix = String.fromCharCode(kind);
    return [...this.rows.keys()].some((key) => key.startsWith(prefix));
  }

  /**
   * Rewrites the newest row of a kind, as whoever owns the disk can: its checksum holds.
   * @returns whether there is one
   */
  forge(kind: number, change: (value: Buffer) => Buffer): boolean {
    const prefix = String.fromCharCode(kind);
    const name = [...this.rows.keys()]
      .filter((key) => key.startsWith(prefix))
      .sort()
      .at(-1);
    if (name === undefined) return false;
    const key = Buffer.from(name, 'latin1');
    const value = change(this.rows.get(name)!.subarray(4));
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(value, crc32(key)));
    this.apply([[name, Buffer.concat([sum, value])]]);
    return true;
  }

  /** Loses everything. */
  wipe(): void {
    this.batches = [];
    this.rows.clear();
  }

  private take(batch: readonly Row[]): void {
    for (const [key, value] of batch) {
      if (value === undefined) this.rows.delete(key);
      else this.rows.set(key, value);
    }
  }
}

interface Range {
  readonly gte?: Uint8Array;
  readonly lte?: Uint8Array;
  readonly reverse?: boolean;
  readonly limit?: number;
}

/** As much of a LevelDB as the engine's state uses. */
export function simulatedState(world: World, life: Life, disk: StateDisk, name: string): StateDb {
  const chosen = ({ gte, lte, reverse, limit }: Range): [Buffer, Buffer][] => {
    const from = gte === undefined ? '' : latin(gte);
    const to = lte === undefined ? undefined : latin(lte);
    const keys = [...disk.rows.keys()].filter((key) => key >= from && (to ?? key) >= key).sort();
    if (reverse === true) keys.reverse();
    return keys
      .slice(0, limit ?? keys.length)
      .map((key) => [Buffer.from(key, 'latin1'), Buffer.from(disk.rows.get(key)!)]);
  };
  const write = async (rows: readonly Row[]): Promise<void> => {
    await world.turn(life, `state ${name}, ${rows.length} rows`, 'write');
    const fault = world.fault(true);
    if (fault !== 'fail') disk.apply(rows);
    if (fault !== undefined) {
      world.count(`state: ${fault}`);
      throw injectedFault('injected');
    }
    await world.turn(life, `state ${name}, written`, 'write');
  };
  const db = {
    getSync: (key: Uint8Array): Buffer | undefined => {
      const value = disk.rows.get(latin(key));
      return value === undefined ? undefined : Buffer.from(value);
    },
    batch: () => {
      const rows: Row[] = [];
      return {
        put: (key: Uint8Array, value: Uint8Array): void => {
          rows.push([latin(key), Buffer.from(value)]);
        },
        del: (key: Uint8Array): void => {
          rows.push([latin(key), undefined]);
        },
        write: async (): Promise<void> => write(rows),
      };
    },
    iterator: (range: Range) => {
      const entries = chosen(range);
      return {
        next: async (): Promise<[Buffer, Buffer] | undefined> => entries.shift(),
        close: async (): Promise<void> => undefined,
      };
    },
    close: async (): Promise<void> => undefined,
  };
  return db as unknown as AbstractLevel<string | Buffer | Uint8Array, Buffer, Buffer>;
}

/** A client of the publication store. `onChange` is told after every write that may have happened. */
export function simulatedStore(
  world: World,
  life: Life,
  files: MemoryFiles,
  onChange: (name: string) => void,
): PublicationStore {
  const inner = openMemory(files, (operation) => {
    const isWrite = operation === 'put' || operation === 'advance' || operation === 'remove';
    const fault = world.fault(isWrite);
    if (fault !== undefined) world.count(`store: ${fault}`);
    return fault;
  });
  const writing = async <T>(what: string, name: string, act: () => Promise<T>): Promise<T> => {
    await world.turn(life, `${what} ${name}`, 'write');
    try {
      return await act();
    } finally {
      onChange(name);
      await world.turn(life, `${what} ${name}, done`, 'write');
    }
  };
  return {
    putImmutable: async (name, bytes) =>
      writing('put', name, () => inner.putImmutable(name, bytes)),
    advance: async (name, version, bytes) =>
      writing('advance', name, () => inner.advance(name, version, bytes)),
    get: async (name) => inner.get(name),
    list: async () => inner.list(),
    remove: async (name) => writing('remove', name, () => inner.remove(name)),
    close: async () => inner.close(),
    [Symbol.asyncDispose]: async () => inner.close(),
  };
}

function latin(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
