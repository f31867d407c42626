/** Signature checks by node:crypto, for servers; root may hold RSA and ECDSA keys, which only these know. */

import { constants, createPublicKey, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { verifyEd25519Native } from '@tidemark/canonical/native';
import type { Verifiers } from './keys.ts';

export const nativeVerifiers: Verifiers = {
  ed25519: verifyEd25519Native,
  ecdsaP256: (publicKey, message, signature) => {
    const key = pemKey(publicKey);
    if (key?.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return false;
    return verify('sha256', message, { key, dsaEncoding: 'der' }, signature);
  },
  rsaPss: (publicKey, message, signature) => {
    const key = pemKey(publicKey);
    if (key?.asymmetricKeyType !== 'rsa') return false;
    return verify('sha256', message, { key, padding: constants.RSA_PKCS1_PSS_PADDING }, signature);
  },
};

/** Undefined for a PEM that is none: a key that cannot be read verifies nothing. */
function pemKey(pem: string): KeyObject | undefined {
  // A private key's PEM would be accepted too, and its public half used: metadata must not hold one.
  if (!pem.startsWith('-----BEGIN PUBLIC KEY-----\n')) return undefined;
  try {
    return createPublicKey(pem);
  } catch {
    return undefined;
  }
}
