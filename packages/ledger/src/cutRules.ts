/**
 * When a cut record is valid: every rule by name, each a pure function.
 *
 * The first valid record for a number wins, so all who read the control log must come to the same
 * verdict from the log alone. The rules are a table that the control fold is given: a simulation
 * runs with one of them left out and must then find a violation.
 */
import type { CutSigned, Policy } from '@tidemark/event';

/** What the rules look at besides the record itself. */
export interface CutContext {
  /** Number, hash, time, vector and control offset of the last cut (or of genesis, or of a void). */
  readonly last: {
    readonly n: number;
    readonly hash: string;
    readonly time: number;
    readonly vector: readonly number[];
    readonly control: number;
  };
  /** The highest n whose `sealed` (or `void`) stands before this record. */
  readonly settled: number;
  /** The record's own offset in the control log. */
  readonly offset: number;
  /** Whether a sealer listed at this point of the log signed the record. */
  readonly signedBySealer: boolean;
  /** Whether root, targets and bins are in force at the control offset that the cut covers. */
  readonly documentsReady: boolean;
  readonly policy: Policy;
}

export interface CutRule {
  readonly name: string;
  readonly holds: (cut: CutSigned, context: CutContext) => boolean;
}

/** Two cuts may be on their way: `sealed n−2` stands before cut n. */
export const CUTS_IN_FLIGHT_MAX = 2;

/** Design §5's validity of a cut. All must hold. */
export const CUT_RULES: readonly CutRule[] = [
  { name: 'signature', holds: (_cut, { signedBySealer }) => signedBySealer },
  { name: 'number', holds: (cut, { last }) => cut.n === last.n + 1 },
  { name: 'chain', holds: (cut, { last }) => cut.previous === last.hash },
  { name: 'partitions', holds: (cut, { last }) => cut.vector.length === last.vector.length },
  {
    name: 'vector',
    holds: (cut, { last }) => cut.vector.every((next, p) => next >= (last.vector[p] ?? 0)),
  },
  {
    name: 'advance',
    holds: (cut, { last, policy }) =>
      cut.vector.every((next, p) => next - (last.vector[p] ?? 0) <= policy.advance_max),
  },
  {
    name: 'control',
    holds: (cut, { last, offset }) => cut.control <= offset && cut.control >= last.control,
  },
  { name: 'time', holds: (cut, { last }) => cut.time >= last.time },
  {
    name: 'time_step',
    holds: (cut, { last, policy }) => cut.time <= last.time + policy.step_max_ms,
  },
  { name: 'in_flight', holds: (cut, { settled }) => settled >= cut.n - CUTS_IN_FLIGHT_MAX },
  { name: 'documents', holds: (_cut, { documentsReady }) => documentsReady },
];

/** The name of the first rule a cut breaks, or undefined where it is valid. */
export function brokenRule(
  rules: readonly CutRule[],
  cut: CutSigned,
  context: CutContext,
): string | undefined {
  return rules.find((rule) => !rule.holds(cut, context))?.name;
}
