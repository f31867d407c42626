/** Keys and a root by number, for tests about single files. */

import type { JsonObject } from '@tidemark/canonical';
import { createSigner } from '@tidemark/canonical/native';
import type { Signer } from '@tidemark/canonical/native';
import { ed25519Key, rootSigned } from '../src/index.ts';
import type { Key } from '../src/index.ts';

export function signer(byte: number): Signer {
  return createSigner(new Uint8Array(32).fill(byte));
}

export function keyOf(byte: number): Key {
  return ed25519Key(signer(byte).publicKey);
}

export const expiresMs = Date.UTC(2027, 0, 1);
export const statement = {
  ledger: '0123456789abcdef0123456789abcdef',
  slot_bits: 16,
  slot_roles_max: 64,
  checkpoint: 'example.org/log+00000000+AQID',
};

export function rootOf(version: number, bytes: readonly number[], threshold: number): JsonObject {
  const online = { keys: [keyOf(9)], threshold: 1 };
  return rootSigned({
    version,
    expiresMs,
    roles: {
      root: { keys: bytes.map(keyOf), threshold },
      timestamp: online,
      snapshot: online,
      targets: online,
    },
    tidemark: statement,
  });
}
