/**
 * Events of one intake, in order, signed with its key: what an intake appends to a partition of events.
 *
 *   {type: "batch", v, ledger, partition, intake, seq, time, subjects: [string …], events: [event …]}
 *
 * The only record read at the log's full rate (100,000 events a second and core), so it is checked by hand: every known
 * field by its range, and everything else (unknown and repeated fields, order, spelling of numbers) at once, by comparing
 * the text with the encoding of what was understood.
 */

import { RejectedInput, toHex } from '@tidemark/canonical';
import type { Json, JsonObject } from '@tidemark/canonical';
import type { Signer } from '@tidemark/canonical/native';
import { encodeEvent, endOfEvent, isEvent } from './event.ts';
import type { Event } from './event.ts';
import { frameBytes, frameText } from './frame.ts';
import { keyIdOfPublic } from './keys.ts';
import { partitionsMax, recordBytesMax } from './shape.ts';

export interface BatchHeader {
  readonly ledger: string;
  readonly partition: number;
  /** Id of the intake's run, 1 to 64 of `[A-Za-z0-9._-]`. */
  readonly intake: string;
  /** Position among the batches of the run for this partition: makes a resend harmless. */
  readonly seq: number;
  /** Milliseconds since the epoch, by the intake's clock. */
  readonly time: number;
  /** On whose behalf: printable ASCII without `"` and `\`, 1 to 256 characters each; events refer to them by index. */
  readonly subjects: readonly string[];
}

export interface BatchSigned extends BatchHeader {
  readonly type: 'batch';
  readonly v: 1;
  readonly events: readonly Event[];
}

export const batchEventsMax = 1_024;
export const batchSubjectsMax = 256;

const ENCODER = new TextEncoder();

/**
 * A signed batch of events already encoded.
 * @param events 1 to {@link batchEventsMax} texts of `encodeEvent`
 * @throws RejectedInput `record.too_large`, `record.shape` where something is not ASCII
 */
export function encodeBatch(
  header: BatchHeader,
  events: readonly string[],
  signer: Signer,
): Uint8Array {
  const signed = batchText(header, events);
  const length = frameBytes(1) + signed.length;
  if (length > recordBytesMax || events.length > batchEventsMax) {
    throw new RejectedInput('record.too_large', `a batch of ${length} bytes`);
  }
  // All of it is ASCII, so that its length in bytes is known and it is written once, in its place.
  const bytes = new Uint8Array(length);
  const start = frameBytes(1) - 1;
  const { read } = ENCODER.encodeInto(`${signed}}`, bytes.subarray(start));
  if (read <= signed.length) throw new RejectedInput('record.shape', 'a batch is ASCII');
  const sig = toHex(signer.sign(bytes.subarray(start, length - 1)));
  const frame = frameText([{ keyid: keyIdOfPublic(signer.publicKey), sig }], '');
  ENCODER.encodeInto(frame.slice(0, -1), bytes);
  return bytes;
}

/**
 * Bytes of a signed batch without events. Each event adds the length of its text, and one for the comma after the first.
 */
export function batchBytes(header: BatchHeader): number {
  return frameBytes(1) + batchText(header, []).length;
}

/** The canonical text of a batch's signed part. */
function batchText(header: BatchHeader, events: readonly string[]): string {
  const { ledger, partition, intake, seq, time, subjects } = header;
  const by = subjects.map((subject) => `"${subject}"`).join(',');
  return (
    `{"events":[${events.join(',')}],"intake":"${intake}","ledger":"${ledger}",` +
    `"partition":${partition},"seq":${seq},"subjects":[${by}],"time":${time},"type":"batch","v":1}`
  );
}

/**
 * Whether a text is that of a valid batch: {@link isBatch} and {@link textOfBatch} at once, without encoding the events.
 * @param text of the whole record
 * @param start where its signed part begins
 * @param signed what `readJson` made of that part
 */
export function isBatchText(
  text: string,
  start: number,
  signed: JsonObject,
): signed is BatchSigned & JsonObject {
  if (!isHeader(signed)) return false;
  const { events, subjects } = signed;
  const whole = batchText(signed, []);
  let at = start + EVENTS.length;
  if (!text.startsWith(EVENTS, start)) return false;
  for (let i = 0; i < events.length; i++) {
    if (i > 0 && text[at++] !== ',') return false;
    at = endOfEvent(text, at, events[i]!, subjects.length);
    if (at < 0) return false;
  }
  const rest = whole.length - EVENTS.length;
  return text.length === at + rest + 1 && text.endsWith(`${whole.slice(EVENTS.length)}}`);
}

/** Whether every known field of a batch is in its range; see above for the rest. */
export function isBatch(signed: JsonObject): signed is BatchSigned & JsonObject {
  if (!isHeader(signed)) return false;
  const { events, subjects } = signed;
  return events.every((event) => isEvent(event, subjects.length));
}

/** The text of a batch that {@link isBatch} accepted. */
export function textOfBatch(batch: BatchSigned): string {
  return batchText(batch, batch.events.map(encodeEvent));
}

function isHeader(
  signed: JsonObject,
): signed is JsonObject & BatchHeader & { readonly events: readonly Json[] } {
  const { ledger, partition, intake, seq, time, subjects, events } = signed;
  if (typeof ledger !== 'string' || !LEDGER.test(ledger)) return false;
  if (typeof intake !== 'string' || !INTAKE.test(intake)) return false;
  if (!isCount(partition) || partition >= partitionsMax || !isCount(seq) || !isCount(time)) {
    return false;
  }
  if (!isList(subjects, batchSubjectsMax) || !isList(events, batchEventsMax)) return false;
  return subjects.every((subject) => typeof subject === 'string' && SUBJECT.test(subject));
}

const EVENTS = '{"events":[';
const LEDGER = /^[0-9a-f]{32}$/;
const INTAKE = /^[A-Za-z0-9._-]{1,64}$/;
const SUBJECT = /^[!#-[\]-~]{1,256}$/;

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isList(value: unknown, max: number): value is readonly unknown[] {
  return Array.isArray(value) && value.length > 0 && value.length <= max;
}
