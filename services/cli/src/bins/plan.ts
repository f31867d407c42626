/** PEP 458's tables for any index: each number of bins with what it costs, and the one that is worth it. */
import { choose, type Choice, type Offer } from './choice.ts';
import {
  churnOf,
  downloadOf,
  filesPerDay,
  sentPerDay,
  signedPerCut,
  type Demand,
  type Download,
  type Form,
} from './demand.ts';
import { measureFiles, type Delegation, type FileSizes } from './sizes.ts';

export interface Candidate {
  readonly bins: number;
  readonly files: FileSizes;
  readonly download: Readonly<Record<Form, Download>>;
  /** Metadata sent a day, bytes. */
  readonly sent: Readonly<Record<Form, Readonly<Record<Delegation, number | null>>>>;
  /** Bins that an average cut signs, and bytes. */
  readonly cutBins: number;
  readonly cutBytes: Readonly<Record<Form, number>>;
}

export interface Plan {
  readonly demand: Demand;
  /** The downloaded files themselves, bytes a day. */
  readonly filesSent: number;
  readonly candidates: readonly Candidate[];
  readonly choice: Readonly<Record<Form, Readonly<Record<Delegation, Choice>>>>;
}

const BITS_MIN = 8;
const BITS_MAX = 20;
/** Version numbers grow with a ledger: the sizes are those of one a year old. */
const AGE_DAYS = 365;

export function planBins(demand: Demand): Plan {
  const candidates = Array.from({ length: BITS_MAX - BITS_MIN + 1 }, (_, i) =>
    candidateOf(BITS_MIN + i, demand),
  );
  const chosen = (form: Form, delegation: Delegation): Choice =>
    choose(candidates.flatMap((candidate) => offersOf(candidate, form, delegation, demand)));
  return {
    demand,
    filesSent: filesPerDay(demand),
    candidates,
    choice: {
      classic: {
        succinct: chosen('classic', 'succinct'),
        prefixes: chosen('classic', 'prefixes'),
      },
      tap16: { succinct: chosen('tap16', 'succinct'), prefixes: chosen('tap16', 'prefixes') },
    },
  };
}

function candidateOf(bits: number, demand: Demand): Candidate {
  const { versions } = churnOf(bits, demand);
  const files = measureFiles({
    bits,
    targets: demand.targets,
    pathBytes: demand.pathBytes,
    fileBytes: demand.fileBytes,
    // Versions of bins are counted over all bins of a partition, and so are about as many as all bins ever had.
    binVersion: Math.ceil(versions * AGE_DAYS),
    snapshotVersion: Math.ceil(demand.snapshots * AGE_DAYS),
  });
  const sent = (form: Form, delegation: Delegation): number | null =>
    sentPerDay(files, bits, form, delegation, demand);
  return {
    bins: 2 ** bits,
    files,
    download: {
      classic: downloadOf(files, 'classic', demand),
      tap16: downloadOf(files, 'tap16', demand),
    },
    sent: {
      classic: { succinct: sent('classic', 'succinct'), prefixes: sent('classic', 'prefixes') },
      tap16: { succinct: sent('tap16', 'succinct'), prefixes: sent('tap16', 'prefixes') },
    },
    cutBins: versions / demand.snapshots,
    cutBytes: {
      classic: signedPerCut(files, bits, 'classic', demand),
      tap16: signedPerCut(files, bits, 'tap16', demand),
    },
  };
}

function offersOf(
  { bins, download, sent, cutBytes }: Candidate,
  form: Form,
  delegation: Delegation,
  demand: Demand,
): Offer[] {
  const metadata = sent[form][delegation];
  if (metadata === null) return [];
  return [
    {
      bins,
      returning: download[form].other / demand.fileBytes,
      cutBytes: cutBytes[form],
      sentBytes: metadata + filesPerDay(demand),
    },
  ];
}
