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
  /** Bodies of bins that it now has in memory. */
  readonly memoryBytes: number;
  /** From the first event read until the marker was written. */
  readonly ms: number;
  /** Of that: reading the events and deciding about each. */
  readonly decideMs: number;
  /** Of that: the changed bins, written anew, signed and hashed. */
  readonly writeMs: number;
  /** Of that: appending to the leaves log; undefined where the cut stood there before. */
  readonly reportMs: number | undefined;
}

export interface FoldObserver {
  /** Milliseconds of a clock that does not jump. */
  now(): number;
  folded(report: FoldReport): void;
}

/** A moment of a partition's work on a cut. */
export interface Moment {
  readonly ms: number;
  /** Written until then. */
  readonly stateBytes: number;
}

/** When each part of the work was done; the same moment twice where there was nothing to do. */
export interface Moments {
  readonly began: Moment;
  readonly decided: Moment;
  readonly written: Moment;
  readonly reported: Moment | undefined;
  readonly committed: Moment;
}

export function foldReport(
  partition: number,
  folded: FoldedCut,
  memoryBytes: number,
  { began, decided, written, reported, committed }: Moments,
): FoldReport {
  return {
    partition,
    n: folded.n,
    applied: folded.applied,
    rejected: folded.outcomes.length,
    roles: folded.subtree.roles,
    ignored: [...folded.ignored],
    stateBytes: committed.stateBytes - began.stateBytes,
    memoryBytes,
    ms: committed.ms - began.ms,
    decideMs: decided.ms - began.ms,
    writeMs: written.ms - decided.ms,
    reportMs: reported && reported.ms - written.ms,
  };
}
