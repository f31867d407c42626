/**
 * A checkpoint of the control log's fold: where to go on without reading the log from its start.
 *
 * It holds nothing but offsets, taken right behind a `sealed` record that settled a cut. All that decides
 * about later records is there again: what is in force, and parts of documents still to come together,
 * follow from the kept records, which are accepted anew with every signature; the chain follows from that
 * cut and the one in flight behind it. So whoever goes on from it decides as whoever began at offset 0.
 *
 * That its offsets are the right ones is not for the checkpoint to say. A subtree record that a shard
 * signed states a digest over all of this at its cut's control offset, and a checkpoint serves only states
 * whose cut covers more of the log: who opens one holds that digest against the fold's.
 */
import { BrokenInvariant, fromUtf8, readJson, utf8 } from '@tidemark/canonical';
import { demandNoTruncation, type Log } from '@tidemark/log';
import type { ControlFold, Cut } from './control.ts';
import { ROW, rowKey, type Rows } from './rows.ts';

export interface ControlCheckpoint {
  /** The offset of the next record to fold. */
  readonly next: number;
  /** Offsets below it of what put something into force or still may, ascending; genesis apart. */
  readonly kept: readonly number[];
  /** Offsets of the cut that is settled last and of the one behind it, if there is one. */
  readonly cuts: readonly number[];
}

/** Checkpoints kept: the last one, and one in case a void takes back the cut which that was stored with. */
const KEPT = 2;

/**
 * Brings a fold that has read nothing to a checkpoint.
 * @throws BrokenInvariant `log.truncated`; `state.control` where it is none of this log; `log.foreign`
 */
export async function resumeControl(
  fold: ControlFold,
  checkpoint: ControlCheckpoint,
  log: Log,
): Promise<void> {
  const { next, kept, cuts } = checkpoint;
  demandNoTruncation('control', 0, await log.end(0), next);
  const offsets = [0, ...kept, ...cuts].toSorted((a, b) => a - b);
  if (!offsets.every((offset) => offset >= 0 && offset < next)) throw noCheckpoint();
  const records = new Map<number, Uint8Array>();
  let chunk = await log.read(0, 0);
  for (const offset of offsets) {
    if (offset >= chunk.first + chunk.records.length) chunk = await log.read(0, offset);
    // A copy: what was read may be a view of far more.
    records.set(offset, new Uint8Array(chunk.records[offset - chunk.first]!));
  }
  fold.resume(checkpoint, (offset) => records.get(offset)!);
}

/** Puts the checkpoint of a cut down, if there is one that is good for it; of those before, the oldest go. */
export async function putCheckpoint(rows: Rows, { n, checkpoint }: Cut): Promise<void> {
  if (checkpoint === undefined) return;
  const before: number[] = [];
  for await (const { number } of rows.range(ROW.control, 0, n - 1)) before.push(number);
  for (const number of before.slice(0, 1 - KEPT)) rows.delete(rowKey(ROW.control, 0, number));
  rows.put(rowKey(ROW.control, 0, n), utf8(JSON.stringify(checkpoint)));
}

/** The newest checkpoint that is good for a state as of cut n. */
export async function checkpointAt(rows: Rows, n: number): Promise<ControlCheckpoint | undefined> {
  const row = await rows.latest(ROW.control, n);
  return row && decodeCheckpoint(row.value);
}

/** The halt for a checkpoint that this log did not give. */
export function noCheckpoint(cause?: unknown): BrokenInvariant {
  const message = 'a stored checkpoint of the control log does not fit it';
  const remedy = 'delete this state, it is rebuilt from the log';
  return new BrokenInvariant('state.control', `${message}; ${remedy}`, { cause });
}

function decodeCheckpoint(row: Uint8Array): ControlCheckpoint {
  let value: unknown;
  try {
    value = readJson(fromUtf8(row));
  } catch (cause) {
    throw noCheckpoint(cause);
  }
  if (!isCheckpoint(value)) throw noCheckpoint();
  return value;
}

/** Whether a value that comes from a database has a checkpoint's form. */
export function isCheckpoint(value: unknown): value is ControlCheckpoint {
  const { next, kept, cuts } = (value ?? {}) as Partial<ControlCheckpoint>;
  const isList = (list: unknown): boolean =>
    Array.isArray(list) && list.every((offset) => Number.isSafeInteger(offset));
  return Number.isSafeInteger(next) && isList(kept) && isList(cuts);
}
