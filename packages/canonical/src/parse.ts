/** Strict reading of JSON written by others: one text, one value, or a coded refusal. */

import { fromUtf8 } from './bytes.ts';
import { RejectedInput } from './failure.ts';
import { canonicalText, checkValue } from './json.ts';
import type { Json } from './json.ts';
import { readJson, stringEnd } from './read.ts';

export interface ParseOptions {
  /** Longest text, in bytes, or in characters where it is a string already; 16 MiB unless given. */
  readonly bytesMax?: number;
  /** Most arrays and objects inside each other; 32 unless given. */
  readonly depthMax?: number;
  /** Accept raw control characters inside strings, as OLPC canonical JSON writes them. */
  readonly olpc?: boolean;
}

const bytesMaxDefault = 16 * 1024 * 1024;
const depthMaxDefault = 32;

/**
 * Parses JSON, as UTF-8 or as text. Beyond the grammar it demands: no byte-order mark, no member twice in an object,
 * integers of |n| ≤ 2^53 − 1 written without fraction, exponent or −0, no lone surrogate.
 * @throws RejectedInput `json.too_large`, `json.utf8`, `json.bom`, `json.syntax`, `json.duplicate_key`,
 *   `json.number`, `json.surrogate`, `json.too_deep`
 */
export function parseJson(json: Uint8Array | string, options: ParseOptions = {}): Json {
  return parseText(decode(json, options.bytesMax ?? bytesMaxDefault), options);
}

/**
 * Parses OLPC canonical JSON and demands that it is exactly that: encoding the value again gives the same bytes.
 * @throws RejectedInput `json.not_canonical`, and as {@link parseJson}
 */
export function parseCanonical(bytes: Uint8Array, options: Omit<ParseOptions, 'olpc'> = {}): Json {
  const text = decode(bytes, options.bytesMax ?? bytesMaxDefault);
  const value = parseText(text, { ...options, olpc: true });
  if (canonicalText(value) !== text) {
    throw new RejectedInput('json.not_canonical', 'not canonical JSON');
  }
  return value;
}

function parseText(text: string, options: ParseOptions): Json {
  if (text.startsWith('\ufeff')) throw new RejectedInput('json.bom', 'a byte-order mark');
  const depthMax = options.depthMax ?? depthMaxDefault;
  const value = readJson(options.olpc === true ? escapeControls(text) : text, depthMax);
  const members = checkValue(value, depthMax);
  // Reading keeps the last of equal members, so a text with more members than its value repeats one.
  if (scanMembers(text) !== members) {
    throw new RejectedInput('json.duplicate_key', 'a member occurs twice');
  }
  return value;
}

/**
 * Counts the members of all objects in a valid text: outside strings each has one colon.
 * @throws RejectedInput `json.number` for a fraction or an exponent, which parsing would hide (`1.0`, `1e2`)
 */
function scanMembers(text: string): number {
  let members = 0;
  let previous = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) i = stringEnd(text, i);
    else if (code === COLON) members++;
    else if (
      code === POINT ||
      ((code | 0x20) === LOWER_E && previous >= ZERO && previous <= NINE)
    ) {
      throw new RejectedInput('json.number', 'a number with a fraction or an exponent');
    }
    previous = code;
  }
  return members;
}

const CONTROL = /[\u0000-\u001f]/; // oxlint-disable-line no-control-regex -- what OLPC leaves raw
const ESCAPE_OR_CONTROL = /\\[^]|[\u0000-\u001f]/g; // oxlint-disable-line no-control-regex -- as above

/** Turns raw control characters inside strings into escapes; white space between tokens stays. */
function escapeControls(text: string): string {
  if (!CONTROL.test(text)) return text;
  const parts: string[] = [];
  let copied = 0;
  for (let i = text.indexOf('"'); i >= 0; i = text.indexOf('"', i + 1)) {
    const end = stringEnd(text, i);
    parts.push(text.slice(copied, i), escapeString(text.slice(i, end)));
    copied = end;
    i = end;
  }
  parts.push(text.slice(copied));
  return parts.join('');
}

/** A control character after a backslash is no escape of either spelling: it stays, and the parser refuses it. */
function escapeString(literal: string): string {
  return literal.replace(ESCAPE_OR_CONTROL, (unit) =>
    unit.length > 1 ? unit : `\\u00${unit.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

function decode(json: Uint8Array | string, bytesMax: number): string {
  if (json.length > bytesMax) {
    throw new RejectedInput('json.too_large', `longer than ${bytesMax} bytes`);
  }
  if (typeof json === 'string') return json;
  try {
    return fromUtf8(json);
  } catch (cause) {
    throw new RejectedInput('json.utf8', 'not valid UTF-8', { cause });
  }
}

const QUOTE = 0x22;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const LOWER_E = 0x65;
