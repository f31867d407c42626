/** A log that is shorter than it was seen to be has lost something: nothing may go on from there. */
import { BrokenInvariant } from '@tidemark/canonical';
import type { Topic } from './port.ts';

/**
 * @param end where the log ends now
 * @param seen how far it was read, or is known to have reached, before
 * @throws BrokenInvariant `log.truncated`
 */
export function demandNoTruncation(
  topic: Topic,
  partition: number,
  end: number,
  seen: number,
): void {
  if (end >= seen) return;
  throw new BrokenInvariant(
    'log.truncated',
    `${topic} partition ${partition} ends at offset ${end}, but reached ${seen} before: records are lost. ` +
      'Restore the log from a copy; do not go on with this one',
  );
}
