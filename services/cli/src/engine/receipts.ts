/** Whether a receipt is one that this ledger can have given: read from the log itself, which holds every event. */
import { RejectedInput } from '@tidemark/canonical';
import { decodeBatch, type GenesisSigned } from '@tidemark/event';
import type { Receipt } from '@tidemark/intake';
import type { Log } from '@tidemark/log';

/**
 * Whether an event stands at a place: the log reaches that far, and there it has a batch of this ledger and
 * partition with that many events. Who signed the batch, and so whether it counts, is the fold's to judge.
 * @param events the log of all events, whose partition has to exist
 */
export async function isEventAt(
  events: Log,
  { ledger }: Pick<GenesisSigned, 'ledger'>,
  { partition, offset, index }: Receipt,
): Promise<boolean> {
  // Behind its end a read would wait for what comes.
  if (offset >= (await events.end(partition))) return false;
  const { records } = await events.read(partition, offset);
  try {
    const { signed } = decodeBatch(records[0] ?? NOTHING);
    const isOurs = signed.ledger === ledger && signed.partition === partition;
    return isOurs && index < signed.events.length;
  } catch (error) {
    // Whoever can write to the log may have put anything there.
    if (!(error instanceof RejectedInput)) throw error;
    return false;
  }
}

const NOTHING = new Uint8Array(0);
