/** Sends events to a ledger, and finds out what became of each. */
import { OperatingFault, recordText, type JsonObject } from '@tidemark/canonical';
import type { Event } from '@tidemark/event';
import type { z } from 'zod';
import type { Access } from '../access/access.ts';
import { askFor, jsonIn, shaped } from '../access/ask.ts';
import { fateSchema, uploadSchema } from '../http/schemas.ts';
import { inParallel } from '../access/parallel.ts';

type Upload = z.infer<typeof uploadSchema>;
type Fate = z.infer<typeof fateSchema>;

/** Taken in, with what came of it as far as that was waited for. */
export interface Taken {
  readonly fate: Fate;
  readonly receipt: Upload['accepted'][number]['receipt'];
}

/** Or refused. */
export type Outcome = Taken | { readonly code: string; readonly detail: string };

/** Receipts that are looked up at the same time. */
const LOOKED_UP_AT_ONCE = 8;

/**
 * Sends events, by their ids as often as it takes, and returns once the ledger has said of each that it is durable (or
 * visible, for `published`) or refused.
 * @param since the snapshot that was the newest before any of them was sent for the first time
 * @returns the outcomes, in the events' order
 * @throws RejectedInput, OperatingFault with the ledger's code; OperatingFault `ledger.answer` where one is missing
 */
export async function sendEvents(
  access: Access,
  events: readonly Event[],
  wait: string,
  since: number,
): Promise<Outcome[]> {
  const path = `/v1/events?wait=${wait}`;
  const body = events.map((event) => recordText(event as unknown as JsonObject)).join('\n');
  const answer = await access.ask('POST', path, { body });
  const { accepted, refused } = shaped(uploadSchema, jsonIn(answer, path), path);
  const outcomes = new Map<number, Outcome>();
  for (const { index, code, detail } of refused) outcomes.set(index, { code, detail });
  for (const { index, receipt, fate } of accepted) outcomes.set(index, { receipt, fate });
  const inOrder = events.map((_, index) => {
    const outcome = outcomes.get(index);
    if (outcome !== undefined) return outcome;
    throw new OperatingFault('ledger.answer', `${path} was answered without event ${index}`);
  });
  if (outcomes.size !== events.length) {
    throw new OperatingFault(
      'ledger.answer',
      `${path} was answered with events that were not sent`,
    );
  }
  return answer.isRepeated === true ? settled(access, inOrder, since) : inOrder;
}

/** What became of an event when it was seen first, where it was a duplicate; else its own fate. */
export async function firstFate(access: Access, { receipt, fate }: Taken): Promise<Fate> {
  if (!('first' in fate) || fate.first === undefined) return fate;
  const { offset, index } = fate.first;
  return askFor(access, fateSchema, `/v1/receipts/${receipt.partition}/${offset}/${index}`);
}

/** What was sent twice is seen as a duplicate the second time: what counts is what became of it the first time. */
async function settled(
  access: Access,
  outcomes: readonly Outcome[],
  since: number,
): Promise<Outcome[]> {
  const result = [...outcomes];
  await inParallel(outcomes.entries(), LOOKED_UP_AT_ONCE, async ([index, outcome]) => {
    if (!('fate' in outcome) || !('first' in outcome.fate)) return;
    const { receipt, fate } = outcome;
    const before = await firstFate(access, outcome);
    // An earlier run's is a duplicate indeed.
    if (before.state === 'pending' || before.snapshot <= since) return;
    result[index] = { receipt: { ...receipt, ...fate.first }, fate: before };
  });
  return result;
}
