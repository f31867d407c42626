// Chance in tests: from a seed that is printed, and can be given again.
import { randomInt } from 'node:crypto';

/** A test's randomness: from TIDEMARK_SEED, or a seed that is printed. */
export function seededRandom(what: string): {
  readonly seed: number;
  readonly random: () => number;
} {
  const seed = Number(process.env['TIDEMARK_SEED'] ?? randomInt(2 ** 31));
  process.stderr.write(`${what}: TIDEMARK_SEED=${seed}\n`);
  return { seed, random: generator(seed) };
}

/** 0 ≤ x < 1: mulberry32. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
