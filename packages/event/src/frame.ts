/**
 * The outer shape of every record, as in TUF:
 *
 *   {"signatures":[{"keyid":<64 hex>,"sig":<128 hex>}, …],"signed":{…}}
 *
 * All Ed25519, so a signature has a fixed length, and the bytes that are signed are a slice of the record: neither
 * signing nor verifying encodes anything a second time.
 */

import { RejectedInput, sha256, toHex } from '@tidemark/canonical';
import type { Sha256 } from '@tidemark/canonical';

export interface Signature {
  /** The key's id as in TUF, 64 hex digits. */
  readonly keyid: string;
  /** Ed25519, 128 hex digits. */
  readonly sig: string;
}

export const signaturesMax = 16;

/** A record's text around the text of what is signed. */
export function frameText(signatures: readonly Signature[], signed: string): string {
  const list = signatures.map(({ keyid, sig }) => `{"keyid":"${keyid}","sig":"${sig}"}`).join(',');
  return `${OPENING}${list}${MIDDLE}${signed}}`;
}

/** Bytes of a record with so many signatures besides those of what is signed. */
export function frameBytes(signatures: number): number {
  const list = signatures * SIGNATURE_BYTES + Math.max(0, signatures - 1);
  return OPENING.length + list + MIDDLE.length + 1;
}

/**
 * The bytes that a record's signatures cover, without a copy.
 * @throws RejectedInput `record.shape`
 */
export function signedSlice(record: Uint8Array): Uint8Array {
  for (let signatures = 0; signatures <= signaturesMax; signatures++) {
    const start = frameBytes(signatures) - 1;
    if (endsWithMiddle(record, start)) return record.subarray(start, record.length - 1);
  }
  throw new RejectedInput('record.shape', 'not a record');
}

/**
 * A record's hash, by which others refer to it: of what is signed, so that it does not depend on who signed.
 * @returns 64 hex digits
 * @throws RejectedInput `record.shape`
 */
export function recordHash(record: Uint8Array, hash: Sha256 = sha256): string {
  return toHex(hash(signedSlice(record)));
}

const OPENING = '{"signatures":[';
const MIDDLE = '],"signed":';
const SIGNATURE_BYTES = '{"keyid":"","sig":""}'.length + 64 + 128;

function endsWithMiddle(record: Uint8Array, end: number): boolean {
  if (record.length <= end) return false;
  for (let i = 0; i < MIDDLE.length; i++) {
    if (record[end - MIDDLE.length + i] !== MIDDLE.charCodeAt(i)) return false;
  }
  return true;
}
