/**
 * The port to the ledger's logs: three topics of ordered, durable, immutable records.
 * Everything else in the ledger is derived from them.
 */

/** What one read answers: `records[i]` has the offset `first + i`. */
export interface Chunk {
  readonly first: number;
  readonly records: readonly Uint8Array[];
}

/**
 * One topic.
 *
 * **Ordering.** The offsets of a partition are contiguous from 0. The appends of one handle to one
 * partition are stored in the order of the calls, the records of one append next to each other, and
 * appends are acknowledged in the order in which they are stored. Nothing is promised across
 * partitions or topics.
 *
 * **Durability.** An acknowledged append survives SIGKILL of every process concerned, and `read` and
 * `end` show only what does. A rejected append may or may not have been stored, whole or not at all,
 * and may even appear later: the caller reads back. `log.busy` and every `RejectedInput` mean that
 * nothing was stored.
 *
 * **Bytes.** Whoever hands records over never changes them afterwards; records that were read are
 * shared and never written to, and may be views into a larger buffer: copy what is kept for long.
 *
 * Errors: `RejectedInput` for arguments (`log.partition`, `log.offset`, `log.record_too_large`,
 * `log.append_too_large`); `OperatingFault` when the caller may try again (`log.write`, `log.full`,
 * `log.busy`, `log.read`, `log.unavailable`) or the handle is gone (`log.closed`, `log.crashed`);
 * `BrokenInvariant` when the stored log is not what was acknowledged (`log.corrupt`, `log.gap`,
 * `log.truncated`): the caller halts.
 */
export interface Log {
  /** Stores the records; resolves, once they are durable, to the offset of the first. */
  append(partition: number, records: readonly Uint8Array[]): Promise<number>;
  /**
   * A long poll: the records from offset `from` on, as soon as there is at least one; at most about
   * 1 MiB and 1,024 records at once. A chunk without records when `signal` aborts. A `from` beyond
   * the end is `log.truncated`: somebody saw more than there is now.
   */
  read(partition: number, from: number, signal?: AbortSignal): Promise<Chunk>;
  /** The offset that the next record gets. */
  end(partition: number): Promise<number>;
}

/** The logs of one ledger; `control` has one partition, the others `partitions` each. */
export interface Logs extends AsyncDisposable {
  readonly partitions: number;
  readonly events: Log;
  readonly control: Log;
  readonly leaves: Log;
  /**
   * Ends this handle, after the appends already accepted: waiting reads and later calls reject with
   * `log.closed`. Idempotent.
   */
  close(): Promise<void>;
}

export type Topic = 'events' | 'control' | 'leaves';

/** A record is at most one entry of a C2SP tile, whose length is a uint16. */
export const recordBytesMax = 65_535;
/** The records of one append, added up. */
export const appendBytesMax = 16 * 1024 * 1024;
export const partitionsMax = 128;
export const chunkRecordsMax = 1024;
export const chunkBytesMax = 1024 * 1024;
