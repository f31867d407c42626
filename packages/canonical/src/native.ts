/** SHA-256 and Ed25519 by node:crypto: for servers' hot paths. Results equal those of the portable functions. */

import { createPrivateKey, createPublicKey, hash, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { concat, fromHex, toHex } from './bytes.ts';
import { RejectedInput } from './failure.ts';

/** Holds one Ed25519 key. Deterministic: the same message always gives the same signature. */
export interface Signer {
  /** 64 lower-case hex digits. */
  readonly publicKey: string;
  /** @returns 64 bytes */
  sign(message: Uint8Array): Uint8Array;
}

/** SHA-256, 32 bytes. */
export function sha256Native(data: Uint8Array): Uint8Array {
  // By way of a string of bytes: a digest as a Buffer takes several times as long as the hash of a node.
  const text = hash('sha256', data, 'binary');
  const digest = new Uint8Array(32);
  for (let i = 0; i < 32; i++) digest[i] = text.charCodeAt(i);
  return digest;
}

/** SHA-256 as 64 lower-case hex digits; a string is hashed as UTF-8. */
export function sha256HexNative(data: Uint8Array | string): string {
  return hash('sha256', data, 'hex');
}

/**
 * Verifies as `verifyEd25519` does, about a hundred times faster.
 * @param publicKey 32 bytes
 * @param signature 64 bytes
 * @returns whether it verifies; false, never an error, for malformed keys and signatures
 */
export function verifyEd25519Native(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  if (isSmallOrder(signature.subarray(0, 32))) return false;
  const key = cachedKey(publicKey);
  return key !== undefined && verify(null, message, key, signature);
}

/**
 * @param seed the 32-byte private key of RFC 8032
 * @throws RejectedInput `key.seed`
 */
export function createSigner(seed: Uint8Array): Signer {
  if (seed.length !== 32) throw new RejectedInput('key.seed', 'an Ed25519 seed has 32 bytes');
  const key = createPrivateKey({
    key: Buffer.from(concat(PKCS8_PREFIX, seed)),
    format: 'der',
    type: 'pkcs8',
  });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return {
    publicKey: toHex(spki.subarray(SPKI_PREFIX.length)),
    sign: (message) => sign(null, message, key),
  };
}

// RFC 8410: the DER of an Ed25519 key is constant up to the key's 32 bytes.
const PKCS8_PREFIX = fromHex('302e020100300506032b657004220420');
const SPKI_PREFIX = fromHex('302a300506032b6570032100');

/** Making a KeyObject costs more than verifying with it, and few keys sign nearly everything. */
const keysMax = 4096;
const keys = new Map<string, KeyObject | undefined>();

function cachedKey(publicKey: Uint8Array): KeyObject | undefined {
  const name = Buffer.from(publicKey.buffer, publicKey.byteOffset, 32).toString('latin1');
  if (keys.has(name)) return keys.get(name);
  const key = isStrictKey(publicKey)
    ? createPublicKey({
        key: Buffer.from(concat(SPKI_PREFIX, publicKey)),
        format: 'der',
        type: 'spki',
      })
    : undefined;
  if (keys.size >= keysMax) keys.clear();
  keys.set(name, key);
  return key;
}

/** The y coordinates, little-endian, of the eight points whose order divides 8: ±x share a y. */
const SMALL_ORDER_Y = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000', // order 4
  '0100000000000000000000000000000000000000000000000000000000000000', // the identity
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', // order 2
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', // order 8
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a', // order 8
]);

/** OpenSSL reduces y ≥ p, which is refused here. Off the curve it refuses by itself. */
function isStrictKey(publicKey: Uint8Array): boolean {
  const belowFieldPrime = !/^(e[def]|f[0-9a-f])(ff){30}[7f]f$/.test(toHex(publicKey));
  return belowFieldPrime && !isSmallOrder(publicKey);
}

/** OpenSSL 3.5 refuses small-order A and R, 3.0 accepts both: the verdict must not depend on it. */
function isSmallOrder(point: Uint8Array): boolean {
  const y = Uint8Array.from(point);
  y[31] = (y[31] ?? 0) & 0x7f;
  return SMALL_ORDER_Y.has(toHex(y));
}
