/** An independent second opinion: the RFC's own recursion. */

import { concat } from '@tidemark/canonical';
import { createHash } from 'node:crypto';

const hash = (...parts: Uint8Array[]): Uint8Array =>
  createHash('sha256')
    .update(concat(...parts))
    .digest();

const split = (n: number): number => 2 ** (Math.ceil(Math.log2(n)) - 1);

/** RFC 6962 §2.1: MTH(D[n]). */
export function mth(data: readonly Uint8Array[]): Uint8Array {
  const [only] = data;
  if (only === undefined) return hash();
  if (data.length === 1) return hash(Uint8Array.of(0), only);
  const k = split(data.length);
  return hash(Uint8Array.of(1), mth(data.slice(0, k)), mth(data.slice(k)));
}

/** RFC 6962 §2.1.1: PATH(m, D[n]). */
export function path(m: number, data: readonly Uint8Array[]): Uint8Array[] {
  if (data.length === 1) return [];
  const k = split(data.length);
  if (m < k) return [...path(m, data.slice(0, k)), mth(data.slice(k))];
  return [...path(m - k, data.slice(k)), mth(data.slice(0, k))];
}

/** RFC 6962 §2.1.2: SUBPROOF(m, D[n], b); PROOF(m, D[n]) is that with b true. */
export function subproof(m: number, data: readonly Uint8Array[], b = true): Uint8Array[] {
  if (m === data.length) return b ? [] : [mth(data)];
  const k = split(data.length);
  if (m <= k) return [...subproof(m, data.slice(0, k), b), mth(data.slice(k))];
  return [...subproof(m - k, data.slice(k), false), mth(data.slice(0, k))];
}
