/**
 * Which number of bins is worth it. PEP 458 wants more bins once a returning user pays more than half of a file's
 * size in metadata (P32), and warns that more of them cost every user (P33); more of them also cost every cut.
 */
import { BrokenInvariant } from '@tidemark/canonical';

/** A number of bins and what it costs. */
export interface Offer {
  readonly bins: number;
  /** What a returning user pays for a download after another snapshot, as a share of the file (V15). */
  readonly returning: number;
  /** Bytes that an average cut signs. */
  readonly cutBytes: number;
  /** All bytes sent a day, files and metadata. */
  readonly sentBytes: number;
}

export interface Choice {
  readonly bins: number;
  /** False where no number of bins keeps to the rule: then it is the one that costs a returning user least. */
  readonly keepsRule: boolean;
}

const RETURNING_MAX = 0.5;
const CUT_FACTOR_MAX = 2;
const WORTHWHILE_SAVING = 0.01;

export const RULE =
  'the fewest bins at which a returning user’s metadata is at most 50 % of a file (P32), a cut signs at most twice ' +
  'the least bytes that any number of bins needs, and twice as many bins would save less than 1 % of all bytes sent.';

/** @param offers with ascending numbers of bins, each twice the one before */
export function choose(offers: readonly Offer[]): Choice {
  const cutBytesMax = CUT_FACTOR_MAX * Math.min(...offers.map(({ cutBytes }) => cutBytes));
  const found = offers.find(({ returning, cutBytes, sentBytes }, i) => {
    const next = offers[i + 1]?.sentBytes ?? sentBytes;
    const isSavingLittle = sentBytes - next < WORTHWHILE_SAVING * sentBytes || sentBytes === 0;
    return returning <= RETURNING_MAX && cutBytes <= cutBytesMax && isSavingLittle;
  });
  if (found !== undefined) return { bins: found.bins, keepsRule: true };
  const [cheapest] = offers.toSorted((a, b) => a.returning - b.returning);
  if (cheapest === undefined) throw new BrokenInvariant('bins.plan', 'nothing to choose from');
  return { bins: cheapest.bins, keepsRule: false };
}
