/**
 * Which number of bins suits a ledger: PEP 458's overheads (P29–P33) for every power of two, from measured sizes, and
 * the choice among them. As in P29, root, timestamp and targets are left out: they weigh the same for any number.
 */
import { PREFIX_BINS_MAX } from '../ceremony.ts';
import { BINS_PER_DOWNLOAD, pepOverhead, PEP_CONSTANTS } from './pep458.ts';
import { sizesAt, type Fill, type Sizes } from './sizes.ts';

export interface PlanInput extends Fill {
  /** Visitors a day. */
  readonly users: number;
  /** Percent of the visitors who come for the first time. */
  readonly newPercent: number;
  /** Distributions that one visit downloads. */
  readonly downloads: number;
  /** Whether there was a snapshot since the returning user's last visit. */
  readonly snapshots: 'same' | 'different';
  /** Targets that change between two cuts. */
  readonly changes: number;
}

export const MODES = ['classic', 'tap16'] as const;
export const FORMS = ['succinct', 'prefixes'] as const;
export type Mode = (typeof MODES)[number];
export type Form = (typeof FORMS)[number];

/** One number of bins, with classic clients or TAP 16's, and one form of bins.json. Bytes; percents of what a visit downloads. */
export interface Candidate {
  readonly bins: number;
  readonly mode: Mode;
  readonly form: Form;
  readonly sameBytes: number;
  readonly samePercent: number;
  readonly differentBytes: number;
  readonly differentPercent: number;
  readonly newBytes: number;
  readonly newPercent: number;
  /** Of the average visitor, new ones weighted in. */
  readonly visitBytes: number;
  readonly dailyBytes: number;
  /** What one cut signs anew: the bins that its changes fall into, and snapshot.json. */
  readonly signedPerCut: number;
}

export interface Choice {
  readonly mode: Mode;
  readonly form: Form;
  readonly bins: number;
  /** False where no number of bins keeps a returning user within {@link RETURNING_PERCENT_MAX}. */
  readonly isWithinLimit: boolean;
}

export interface BinsPlan {
  readonly input: PlanInput;
  readonly rule: string;
  readonly rows: readonly {
    readonly bins: number;
    readonly sizes: Sizes;
    readonly pep458: ReturnType<typeof pepOverhead>;
    readonly candidates: readonly Candidate[];
  }[];
  readonly choices: readonly Choice[];
}

/** P32: a returning user's overhead at which the number of bins should change. */
const RETURNING_PERCENT_MAX = 50;
/** Two costs closer than this are the same to a visitor. */
const TOLERANCE_PERCENT = 5;
const BITS_MIN = 8;
const BITS_MAX = 20;

const RULE =
  `Of the numbers of bins at which a returning user's overhead is at most ${RETURNING_PERCENT_MAX} %, and which init offers, ` +
  `take those within ${TOLERANCE_PERCENT} % of the fewest bytes for the average visitor, new users weighted in, ` +
  'and of these the one that signs the fewest bytes per cut.';

export function planBins(input: PlanInput): BinsPlan {
  const rows = Array.from({ length: BITS_MAX - BITS_MIN + 1 }, (_, i) => {
    const bits = BITS_MIN + i;
    const sizes = sizesAt(bits, input);
    const { targets, distribution } = input;
    return {
      bins: 2 ** bits,
      sizes,
      pep458: pepOverhead({ ...PEP_CONSTANTS, targets, distribution, bins: 2 ** bits }),
      candidates: MODES.flatMap((mode) =>
        FORMS.map((form) => candidate(2 ** bits, mode, form, sizes, input)),
      ),
    };
  });
  const candidates = rows.flatMap((row) => row.candidates);
  const choices = MODES.flatMap((mode) =>
    FORMS.map((form) => {
      const own = candidates.filter((one) => one.mode === mode && one.form === form);
      return { mode, form, ...choose(own, input.snapshots) };
    }),
  );
  return { input, rule: RULE, rows, choices };
}

function candidate(
  bins: number,
  mode: Mode,
  form: Form,
  sizes: Sizes,
  input: PlanInput,
): Candidate {
  const isClassic = mode === 'classic';
  // P31 counts two bins a distribution; with TAP 16 each bin comes with a proof of its own, whatever was seen before.
  // Within a visit nothing is fetched twice, so no visit costs more than all bins.
  const perBin = sizes.bin + (isClassic ? 0 : sizes.proof);
  const sameBytes = Math.min(bins, BINS_PER_DOWNLOAD * input.downloads) * perBin;
  const differentBytes = sameBytes + (isClassic ? sizes.snapshot : 0);
  const newBytes = differentBytes + (form === 'succinct' ? sizes.binsSuccinct : sizes.binsPrefixes);
  const returningBytes = input.snapshots === 'same' ? sameBytes : differentBytes;
  const newShare = input.newPercent / 100;
  const visitBytes = (1 - newShare) * returningBytes + newShare * newBytes;
  const percent = (bytes: number): number => (100 * bytes) / (input.downloads * input.distribution);
  const dirty = bins * (1 - (1 - 1 / bins) ** input.changes);
  return {
    bins,
    mode,
    form,
    sameBytes,
    samePercent: percent(sameBytes),
    differentBytes,
    differentPercent: percent(differentBytes),
    newBytes,
    newPercent: percent(newBytes),
    visitBytes: Math.round(visitBytes),
    dailyBytes: Math.round(visitBytes * input.users),
    signedPerCut: Math.round(dirty * sizes.bin + (isClassic ? sizes.snapshot : 0)),
  };
}

/** {@link RULE}; where nothing is within P32's limit, the same rule without it. */
function choose(candidates: readonly Candidate[], snapshots: PlanInput['snapshots']) {
  const offered = candidates.filter(
    ({ bins, form }) => form === 'succinct' || bins <= PREFIX_BINS_MAX,
  );
  const within = offered.filter((one) => {
    const percent = snapshots === 'same' ? one.samePercent : one.differentPercent;
    return percent <= RETURNING_PERCENT_MAX;
  });
  const isWithinLimit = within.length > 0;
  const open = isWithinLimit ? within : offered;
  const least = Math.min(...open.map(({ visitBytes }) => visitBytes));
  const near = open.filter(({ visitBytes }) => visitBytes <= least * (1 + TOLERANCE_PERCENT / 100));
  const best = near.reduce((a, b) => (b.signedPerCut < a.signedPerCut ? b : a));
  return { bins: best.bins, isWithinLimit };
}
