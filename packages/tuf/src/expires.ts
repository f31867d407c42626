/** The one spelling of `expires` that every client reads: https://theupdateframework.github.io/specification/latest/#metaformat-expires */

import { BrokenInvariant, RejectedInput } from '@tidemark/canonical';

/**
 * `YYYY-MM-DDTHH:MM:SSZ`, rounded down to the second.
 * @param ms milliseconds since the epoch, up to the year 9999
 * @throws BrokenInvariant `tuf.expires_range`
 */
export function formatExpires(ms: number): string {
  if (!(ms >= 0 && ms <= LAST_MS)) {
    throw new BrokenInvariant('tuf.expires_range', `no date can be written for ${ms} ms`);
  }
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/**
 * Milliseconds since the epoch.
 * @throws RejectedInput `tuf.expires` for any other spelling, also those that only some clients read
 */
export function parseExpires(text: string): number {
  const ms = SPELLING.test(text) ? Date.parse(text) : Number.NaN;
  // Date.parse turns the 30th of February into March: only a date that comes back is one.
  if (!(ms >= 0) || formatExpires(ms) !== text) {
    throw new RejectedInput('tuf.expires', `not YYYY-MM-DDTHH:MM:SSZ: ${text.slice(0, 40)}`);
  }
  return ms;
}

const SPELLING = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
