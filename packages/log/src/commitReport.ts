/** What an adapter tells of a group of appends that it wrote, or tried to: once a group, never a record. */

import { plainFailure } from '@tidemark/canonical';

export interface CommitReport {
  /** Appends that shared one fsync. */
  readonly appends: number;
  readonly records: number;
  readonly bytes: number;
  readonly ms: number;
  /** Why it failed, `log.full`; undefined where it is durable. */
  readonly code: string | undefined;
}

export type OnCommit = (report: CommitReport) => void;

interface Written {
  readonly records: readonly Uint8Array[];
  readonly bytes: number;
}

/** @param failure what was thrown, if anything was */
export function commitReport(
  group: readonly Written[],
  ms: number,
  failure: Error | undefined,
): CommitReport {
  const sum = (figure: (append: Written) => number): number =>
    group.reduce((total, append) => total + figure(append), 0);
  return {
    appends: group.length,
    records: sum(({ records }) => records.length),
    bytes: sum(({ bytes }) => bytes),
    ms,
    code: failure && plainFailure(failure).code,
  };
}
