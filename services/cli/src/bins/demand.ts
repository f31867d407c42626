/** What an index holds and what its users ask for: from this, what they are sent and what a cut signs. */
import { defaultPolicy } from '@tidemark/event';
import type { Delegation, FileSizes } from './sizes.ts';

export interface Demand {
  /** Targets that are listed. */
  readonly targets: number;
  /** Mean length of their paths. */
  readonly pathBytes: number;
  /** Mean length of a downloaded file (C9). */
  readonly fileBytes: number;
  /** Users that come on a day. */
  readonly users: number;
  /** How often each of them comes on that day. */
  readonly visits: number;
  /** Share of visits by users without any metadata but the root that their client brings (P17). */
  readonly newShare: number;
  /** Files that a visit downloads. */
  readonly downloads: number;
  /** Targets that a download verifies and an upload changes: a file and its index page (V12, P56). */
  readonly targetsPerFile: number;
  /** Share of a returning user's targets that were asked for at the last visit too. */
  readonly repeatedShare: number;
  /** Files uploaded a day. */
  readonly uploads: number;
  /** Snapshots a day. */
  readonly snapshots: number;
}

/** How clients learn what versions a snapshot has: from snapshot.json, or from a proof for each role (TAP 16). */
export type Form = 'classic' | 'tap16';

/** Metadata for one download, bytes: PEP 458's V12, V14 and V16. */
export interface Download {
  readonly same: number;
  readonly other: number;
  readonly new: Readonly<Record<Delegation, number | null>>;
}

/** What happens to bins in a day. */
export interface Churn {
  /** Versions that are signed, of all bins together. */
  readonly versions: number;
  /** Probability that a bin is still the same at a user's next visit. */
  readonly unchanged: number;
}

/** A version lives until its bin changes, or for as long as renewal lets it: the mean over all bins; days. */
const RENEWAL_DAYS =
  (defaultPolicy.expiry_s.bins / 86_400) *
  (1 - (defaultPolicy.renew_below_percent + defaultPolicy.renew_always_below_percent) / 200);

/** @param bits of 2^bits bins */
export function churnOf(bits: number, demand: Demand): Churn {
  const { uploads, targetsPerFile, snapshots, visits } = demand;
  const changesPerCut = (uploads * targetsPerFile) / snapshots;
  // Several changes of one bin in one cut make one version.
  const perDay = -snapshots * Math.expm1(-changesPerCut / 2 ** bits);
  const life = survival(perDay, 0, RENEWAL_DAYS);
  const gap = Math.min(1 / visits, RENEWAL_DAYS);
  return { versions: 2 ** bits / life, unchanged: survival(perDay, gap, RENEWAL_DAYS) / life };
}

/** ∫ e^(−rate·t) dt: how long a version lives between two ages, on average over all that begin to live. */
function survival(rate: number, from: number, to: number): number {
  if (rate === 0) return to - from;
  return (Math.exp(-rate * from) - Math.exp(-rate * to)) / rate;
}

/**
 * What one download costs, on PEP 458's assumptions: root, timestamp and targets.json are left out, nothing was
 * cached, and every target lies in a bin of its own.
 */
export function downloadOf(files: FileSizes, form: Form, { targetsPerFile }: Demand): Download {
  const bin = files.bin.bytes + (form === 'tap16' ? files.binProof : 0);
  const same = targetsPerFile * bin;
  const other = same + newSnapshot(files, form);
  const withBins = (size: number | undefined): number | null =>
    size === undefined ? null : other + size;
  const { succinct, prefixes } = files.delegations;
  return {
    same,
    other,
    new: { succinct: withBins(succinct?.bytes), prefixes: withBins(prefixes?.bytes) },
  };
}

/** Metadata sent to all users on a day, bytes. @returns null where there cannot be that many bins */
export function sentPerDay(
  files: FileSizes,
  bits: number,
  form: Form,
  delegation: Delegation,
  demand: Demand,
): number | null {
  const delegating = files.delegations[delegation];
  if (delegating === null) return null;
  const { users, visits, newShare, downloads, targetsPerFile, repeatedShare, snapshots } = demand;
  const bins = 2 ** bits;
  // Targets of one visit that share a bin fetch it once.
  const asked = -bins * Math.expm1(downloads * targetsPerFile * Math.log1p(-1 / bins));
  const proof = form === 'tap16' ? files.binProof : 0;
  const changed = -Math.expm1(-snapshots / visits);
  const keptBin = repeatedShare * churnOf(bits, demand).unchanged;
  const keptProof = repeatedShare * (1 - changed);
  const returning =
    changed * newSnapshot(files, form) +
    asked * ((1 - keptBin) * files.bin.bytes + (1 - keptProof) * proof);
  const first =
    files.targets + delegating.bytes + newSnapshot(files, form) + asked * (files.bin.bytes + proof);
  return users * visits * (files.timestamp + newShare * first + (1 - newShare) * returning);
}

/** The downloaded files themselves, bytes a day. */
export function filesPerDay({ users, visits, downloads, fileBytes }: Demand): number {
  return users * visits * downloads * fileBytes;
}

/** Bytes that an average cut signs: bins, timestamp.json, and snapshot.json where it is made. */
export function signedPerCut(files: FileSizes, bits: number, form: Form, demand: Demand): number {
  const bins = (churnOf(bits, demand).versions / demand.snapshots) * files.bin.bytes;
  return bins + files.timestamp + (form === 'classic' ? files.snapshot.bytes : 0);
}

/** What everybody needs anew for a snapshot: with TAP 16 the proofs of targets and bins, a bin's own apart. */
function newSnapshot(files: FileSizes, form: Form): number {
  return form === 'classic' ? files.snapshot.bytes : files.offlineProofs;
}
