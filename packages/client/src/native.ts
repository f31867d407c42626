/** Hashes of node:crypto: a file of a gigabyte takes a second. */
import { createHash } from 'node:crypto';
import type { Hashes } from './digest.ts';

export const nativeHashes: Hashes = {
  sha256: () => native('sha256'),
  sha512: () => native('sha512'),
};

function native(algorithm: string): ReturnType<NonNullable<Hashes[string]>> {
  const hash = createHash(algorithm);
  return { update: (chunk) => void hash.update(chunk), digest: () => hash.digest('hex') };
}
