/** Who signed: keys by their TUF ids, and the check of a record against them. */

import { fromHex } from '@tidemark/canonical';
import { ed25519Key, keyIdOf } from '@tidemark/tuf';
import type { Signature } from './frame.ts';

/** Ed25519: 32-byte key, message, 64-byte signature; false, never an error, for anything malformed. */
export type Verify = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;

/** An id takes a hundred times as long as all else about a small record, and few keys sign everything. */
const ids = new Map<string, string>();
const IDS_MAX = 1024;

/** Id of an Ed25519 key (64 hex digits) as in TUF. */
export function keyIdOfPublic(publicKey: string): string {
  const known = ids.get(publicKey);
  if (known !== undefined) return known;
  const id = keyIdOf(ed25519Key(publicKey));
  if (ids.size >= IDS_MAX) ids.clear();
  ids.set(publicKey, id);
  return id;
}

/** Ed25519 public keys (64 hex digits) by their ids. */
export type KeySet = ReadonlyMap<string, string>;

/** The set of some public keys, 64 hex digits each. */
export function keysById(publicKeys: readonly string[]): KeySet {
  return new Map(publicKeys.map((publicKey) => [keyIdOfPublic(publicKey), publicKey]));
}

/**
 * Whether enough of the keys signed a record. Unknown keys, invalid signatures and a key's second signature count
 * nothing.
 * @param record one that `decodeRecord` gave
 * @param threshold how many of them have to have signed, from 1
 */
export function verifyRecord(
  record: { readonly signatures: readonly Signature[]; readonly signedBytes: Uint8Array },
  keys: KeySet,
  threshold: number,
  verify: Verify,
): boolean {
  const signers = new Set<string>();
  for (const { keyid, sig } of record.signatures) {
    const publicKey = keys.get(keyid);
    if (publicKey === undefined || signers.has(publicKey)) continue;
    if (verify(fromHex(publicKey), record.signedBytes, fromHex(sig))) signers.add(publicKey);
  }
  return threshold >= 1 && signers.size >= threshold;
}
