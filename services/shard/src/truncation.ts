/** A control log that lacks a cut which was in it has lost something: nothing may go on from there. */
import { BrokenInvariant } from '@tidemark/canonical';

/**
 * @param last the last cut that the control log shows, read to its end
 * @param seen a cut that was in it before
 * @throws BrokenInvariant `log.truncated`
 */
export function demandNoLostCut(last: number, seen: number): void {
  if (last >= seen) return;
  throw new BrokenInvariant(
    'log.truncated',
    `the control log ends with cut ${last}, but cut ${seen} was in it before: records are lost. ` +
      'Restore the log from a copy; do not go on with this one',
  );
}
