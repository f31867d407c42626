/**
 * JSON in its three spellings.
 *
 * - *OLPC canonical JSON* ({@link canonicalText}): what TUF clients sign. Members sorted by code point, no
 *   white space, integers only, and in strings only `\` and `"` are escaped: the newlines of a PEM key stand raw,
 *   so the text need not be valid JSON. http://wiki.laptop.org/go/Canonical_JSON
 * - *Record text* ({@link recordText}): RFC 8785 (JCS), restricted to integers: always valid JSON. Equal to the
 *   former wherever no control character and no member name beyond the BMP occurs.
 * - Whatever others write, which {@link parseJson} reads strictly.
 */

import canonicalize from 'canonicalize';
import { compareText, utf8 } from './bytes.ts';
import { BrokenInvariant, RejectedInput } from './failure.ts';

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json;
}

const recordDepthMax = 64;

/** Whether a value is an object with members: no array, and not null. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * OLPC canonical JSON as text.
 * @throws RejectedInput `json.number` (not an integer of |n| ≤ 2^53 − 1, or −0), `json.surrogate` (a lone surrogate)
 */
export function canonicalText(value: Json): string {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'number':
      checkInteger(value);
      return String(value);
    case 'boolean':
      return value ? 'true' : 'false';
    default:
      if (value === null) return 'null';
      if (typeof value !== 'object') throw notJson(value);
      return isArray(value) ? arrayText(value) : objectText(value);
  }
}

/** OLPC canonical JSON as UTF-8 bytes: what a TUF signature covers. Errors as {@link canonicalText}. */
export function encodeCanonical(value: Json): Uint8Array {
  return utf8(canonicalText(value));
}

/**
 * RFC 8785 text of a value of integers, for records in logs.
 * @throws RejectedInput `json.number`, `json.surrogate`, `json.too_deep` (more than 64 levels)
 */
export function recordText(value: Json): string {
  checkValue(value, recordDepthMax);
  const text = canonicalize(value);
  if (text === undefined) throw notJson(value);
  return text;
}

/**
 * Checks a parsed value against everything JSON's own grammar lets through.
 * @param depthMax how many arrays and objects may stand inside each other
 * @returns the number of members of all objects in it
 * @throws RejectedInput `json.number`, `json.surrogate`, `json.too_deep`
 */
export function checkValue(value: Json, depthMax: number): number {
  if (typeof value === 'string') {
    checkWellFormed(value);
    return 0;
  }
  if (typeof value === 'number') checkInteger(value);
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return 0;
  if (typeof value !== 'object') throw notJson(value);
  if (depthMax < 1) throw new RejectedInput('json.too_deep', 'nested too deeply');
  let members = 0;
  if (isArray(value)) {
    for (const item of value) members += checkValue(item, depthMax - 1);
    return members;
  }
  for (const name of Object.keys(value)) {
    checkWellFormed(name);
    members += 1 + checkValue(member(value, name), depthMax - 1);
  }
  return members;
}

function arrayText(items: readonly Json[]): string {
  let text = '[';
  let separator = '';
  for (const item of items) {
    text += separator + canonicalText(item);
    separator = ',';
  }
  return `${text}]`;
}

function objectText(object: JsonObject): string {
  const names = Object.keys(object).sort();
  // The default order is by UTF-16 unit; it is the order by code point unless a surrogate occurs.
  if (names.some((name) => SURROGATE.test(name))) names.sort(compareText);
  let text = '{';
  let separator = '';
  for (const name of names) {
    text += `${separator}${quote(name)}:${canonicalText(member(object, name))}`;
    separator = ',';
  }
  return `${text}}`;
}

const SURROGATE = /[\ud800-\udfff]/;
const ESCAPED = /["\\]/g;

function quote(text: string): string {
  checkWellFormed(text);
  return `"${text.replace(ESCAPED, '\\$&')}"`;
}

function checkInteger(value: number): void {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
    throw new RejectedInput('json.number', `not an integer below 2^53: ${String(value)}`);
  }
}

function checkWellFormed(text: string): void {
  if (!text.isWellFormed()) throw new RejectedInput('json.surrogate', 'a lone surrogate');
}

function member(object: JsonObject, name: string): Json {
  const value = object[name];
  if (value === undefined) throw notJson(value);
  return value;
}

function isArray(value: readonly Json[] | JsonObject): value is readonly Json[] {
  return Array.isArray(value);
}

/** The types exclude such values, so it is our own mistake. */
function notJson(value: unknown): BrokenInvariant {
  return new BrokenInvariant('json.type', `not a JSON value: ${typeof value}`);
}
