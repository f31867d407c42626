/**
 * Targets like PyPI's, from a seed: names, versions and wheel tags of the usual lengths, so that a bin
 * of 2^14 over 2,273,539 targets is about 27 kB long, as PEP 458's figures have it (P30, P31).
 */
import { sha256HexNative } from '@tidemark/canonical/native';
import type { Event } from '@tidemark/event';

const TAGS = [
  'py3-none-any.whl',
  'py2.py3-none-any.whl',
  'cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl',
  'cp311-cp311-macosx_11_0_arm64.whl',
  'cp310-cp310-win_amd64.whl',
];
const SYLLABLES =
  'al an ar be co da de di en er flow graph io jax kit la lib ma net on py ra sci ta tor un'.split(
    ' ',
  );

export interface Prng {
  /** A whole number from 0 up to, not including, `below`. */
  below(below: number): number;
}

/** A small seeded generator (mulberry32): the same seed gives the same targets everywhere. */
export function prng(seed: number): Prng {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  return {
    below: (below) => Math.floor((next() / 2 ** 32) * below),
  };
}

/** An endless sequence of uploads. */
export function* sequence(random: Prng): Generator<Event> {
  for (let i = 0; ; i++) yield upload(random, i);
}

/** Upload number `i` of a seeded sequence; its path is unlike that of any other number. */
function upload(random: Prng, i: number): Event {
  const words = 2 + random.below(2);
  let project = '';
  for (let w = 0; w < words; w++)
    project +=
      (w === 0 ? '' : '-') +
      SYLLABLES[random.below(SYLLABLES.length)]! +
      SYLLABLES[random.below(SYLLABLES.length)]!;
  project += `-${i.toString(36)}`;
  const sha256 = sha256HexNative(`${project}/${random.below(2 ** 32)}`);
  const version = `${random.below(9)}.${random.below(30)}.${random.below(20)}`;
  const file = `${project.replaceAll('-', '_')}-${version}-${TAGS[random.below(TAGS.length)]!}`;
  return {
    id: `${i.toString(16).padStart(8, '0')}-0000-4000-8000-${sha256.slice(0, 12)}`,
    type: 'target.added',
    path: `${project}/${file}`,
    length: 1000 + random.below(5_000_000),
    hashes: { sha256 },
  };
}
