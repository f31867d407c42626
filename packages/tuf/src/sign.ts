/** Making envelopes. */

import {
  BrokenInvariant,
  compareText,
  encodeCanonical,
  recordText,
  toHex,
  utf8,
} from '@tidemark/canonical';
import type { JsonObject } from '@tidemark/canonical';
import type { Signer } from '@tidemark/canonical/native';
import { ed25519Key, keyIdOf } from './keys.ts';
import type { Key } from './keys.ts';

/** A signer whose key is not Ed25519, or is stated in full: root's RSA and ECDSA keys. */
export interface KeySigner {
  readonly key: Key;
  sign(message: Uint8Array): Uint8Array;
}

/**
 * Signs the canonical bytes of `signed` with every signer.
 * @returns the file: see {@link encodeEnvelope}; the signatures are in order of key id, whatever the signers' order
 * @throws BrokenInvariant `tuf.signer_twice`
 */
export function signMetadata(
  signed: JsonObject,
  signers: readonly (Signer | KeySigner)[],
): Uint8Array {
  const message = encodeCanonical(signed);
  const signatures = signers
    .map((signer) => ({
      keyid: keyIdOf('key' in signer ? signer.key : ed25519Key(signer.publicKey)),
      sig: toHex(signer.sign(message)),
    }))
    .toSorted((a, b) => compareText(a.keyid, b.keyid));
  if (new Set(signatures.map(({ keyid }) => keyid)).size < signatures.length) {
    throw new BrokenInvariant('tuf.signer_twice', 'one key was to sign twice');
  }
  return encodeEnvelope({ signatures, signed });
}

/**
 * The bytes of a metadata file: JCS, which is valid JSON even where canonical JSON is not (the newlines of a PEM key),
 * and the same elsewhere. Unknown fields of a parsed file come out as they went in.
 */
export function encodeEnvelope(json: JsonObject): Uint8Array {
  return utf8(recordText(json));
}
