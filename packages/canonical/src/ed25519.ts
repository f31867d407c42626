/**
 * Ed25519 verification wherever JavaScript runs (RFC 8032, section 5.1.7); servers use `./native`.
 *
 * One verdict for every byte string, here, in `./native` and whatever OpenSSL is below: a record valid for one reader
 * and invalid for another would fork the fold. It is the strictest in use, libsodium's: A and R are canonical encodings
 * of points that are not of small order, S < L, and the equation holds without the cofactor, R = S·B − k·A byte for
 * byte. noble's own `verify` multiplies by the cofactor and so accepts crafted signatures (mixed-order A or R)
 * that OpenSSL refuses; hence its point arithmetic is used, not its `verify`.
 */

import { Point } from '@noble/ed25519';
import { sha512 } from '@noble/hashes/sha2.js';
import { concat, equalBytes } from './bytes.ts';

/**
 * @param publicKey 32 bytes
 * @param message any bytes
 * @param signature 64 bytes, R ‖ S
 * @returns whether it verifies; false, never an error, for malformed keys and signatures
 */
export function verifyEd25519(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  const key = decodeKey(publicKey);
  const order = Point.CURVE().n;
  const s = littleEndian(signature.subarray(32));
  if (key === undefined || s >= order) return false;
  const r = signature.subarray(0, 32);
  const k = littleEndian(sha512(concat(r, publicKey, message))) % order;
  const commitment = Point.BASE.multiply(s, false).subtract(key.multiply(k, false));
  return equalBytes(commitment.toBytes(), r) && !commitment.isSmallOrder();
}

/** The point, or undefined if the encoding is not canonical, not on the curve, or of small order. */
function decodeKey(publicKey: Uint8Array): Point | undefined {
  try {
    const point = Point.fromBytes(publicKey, false);
    return point.isSmallOrder() ? undefined : point;
  } catch {
    return undefined;
  }
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] ?? 0);
  return value;
}
