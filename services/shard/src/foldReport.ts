/** What a shard tells of a cut that it has committed: for logs and metrics, once a partition and cut. */
import type { FoldedCut } from '@tidemark/ledger';

export interface FoldReport {
  readonly partition: number;
  readonly n: number;
  /** Events that changed something, and those that came to nothing. */
  readonly applied: number;
  readonly rejected: number;
  /** Role versions signed. */
  readonly roles: number;
  /** Records that counted for nothing, by code. */
  readonly ignored: readonly (readonly [code: string, records: number])[];
  /** Bytes written to its state. */
  readonly stateBytes: number;
  /** From the first event read until the marker was written. */
  readonly ms: number;
}

export interface FoldObserver {
  /** Milliseconds of a clock that does not jump. */
  now(): number;
  folded(report: FoldReport): void;
}

/** @param since when it began, and what was written until then */
export function foldReport(
  partition: number,
  folded: FoldedCut,
  since: { readonly ms: number; readonly stateBytes: number },
  now: { readonly ms: number; readonly stateBytes: number },
): FoldReport {
  return {
    partition,
    n: folded.n,
    applied: folded.applied,
    rejected: folded.outcomes.length,
    roles: folded.subtree.roles,
    ignored: [...folded.ignored],
    stateBytes: now.stateBytes - since.stateBytes,
    ms: now.ms - since.ms,
  };
}
