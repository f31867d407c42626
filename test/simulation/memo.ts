// Ed25519 verification, remembered: a dozen processes of one simulation check the same signatures.
//
// It is a pure function, so remembering it changes nothing but the time. What the simulation signed by
// itself, with a real key, is known to verify; everything else is really verified, once.
import crypto from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

const ENTRIES_MAX = 100_000;
const verdicts = new Map<string, boolean>();
const names = new WeakMap<KeyObject, string>();
let isInstalled = false;

/** Takes note of a signature that was just made. @param publicKey hex */
export function rememberSigned(
  publicKey: string,
  message: Uint8Array,
  signature: Uint8Array,
): void {
  if (verdicts.size >= ENTRIES_MAX) verdicts.clear();
  verdicts.set(entryOf(publicKey, message, signature), true);
}

function entryOf(publicKey: string, message: Uint8Array, signature: Uint8Array): string {
  const text = Buffer.from(signature.buffer, signature.byteOffset, signature.length);
  return `${publicKey} ${crypto.hash('sha256', message, 'binary')}${text.toString('latin1')}`;
}

/** From now on, `verify` of node:crypto remembers what it has verified in this process. */
export function rememberVerdicts(): void {
  if (isInstalled) return;
  isInstalled = true;
  const { verify } = crypto;
  const remembering = (
    algorithm: string | null,
    data: Uint8Array,
    key: KeyObject,
    signature: Uint8Array,
  ): boolean => {
    if (algorithm !== null || !(key instanceof crypto.KeyObject)) {
      return verify(algorithm, data, key, signature);
    }
    let name = names.get(key);
    if (name === undefined) {
      const { x } = key.export({ format: 'jwk' });
      names.set(key, (name = Buffer.from(x!, 'base64url').toString('hex')));
    }
    const entry = entryOf(name, data, signature);
    const known = verdicts.get(entry);
    if (known !== undefined) return known;
    if (verdicts.size >= ENTRIES_MAX) verdicts.clear();
    const verdict = verify(algorithm, data, key, signature);
    verdicts.set(entry, verdict);
    return verdict;
  };
  crypto.verify = remembering as typeof crypto.verify;
  syncBuiltinESMExports();
}
