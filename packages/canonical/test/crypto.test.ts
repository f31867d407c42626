/** Hashes and signatures: vectors, edge cases, and the portable code held equal to the native. */
import { createHash, createPublicKey, verify as opensslVerify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Point, hashes, verify as nobleVerify } from '@noble/ed25519';
import { sha512 } from '@noble/hashes/sha2.js';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, fromHex, sha256, sha256Hex, toHex, utf8, verifyEd25519 } from '../src/index.ts';
import { createSigner, sha256HexNative, sha256Native, verifyEd25519Native } from '../src/native.ts';

hashes.sha512 = sha512;

interface Rfc8032Vector {
  readonly name: string;
  readonly seed: string;
  readonly public: string;
  readonly message: string;
  readonly signature: string;
}
const RFC8032 = JSON.parse(
  readFileSync(new URL('vectors/rfc8032.json', import.meta.url), 'utf8'),
) as { vectors: readonly Rfc8032Vector[] };

describe('SHA-256', () => {
  it('gives the digests of FIPS 180-2, appendix B', () => {
    const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    expect([sha256Hex(utf8('abc')), sha256HexNative('abc')]).toEqual([abc, abc]);
    expect([sha256Hex(utf8('')), sha256HexNative(utf8(''))]).toEqual([empty, empty]);
  });

  it('is the same, portable and native, for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (data) => {
        const digest = sha256(data);
        expect(toHex(sha256Native(data))).toBe(toHex(digest));
        expect(sha256HexNative(data)).toBe(sha256Hex(data));
        expect(toHex(digest)).toBe(createHash('sha256').update(data).digest('hex'));
      }),
    );
  });
});

describe('Ed25519', () => {
  it.each(RFC8032.vectors)('RFC 8032 $name', ({ seed, public: key, message, signature }) => {
    const signer = createSigner(fromHex(seed));
    expect(signer.publicKey).toBe(key);
    expect(toHex(signer.sign(fromHex(message)))).toBe(signature);
    expect(verdict(fromHex(key), fromHex(message), fromHex(signature))).toBe(true);
  });

  it('refuses any changed bit of key, message and signature', () => {
    const signer = createSigner(new Uint8Array(32).fill(1));
    const message = utf8('timestamp');
    const whole = concat(fromHex(signer.publicKey), signer.sign(message), message);
    for (let bit = 0; bit < whole.length * 8; bit += 37) {
      const changed = Uint8Array.from(whole);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const [key, signature] = [changed.subarray(0, 32), changed.subarray(32, 96)];
      expect(verdict(key, changed.subarray(96), signature), `bit ${bit}`).toBe(false);
    }
  });

  it('answers false, not an error, for keys and signatures of a wrong length', () => {
    for (const [key, signature] of [
      [0, 64],
      [31, 64],
      [33, 64],
      [32, 0],
      [32, 63],
      [32, 65],
    ]) {
      expect(verdict(new Uint8Array(key ?? 0), utf8('m'), new Uint8Array(signature ?? 0))).toBe(
        false,
      );
    }
    expect(() => createSigner(new Uint8Array(31))).toThrow(/32 bytes/);
  });
});

// The conditions of "Taming the many EdDSAs" (https://eprint.iacr.org/2020/1244, table 5) and of CCTV's ed25519
// vectors, constructed: every torsion part of A with every torsion part of R, each in all its encodings.
describe('Ed25519 edge cases: one verdict, portable and native', () => {
  const order = Point.CURVE().n;
  const message = utf8('edge');
  const torsion = torsionPoints();
  const a = 0x1234567890abcdefn;
  const r = 0xfedcba0987654321n;

  it('has all eight torsion points', () => {
    expect(new Set(torsion.map((point) => point.toHex())).size).toBe(8);
  });

  it('small-order keys are refused in every encoding', () => {
    for (const A of torsion) {
      for (const key of encodings(A)) {
        for (const R of torsion) {
          for (const encodedR of encodings(R)) {
            const signature = concat(encodedR, new Uint8Array(32));
            expect(verdict(key, message, signature)).toBe(false);
          }
        }
      }
    }
  });

  it('mixed-order keys and commitments verify exactly when the equation holds without the cofactor', () => {
    const seen = { accepted: 0, cofactoredOnly: 0 };
    for (const torsionA of torsion) {
      for (const torsionR of torsion) {
        const A = Point.BASE.multiply(a).add(torsionA);
        const R = Point.BASE.multiply(r).add(torsionR);
        const k = challenge(R.toBytes(), A.toBytes(), message);
        const signature = concat(R.toBytes(), scalarBytes((r + k * a) % order));
        const exact = torsionA
          .multiply(k % 8n, false)
          .add(torsionR)
          .is0();
        expect(verdict(A.toBytes(), message, signature)).toBe(exact);
        expect(openssl(A.toBytes(), message, signature)).toBe(exact);
        if (exact) seen.accepted++;
        else if (nobleVerify(signature, message, A.toBytes(), { zip215: false }))
          seen.cofactoredOnly++;
      }
    }
    expect(seen.accepted).toBeGreaterThan(1);
    expect(seen.accepted + seen.cofactoredOnly).toBe(64);
  });

  it('small-order commitments are refused in every encoding, also where the equation holds', () => {
    let holds = 0;
    for (const torsionA of torsion) {
      const A = Point.BASE.multiply(a).add(torsionA).toBytes();
      for (const R of torsion) {
        for (const encodedR of encodings(R)) {
          const k = challenge(encodedR, A, message);
          if (
            torsionA
              .multiply(k % 8n, false)
              .add(R)
              .is0()
          )
            holds++;
          expect(verdict(A, message, concat(encodedR, scalarBytes((k * a) % order)))).toBe(false);
        }
      }
    }
    expect(holds).toBeGreaterThan(1);
  });

  it('S of L and more is refused', () => {
    const signer = createSigner(new Uint8Array(32).fill(3));
    const signature = signer.sign(message);
    const s = scalarOf(signature.subarray(32));
    const key = fromHex(signer.publicKey);
    expect(verdict(key, message, signature)).toBe(true);
    for (let S = s + order; S < 1n << 256n; S += order) {
      expect(verdict(key, message, concat(signature.subarray(0, 32), scalarBytes(S)))).toBe(false);
    }
  });

  it('keys of y ≥ p and keys off the curve are refused', () => {
    const p = Point.CURVE().p;
    let onCurve = 0;
    for (let y = 0n; y < 19n; y++) {
      for (const sign of [0n, 1n << 255n]) {
        const key = scalarBytes((y + p) | sign);
        const signature = concat(Point.ZERO.toBytes(), new Uint8Array(32));
        expect(verdict(key, message, signature)).toBe(false);
        if (isOnCurve(scalarBytes(y | sign))) onCurve++;
      }
    }
    expect(onCurve).toBeGreaterThan(4);
    const offCurve = scalarBytes(2n);
    expect(isOnCurve(offCurve)).toBe(false);
    expect(verdict(offCurve, message, new Uint8Array(64))).toBe(false);
  });

  it('whatever the bytes', () => {
    const pool = fc.oneof(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.constantFrom(...torsion.flatMap(encodings), Point.BASE.toBytes(), scalarBytes(order)),
    );
    fc.assert(
      fc.property(pool, pool, pool, (key, R, S) => {
        verdict(key, message, concat(R, S));
      }),
      { numRuns: 200 },
    );
  });
});

/** The verdict of both implementations, which must agree, and never accept what noble's strict mode refuses. */
function verdict(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const portable = verifyEd25519(key, message, signature);
  expect(verifyEd25519Native(key, message, signature)).toBe(portable);
  if (portable) expect(nobleVerify(signature, message, key, { zip215: false })).toBe(true);
  return portable;
}

function openssl(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const der = Buffer.from(concat(fromHex('302a300506032b6570032100'), key));
  return opensslVerify(
    null,
    message,
    createPublicKey({ key: der, format: 'der', type: 'spki' }),
    signature,
  );
}

/** The points of order 1, 2, 4 and 8: multiples of L·P for a point P outside of the prime-order subgroup. */
function torsionPoints(): Point[] {
  for (let y = 2n; ; y++) {
    if (!isOnCurve(scalarBytes(y))) continue;
    const P = Point.fromBytes(scalarBytes(y), false);
    const order = Point.CURVE().n;
    const generator = P.multiply(order - 1n, false).add(P);
    if (generator.multiply(4n, false).is0()) continue;
    return Array.from({ length: 8 }, (_, i) => generator.multiply(BigInt(i), false));
  }
}

/** Canonical first; then y + p where it fits into 255 bits, and the sign bit set on x = 0. */
function encodings(point: Point): Uint8Array[] {
  const { x, y } = point.toAffine();
  const signs = x === 0n ? [0n, 1n] : [x & 1n];
  const ys = y + Point.CURVE().p < 1n << 255n ? [y, y + Point.CURVE().p] : [y];
  return ys.flatMap((value) => signs.map((sign) => scalarBytes(value | (sign << 255n))));
}

function isOnCurve(encoded: Uint8Array): boolean {
  try {
    Point.fromBytes(encoded, true);
    return true;
  } catch {
    return false;
  }
}

function challenge(R: Uint8Array, A: Uint8Array, message: Uint8Array): bigint {
  return scalarOf(sha512(concat(R, A, message))) % Point.CURVE().n;
}

function scalarBytes(value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(64, '0')).reverse();
}

function scalarOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(Uint8Array.from(bytes).reverse())}`);
}
