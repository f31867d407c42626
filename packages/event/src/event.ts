/**
 * One event of an upload, from outside and inside a batch.
 *
 *   {"by"?: n, "custom"?: {…}, "expected"?: "absent" | version | sha256, "hashes"?: {"sha256": …}, "id": …,
 *    "length"?: n, "path": …, "type": "target.added" | "target.removed" | "target.yanked"}
 *
 * `length` and `hashes` belong to `target.added` alone, which needs both; `custom` not to `target.removed`. Nothing but
 * `custom` needs an escape in JSON, so encoding is concatenation: batches are read and written at the log's full rate.
 */

import { isObject, RejectedInput } from '@tidemark/canonical';
import type { Json, JsonObject } from '@tidemark/canonical';
import { checkTargetPath, isReservedPath, pathBytesMax, pathSegmentsMax } from '@tidemark/tuf';
import { customText, isCustom, orderedCustomText } from './custom.ts';

export type EventType = 'target.added' | 'target.removed' | 'target.yanked';

export interface Event {
  /** Chosen by the uploader, 1 to 64 of `[A-Za-z0-9._-]` (a UUID is one): makes a resend harmless. */
  readonly id: string;
  readonly type: EventType;
  /** As `checkTargetPath` accepts. */
  readonly path: string;
  /** Bytes of the target. */
  readonly length?: number;
  /** 64 lower-case hex digits. */
  readonly hashes?: { readonly sha256: string };
  readonly custom?: JsonObject;
  /** What must be held for the event to apply: no such target ("absent"), its role's version, its SHA-256. */
  readonly expected?: number | string;
  /** Who asked, as an index into the batch's subjects; absent: 0. Never from outside. */
  readonly by?: number;
}

/**
 * Reads an event from outside.
 * @throws RejectedInput `event.shape` (not an object), `event.unknown_field`, `event.id`, `event.type`,
 *   `event.length`, `event.hash`, `event.custom`, `event.expected`, and `path.*` as `checkTargetPath`
 */
export function parseEvent(json: Json): Event {
  if (!isObject(json)) throw new RejectedInput('event.shape', 'an event is an object');
  for (const name of Object.keys(json)) {
    if (!FIELDS.has(name)) {
      throw new RejectedInput(
        'event.unknown_field',
        `an event has no field ${JSON.stringify(name)}`,
      );
    }
  }
  const fault = faultOf(json, 1);
  if (fault === 'path') {
    const path = json['path'];
    throw (typeof path === 'string' ? pathFault(path) : undefined) ?? noPath();
  }
  if (fault !== undefined) throw new RejectedInput(fault, MESSAGES[fault]);
  if (json['hashes'] !== undefined && Object.keys(json['hashes'] as JsonObject).length !== 1) {
    throw new RejectedInput('event.hash', MESSAGES['event.hash']);
  }
  return json as unknown as Event;
}

/**
 * An event's canonical text, the same as `canonicalText` gives.
 * @param event one that {@link parseEvent} accepted; `by` may have been added
 */
export function encodeEvent(event: Event): string {
  let text = '{';
  if (event.by !== undefined && event.by !== 0) text += `"by":${event.by},`;
  if (event.custom !== undefined) text += `"custom":${customText(event.custom)},`;
  if (event.expected !== undefined) {
    text += `"expected":${typeof event.expected === 'number' ? event.expected : `"${event.expected}"`},`;
  }
  if (event.hashes !== undefined) text += `"hashes":{"sha256":"${event.hashes.sha256}"},`;
  text += `"id":"${event.id}",`;
  if (event.length !== undefined) text += `"length":${event.length},`;
  return `${text}"path":"${event.path}","type":"${event.type}"}`;
}

/**
 * Whether a value has an event's fields with values in their ranges. Unknown fields pass: those of a batch show when it
 * is encoded again.
 * @param subjects how many subjects `by` may point to
 */
export function isEvent(value: unknown, subjects: number): value is Event {
  return isObject(value as Json) && faultOf(value as JsonObject, subjects) === undefined;
}

/**
 * The same and more for an event inside a text, several times faster: whether the text has at `start` the canonical
 * encoding of an event, and nothing that the parser could have read otherwise.
 * @param value what `readJson` made of it
 * @param subjects how many subjects `by` may point to
 * @returns where the encoding ends, or −1
 */
export function endOfEvent(text: string, start: number, value: Json, subjects: number): number {
  if (value === null) return -1;
  const event = value as unknown as Event;
  const { by, custom, expected, length, path } = event;
  const at = custom === undefined ? start : endOfCustom(text, start, event, custom);
  const rest = custom === undefined ? ENCODED : ENCODED_REST;
  rest.lastIndex = at;
  if (at < 0 || !rest.test(text)) return -1;
  if (path.length > pathBytesMax || isReservedPath(path)) return -1;
  if (by !== undefined && by >= subjects) return -1;
  if (length !== undefined && length > Number.MAX_SAFE_INTEGER) return -1;
  if (typeof expected === 'number' && expected > Number.MAX_SAFE_INTEGER) return -1;
  return rest.lastIndex;
}

/** Where the comma after `custom` ends, or −1 if what stands before it is not canonical. */
function endOfCustom(text: string, start: number, { by, type }: Event, custom: JsonObject): number {
  const encoded = type === 'target.removed' ? undefined : orderedCustomText(custom);
  if (encoded === undefined || by === 0) return -1;
  const head = `${by === undefined ? '{' : `{"by":${by},`}"custom":${encoded},`;
  return text.startsWith(head, start) ? start + head.length : -1;
}

const FIELDS = new Set(['id', 'type', 'path', 'length', 'hashes', 'custom', 'expected']);

const MESSAGES = {
  'event.id': 'an id has 1 to 64 characters of A-Z a-z 0-9 . _ -',
  'event.type': 'a type is target.added, target.removed or target.yanked',
  'event.length': 'target.added, and it alone, has a length: a whole number below 2^53',
  'event.hash': 'target.added, and it alone, has hashes: {"sha256": 64 lower-case hex digits}',
  'event.custom':
    'custom is a non-empty object of at most 4096 bytes and 8 levels: printable ASCII, integers, booleans',
  'event.expected': 'expected is "absent", a version from 1, or a SHA-256',
  'event.by': 'by is an index into the subjects, from 1',
} as const;

type Fault = keyof typeof MESSAGES | 'path';

const ID = /^[A-Za-z0-9._-]{1,64}$/;
const SHA256 = /^[0-9a-f]{64}$/;

const SEGMENT = '[A-Za-z0-9_+~!-][A-Za-z0-9._+~!-]*';
const PATH = `${SEGMENT}(?:/${SEGMENT}){0,${pathSegmentsMax - 1}}`;

/** The canonical encoding of an event from `expected` on; what numbers may be at most is left to the caller. */
const REST =
  String.raw`(?:"expected":(?:"absent"|"[0-9a-f]{64}"|[1-9][0-9]{0,15}),)?` +
  String.raw`(?:"hashes":\{"sha256":"[0-9a-f]{64}"\},"id":"[A-Za-z0-9._-]{1,64}",` +
  String.raw`"length":(?:0|[1-9][0-9]{0,15}),"path":"${PATH}","type":"target\.added"` +
  String.raw`|"id":"[A-Za-z0-9._-]{1,64}","path":"${PATH}","type":"target\.(?:removed|yanked)")\}`;
const ENCODED_REST = new RegExp(REST, 'y');
/** All of it, where there is no `custom`. */
const ENCODED = new RegExp(String.raw`\{(?:"by":[1-9][0-9]{0,3},)?${REST}`, 'y');

function faultOf(event: JsonObject, subjects: number): Fault | undefined {
  const { id, type, path, length, hashes, custom, expected, by } = event;
  if (typeof id !== 'string' || !ID.test(id)) return 'event.id';
  const added = type === 'target.added';
  if (!added && type !== 'target.removed' && type !== 'target.yanked') return 'event.type';
  if (typeof path !== 'string' || !isTargetPath(path)) return 'path';
  if (added ? !isCount(length) : length !== undefined) return 'event.length';
  if (added ? !isHashes(hashes) : hashes !== undefined) return 'event.hash';
  if (custom !== undefined && (type === 'target.removed' || !isCustom(custom))) {
    return 'event.custom';
  }
  if (expected !== undefined && !isExpected(expected)) return 'event.expected';
  if (by !== undefined && !(isCount(by) && by > 0 && by < subjects)) return 'event.by';
  return undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isHashes(value: Json | undefined): boolean {
  if (!isObject(value)) return false;
  const sha256 = value['sha256'];
  return typeof sha256 === 'string' && SHA256.test(sha256);
}

function isExpected(value: Json): boolean {
  if (typeof value === 'number') return isCount(value) && value >= 1;
  return value === 'absent' || (typeof value === 'string' && SHA256.test(value));
}

function noPath(): RejectedInput {
  return new RejectedInput('path.empty', 'an event has a path');
}

function isTargetPath(path: string): boolean {
  return pathFault(path) === undefined;
}

function pathFault(path: string): RejectedInput | undefined {
  try {
    checkTargetPath(path);
    return undefined;
  } catch (error) {
    if (error instanceof RejectedInput) return error;
    throw error;
  }
}
