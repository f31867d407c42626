// A signer on a machine that computes wrongly now and then.
import { describe, expect, test } from 'vitest';
import { utf8 } from '@tidemark/canonical';
import { createSigner, type Signer } from '@tidemark/canonical/native';
import { verifiedSigner } from '../src/verifiedSigner.ts';

const honest = createSigner(new Uint8Array(32).fill(7));

/** Flips a bit of its n-th signature, counted from 0. */
function faulty(n: number): Signer {
  let made = 0;
  return {
    publicKey: honest.publicKey,
    sign: (message) => {
      const signature = Uint8Array.from(honest.sign(message));
      if (made++ === n) signature[40]! ^= 1;
      return signature;
    },
  };
}

function signatures(signer: Signer, count: number): number {
  for (let i = 0; i < count; i++) {
    try {
      signer.sign(utf8(`bin ${i}`));
    } catch (error) {
      expect(error).toMatchObject({ name: 'BrokenInvariant', code: 'bins.signature' });
      return i;
    }
  }
  return count;
}

describe('a verified signer', () => {
  test('signs as the one it is made of', () => {
    const message = utf8('bin');
    for (const policy of ['all', 'sample'] as const) {
      expect(verifiedSigner(honest, policy).sign(message)).toEqual(honest.sign(message));
    }
  });

  test('lets no wrong signature out where all are verified', () => {
    expect(signatures(verifiedSigner(faulty(3), 'all'), 200)).toBe(3);
  });

  test('finds a machine that goes on being wrong by a sample', () => {
    expect(signatures(verifiedSigner(faulty(64), 'sample'), 200)).toBe(64);
    expect(signatures(verifiedSigner(faulty(3), 'sample'), 200)).toBe(200);
  });
});
