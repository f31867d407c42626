/**
 * Reads everything again that the ledger has on its disk, slowly: a record of years ago is needed only on the day that
 * a state is rebuilt, and that is too late to hear that it was damaged. Every row has a checksum of its own.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { OperatingFault } from '@tidemark/canonical';
import type { Log, Logs } from '@tidemark/log';
import type { EngineOptions } from './engineParts.ts';
import type { ShardPool } from './shardPool.ts';

/** What is read at once. */
const PIECE_BYTES = 1 << 20;
/** Between the end of one round and the next. */
const REST_MS = 24 * 3_600_000;
/** Where a database is being opened anew, or a shard started. */
const AGAIN_MS = 5_000;

/** A database, in pieces. */
interface Scrubbed {
  scrub(
    after: Uint8Array | undefined,
    bytesMax: number,
  ): Promise<{ readonly after: Uint8Array | undefined; readonly bytes: number }>;
}

/**
 * Round after round, until the signal aborts. Each is told to the observer.
 * @throws BrokenInvariant `log.corrupt`, `log.gap`, `state.corrupt`: which record or row is not what was written
 */
export async function scrub(
  logs: Logs,
  shards: Pick<ShardPool, 'scrub'>,
  publisher: () => Scrubbed,
  { scrubBytesPerSecond, observer }: Pick<EngineOptions, 'scrubBytesPerSecond' | 'observer'>,
  signal: AbortSignal,
  sleep: Pause = pauseFor,
): Promise<void> {
  if (scrubBytesPerSecond === undefined) return;
  const pause = (ms: number): Promise<void> => sleep(ms, signal);
  const pace: Pace = {
    rest: (bytes) => pause((bytes * 1000) / scrubBytesPerSecond),
    again: () => pause(AGAIN_MS),
    signal,
  };
  while (!signal.aborted) {
    let sum = await scrubLog(logs.control, 0, pace);
    for (let partition = 0; partition < logs.partitions; partition++) {
      sum += await scrubLog(logs.events, partition, pace);
      sum += await scrubLog(logs.leaves, partition, pace);
      const scrub: Scrubbed['scrub'] = (after, max) => shards.scrub(partition, after, max);
      sum += await scrubState({ scrub }, pace);
    }
    const scrub: Scrubbed['scrub'] = (after, max) => publisher().scrub(after, max);
    sum += await scrubState({ scrub }, pace);
    if (!signal.aborted) observer?.scrubbed(sum);
    await pause(REST_MS);
  }
}

/** Resolves after so many milliseconds, or when the signal aborts. */
type Pause = (ms: number, signal: AbortSignal) => Promise<void>;

interface Pace {
  /** After so many bytes. */
  readonly rest: (bytes: number) => Promise<void>;
  readonly again: () => Promise<void>;
  readonly signal: AbortSignal;
}

async function scrubLog(
  log: Log,
  partition: number,
  { rest, again, signal }: Pace,
): Promise<number> {
  const end = await log.end(partition);
  let sum = 0;
  for (let next = 0; next < end && !signal.aborted;) {
    const chunk = await orAgain(() => log.read(partition, next, signal), again);
    const bytes = chunk?.records.reduce((total, record) => total + record.length, 0) ?? 0;
    next += chunk?.records.length ?? 0;
    sum += bytes;
    await rest(bytes);
  }
  return sum;
}

async function scrubState(state: Scrubbed, { rest, again, signal }: Pace): Promise<number> {
  let sum = 0;
  for (let after: Uint8Array | undefined; !signal.aborted;) {
    const piece = await orAgain(() => state.scrub(after, PIECE_BYTES), again);
    if (piece === undefined) continue;
    sum += piece.bytes;
    await rest(piece.bytes);
    if (piece.after === undefined) break;
    after = piece.after;
  }
  return sum;
}

/** What a read gives; undefined after a while where it is not to be had for now: others look after that. */
async function orAgain<T>(
  read: () => Promise<T>,
  again: () => Promise<void>,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof OperatingFault)) throw error;
    await again();
    return undefined;
  }
}

async function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal, ref: false }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
