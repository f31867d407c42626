/**
 * A hash table of fingerprints and ordinals, eight bytes a place, with linear probing.
 *
 * Two entries may share a fingerprint, so a lookup hands every candidate to its caller. Ordinals grow
 * for ever; the table holds them modulo 2^32 − 1 and gives them back as those from `first` on.
 */

const ORDINALS = 0xffff_ffff;
/** Places of the smallest table. */
const PLACES_MIN = 1 << 12;

export class FingerprintTable {
  /** Pairs of fingerprint and ordinal modulo {@link ORDINALS}, plus 1; 0 marks a free place. */
  private readonly pairs: Uint32Array;
  private readonly mask: number;
  private used = 0;

  /** A table for so many entries, with room for half as many more before it is full. */
  constructor(entries: number) {
    const places = placesFor(entries);
    this.pairs = new Uint32Array(2 * places);
    this.mask = places - 1;
  }

  get memoryBytes(): number {
    return this.pairs.byteLength;
  }

  /** Whether more entries may be put in: at most half of the places are taken. */
  hasRoomFor(count: number): boolean {
    return 2 * (this.used + count) <= this.mask + 1;
  }

  /** Whether a table made for so many entries would take an eighth of the memory or less. */
  isWasteFor(entries: number): boolean {
    return 8 * placesFor(entries) <= this.mask + 1;
  }

  /** Puts an entry in; `start` decides where its search begins. Both are 32-bit. */
  insert(fingerprint: number, start: number, ordinal: number): void {
    let at = start & this.mask;
    while (this.pairs[2 * at + 1] !== 0) at = (at + 1) & this.mask;
    this.pairs[2 * at] = fingerprint;
    this.pairs[2 * at + 1] = (ordinal % ORDINALS) + 1;
    this.used++;
  }

  /**
   * The first answer that `settle` has for an entry with this fingerprint.
   * @param first the lowest ordinal still of use; a lower one comes back as one far beyond
   */
  find<T>(
    fingerprint: number,
    start: number,
    first: number,
    settle: (ordinal: number) => T | undefined,
  ): T | undefined {
    for (let at = start & this.mask; ; at = (at + 1) & this.mask) {
      const value = this.pairs[2 * at + 1]!;
      if (value === 0) return undefined;
      if (this.pairs[2 * at] !== fingerprint) continue;
      const ordinal = first + ((value - 1 - (first % ORDINALS) + ORDINALS) % ORDINALS);
      const answer = settle(ordinal);
      if (answer !== undefined) return answer;
    }
  }
}

function placesFor(entries: number): number {
  let places = PLACES_MIN;
  while (places < 3 * entries) places *= 2;
  return places;
}
