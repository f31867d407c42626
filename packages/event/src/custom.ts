/** What an uploader may attach to a target: it is published as it stands, so it must suit every TUF client. */

import { canonicalText } from '@tidemark/canonical';
import type { Json, JsonObject } from '@tidemark/canonical';

const customBytesMax = 4_096;
const customDepthMax = 8;

/**
 * Whether a value is a non-empty object of printable ASCII, integers and booleans, at most 4,096 bytes as canonical JSON
 * and 8 levels. Other text is escaped differently by different clients; null and names like array indices are lost or
 * reordered when some of them encode the file again before they verify it.
 */
export function isCustom(value: Json): value is JsonObject {
  return acceptableText(value) !== undefined;
}

/** The canonical text of a value that {@link isCustom} accepted. */
export function customText(custom: JsonObject): string {
  return isSorted(custom) ? JSON.stringify(custom) : canonicalText(custom);
}

/** The canonical text of a value if it is acceptable and its members stand in canonical order already. */
export function orderedCustomText(value: Json): string | undefined {
  const text = acceptableText(value);
  return text !== undefined && isSorted(value) ? text : undefined;
}

/** Of acceptable values JSON.stringify gives the canonical text but for the order of members. */
function acceptableText(value: Json): string | undefined {
  if (typeof value !== 'object' || value === null || isList(value)) return undefined;
  if (!isPlain(value, customDepthMax)) return undefined;
  const text = JSON.stringify(value);
  return text.length <= customBytesMax && text !== '{}' && PRINTABLE.test(text) ? text : undefined;
}

/** JSON of printable ASCII strings: everything else stands in it as itself or as another escape. */
const PRINTABLE = /^[ -[\]-~]*(?:\\["\\][ -[\]-~]*)*$/;
const ARRAY_INDEX = /^(?:0|[1-9][0-9]*)$/;

/** Everything but the characters of strings. */
function isPlain(value: Json, depth: number): boolean {
  if (typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isSafeInteger(value) && !Object.is(value, -0);
  if (value === null || depth < 1) return false;
  if (isList(value)) return value.every((item) => isPlain(item, depth - 1));
  for (const name of Object.keys(value)) {
    if (ARRAY_INDEX.test(name) || !isPlain(value[name] ?? null, depth - 1)) return false;
  }
  return true;
}

function isSorted(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (isList(value)) return value.every(isSorted);
  let previous = '';
  for (const name of Object.keys(value)) {
    if (name < previous || !isSorted(value[name] ?? null)) return false;
    previous = name;
  }
  return true;
}

function isList(value: readonly Json[] | JsonObject): value is readonly Json[] {
  return Array.isArray(value);
}
