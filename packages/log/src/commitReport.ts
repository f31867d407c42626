/** What an adapter tells of a group of appends that it wrote, or tried to: once a group, never a record. */

import { plainFailure } from '@tidemark/canonical';

export interface CommitReport {
  /** Appends that shared one fsync. */
  readonly appends: number;
  readonly records: number;
  /** Of the records alone. */
  readonly bytes: number;
  readonly ms: number;
  /** Why it failed, `log.full`; undefined where it is durable. */
  readonly code: string | undefined;
}

export type OnCommit = (report: CommitReport) => void;

/** @param failure what was thrown, if anything was */
export function commitReport(
  group: readonly { readonly records: readonly Uint8Array[] }[],
  ms: number,
  failure: Error | undefined,
): CommitReport {
  const records = group.flatMap((append) => append.records);
  return {
    appends: group.length,
    records: records.length,
    bytes: records.reduce((sum, { length }) => sum + length, 0),
    ms,
    code: failure && plainFailure(failure).code,
  };
}
