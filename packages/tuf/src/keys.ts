/**
 * Public keys and single signatures.
 * https://theupdateframework.github.io/specification/latest/#role-and-key
 */

import { encodeCanonical, fromHex, sha256Hex, verifyEd25519 } from '@tidemark/canonical';
import type { Json, JsonObject } from '@tidemark/canonical';
import { readObject, readString } from './read.ts';

/** A public key as metadata states it. Ed25519: 64 lower-case hex digits; others: SPKI PEM. */
export interface Key {
  readonly keytype: string;
  readonly scheme: string;
  readonly keyval: { readonly public: string };
}

/** How a signature of each scheme is checked. False, never an error, for anything malformed. */
export interface Verifiers {
  /** @param publicKey 32 bytes @param signature 64 bytes */
  ed25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  /** ECDSA on P-256 over SHA-256. @param publicKey SPKI PEM @param signature DER */
  ecdsaP256(publicKey: string, message: Uint8Array, signature: Uint8Array): boolean;
  /** RSASSA-PSS with SHA-256. @param publicKey SPKI PEM */
  rsaPss(publicKey: string, message: Uint8Array, signature: Uint8Array): boolean;
}

/**
 * Runs everywhere, but knows Ed25519 only: browsers have ECDSA and RSA only asynchronously. `./native` knows all three.
 */
export const portableVerifiers: Verifiers = {
  ed25519: verifyEd25519,
  ecdsaP256: () => false,
  rsaPss: () => false,
};

/** @param publicHex 64 lower-case hex digits */
export function ed25519Key(publicHex: string): Key {
  return { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: publicHex } };
}

/**
 * Reads a key. Unknown types and schemes are kept, as the specification asks, and verify nothing.
 * @throws RejectedInput `tuf.key`
 */
export function parseKey(json: Json): Key {
  const key = readObject(json, 'tuf.key', 'key');
  const keyval = readObject(key['keyval'], 'tuf.key', 'keyval');
  return {
    keytype: readString(key['keytype'], 'tuf.key', 'keytype'),
    scheme: readString(key['scheme'], 'tuf.key', 'scheme'),
    keyval: { public: readString(keyval['public'], 'tuf.key', 'public') },
  };
}

/** The key as JSON, with exactly the fields that its id covers. */
export function keyJson(key: Key): JsonObject {
  return {
    keytype: key.keytype,
    keyval: { public: key.keyval.public },
    scheme: key.scheme,
  };
}

/** SHA-256 of the canonical key object, 64 lower-case hex digits. */
export function keyIdOf(key: Key): string {
  return sha256Hex(encodeCanonical(keyJson(key)));
}

/**
 * @param signature hex, of either case: clients differ in what they accept, and the case proves nothing
 * @returns whether it verifies; false for keys and signatures that are malformed or of unknown schemes
 */
export function verifySignature(
  key: Key,
  message: Uint8Array,
  signature: string,
  verifiers: Verifiers,
): boolean {
  const bytes = hexBytes(signature);
  if (bytes === undefined) return false;
  const { scheme, keytype } = key;
  if (scheme === 'ed25519' && keytype === 'ed25519') {
    const publicKey = hexBytes(key.keyval.public);
    return publicKey !== undefined && verifiers.ed25519(publicKey, message, bytes);
  }
  if (scheme === 'ecdsa-sha2-nistp256' && (keytype === 'ecdsa' || keytype === scheme)) {
    return verifiers.ecdsaP256(key.keyval.public, message, bytes);
  }
  if (scheme === 'rsassa-pss-sha256' && keytype === 'rsa') {
    return verifiers.rsaPss(key.keyval.public, message, bytes);
  }
  return false;
}

function hexBytes(hex: string): Uint8Array | undefined {
  return /^(?:[0-9a-fA-F]{2})+$/.test(hex) ? fromHex(hex.toLowerCase()) : undefined;
}
