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
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return (
    Object.keys(value).length > 0 &&
    isPlain(value, customDepthMax) &&
    canonicalText(value).length <= customBytesMax
  );
}

const PRINTABLE = /^[ -~]*$/;
const ARRAY_INDEX = /^(?:0|[1-9][0-9]*)$/;

function isPlain(value: Json, depth: number): boolean {
  switch (typeof value) {
    case 'string':
      return PRINTABLE.test(value);
    case 'number':
      return Number.isSafeInteger(value) && !Object.is(value, -0);
    case 'boolean':
      return true;
    default:
      if (value === null || typeof value !== 'object' || depth < 1) return false;
      if (Array.isArray(value)) return value.every((item: Json) => isPlain(item, depth - 1));
      return Object.entries(value).every(
        ([name, item]) =>
          PRINTABLE.test(name) && !ARRAY_INDEX.test(name) && isPlain(item, depth - 1),
      );
  }
}
