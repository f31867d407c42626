/**
 * What all adapters share: the three topics as `Log` objects over one set of functions, the checks
 * of arguments, and the life of a handle.
 */

import { BrokenInvariant, OperatingFault, RejectedInput } from '@tidemark/canonical';
import { appendBytesMax, chunkRecordsMax, partitionsMax, recordBytesMax } from './port.ts';
import type { Chunk, Log, Logs, Topic } from './port.ts';

/** What an adapter implements; arguments are checked, and nothing is called after `close`. */
export interface Adapter {
  append(topic: Topic, partition: number, records: readonly Uint8Array[]): Promise<number>;
  read(topic: Topic, partition: number, from: number, signal?: AbortSignal): Promise<Chunk>;
  end(topic: Topic, partition: number): Promise<number>;
  close(): Promise<void>;
}

export interface LaneName {
  readonly topic: Topic;
  readonly partition: number;
}

export function logsOver(partitions: number, adapter: Adapter): Logs {
  checkPartitions(partitions);
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= adapter.close());

  const log = (topic: Topic): Log => {
    const check = (partition: number): void => {
      if (closing !== undefined) throw closedFault();
      if (!isPartition(topic, partition, partitions)) {
        throw new RejectedInput('log.partition', `${topic} has no partition ${partition}`);
      }
    };
    return {
      append: async (partition, records) => {
        check(partition);
        checkRecords(records);
        if (records.length === 0) return adapter.end(topic, partition);
        return adapter.append(topic, partition, records);
      },
      read: async (partition, from, signal) => {
        check(partition);
        if (!Number.isSafeInteger(from) || from < 0) {
          throw new RejectedInput('log.offset', `${from} is no offset`);
        }
        if (signal?.aborted === true) return { first: from, records: [] };
        return adapter.read(topic, partition, from, signal);
      },
      end: async (partition) => {
        check(partition);
        return adapter.end(topic, partition);
      },
    };
  };

  return {
    partitions,
    events: log('events'),
    control: log('control'),
    leaves: log('leaves'),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The partitions of all topics in one row: events, control, leaves. */
export function laneIndex(topic: Topic, partition: number, partitions: number): number {
  if (topic === 'events') return partition;
  return topic === 'control' ? partitions : partitions + 1 + partition;
}

/** The inverse of `laneIndex`, as a list. */
export function laneNames(partitions: number): LaneName[] {
  checkPartitions(partitions);
  const all = Array.from({ length: partitions }, (_, partition) => partition);
  return [
    ...all.map((partition) => ({ topic: 'events' as const, partition })),
    { topic: 'control', partition: 0 },
    ...all.map((partition) => ({ topic: 'leaves' as const, partition })),
  ];
}

export function closedFault(): OperatingFault {
  return new OperatingFault('log.closed', 'the logs are closed');
}

export function truncatedFailure(lane: LaneName, from: number, end: number): BrokenInvariant {
  const message = `${lane.topic}/${lane.partition} ends at ${end}, but offset ${from} was seen before`;
  return new BrokenInvariant('log.truncated', message);
}

/** As many of the records from `index` on as one chunk may hold, but at least one. */
export function takeChunk(
  records: { readonly length: number; at(index: number): Uint8Array | undefined },
  index: number,
  bytesMax: number,
): Uint8Array[] {
  const taken: Uint8Array[] = [];
  let bytes = 0;
  while (taken.length < chunkRecordsMax && index + taken.length < records.length) {
    const record = records.at(index + taken.length);
    if (record === undefined) break;
    bytes += record.length;
    if (taken.length > 0 && bytes > bytesMax) break;
    taken.push(record);
  }
  return taken;
}

function checkPartitions(partitions: number): void {
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > partitionsMax) {
    throw new RejectedInput('log.partitions', `${partitions} partitions: 1 to ${partitionsMax}`);
  }
}

function isPartition(topic: Topic, partition: number, partitions: number): boolean {
  const count = topic === 'control' ? 1 : partitions;
  return Number.isInteger(partition) && partition >= 0 && partition < count;
}

function checkRecords(records: readonly Uint8Array[]): void {
  let bytes = 0;
  for (const record of records) {
    if (record.length > recordBytesMax) {
      const message = `a record of ${record.length} bytes; at most ${recordBytesMax}`;
      throw new RejectedInput('log.record_too_large', message);
    }
    bytes += record.length;
  }
  if (bytes > appendBytesMax) {
    const message = `an append of ${bytes} bytes; at most ${appendBytesMax}`;
    throw new RejectedInput('log.append_too_large', message);
  }
}
