/** A batch of an import: sent, and each of its lines counted as what the ledger says became of it. */
import { canonicalText } from '@tidemark/canonical';
import type { Access } from '../access/access.ts';
import { inParallel } from '../access/parallel.ts';
import type { BadLine, GoodLine } from '../sources.ts';
import { importEventId } from '../sources/item.ts';
import { countCode, holds, isAsWanted, kindOf, placeOf } from './importAccount.ts';
import type { ImportAccount } from './importAccount.ts';
import { lookUp } from './listed.ts';
import { REASONS } from './reasons.ts';
import { firstFate, sendEvents, type Taken } from './send.ts';

/** Where lines are counted. */
export interface Counting {
  readonly access: Access;
  readonly account: ImportAccount;
  /** Is given every refused event. */
  readonly report: (bad: BadLine) => void;
  /** Called whenever lines have been accounted for. */
  readonly tell: () => void;
}

interface Sender extends Counting {
  /** Whether the ledger's policy lets other content take a path. */
  readonly replaces: boolean;
  /** The newest snapshot when it began. */
  readonly since: number;
}

/** A line whose event was sent before, and what the ledger says of it now. */
interface Seen {
  readonly line: GoodLine;
  readonly outcome: Taken;
}

/** Receipts that are looked up at the same time. */
const FIRST_AT_ONCE = 8;

/**
 * Sends a batch. What has been sent before is sent once more where it is not what is listed now: somebody removed it
 * since, or it was refused. What cannot be, or was sent once more before, is what it came to the first time.
 */
export async function sendBatch(sender: Sender, batch: readonly GoodLine[]): Promise<void> {
  const seen = await send(sender, batch);
  const repeatable = seen.map(({ line }) => line).filter(isRepeatable);
  const changed = await changedSince(sender, repeatable);
  const seenAgain = changed.length === 0 ? [] : await send(sender, changed);
  await countFirst(sender, [...seen.filter(({ line }) => !isRepeatable(line)), ...seenAgain]);
}

/** An event with an id of its own, or with a condition, is meant once. */
function isRepeatable({ ownId, event }: GoodLine): boolean {
  return !ownId && event.expected === undefined;
}

/** @returns those whose events were seen before; all others are accounted for */
async function send(sender: Sender, batch: readonly GoodLine[]): Promise<Seen[]> {
  const { access, account } = sender;
  const seen: Seen[] = [];
  const taken = await takenBefore(sender, batch);
  const events = batch.map(({ event }) => event);
  const outcomes = await sendEvents(access, events, 'published', sender.since);
  outcomes.forEach((outcome, index) => {
    const line = batch[index]!;
    if (!('fate' in outcome)) return reject(sender, line, outcome.code, outcome.detail);
    const { fate } = outcome;
    if ('code' in fate && fate.code === 'duplicate') seen.push({ line, outcome });
    else if (fate.state === 'applied') account[kindOf(line.event, taken.has(line))]++;
    else countIdle(sender, line, 'code' in fate ? fate.code : fate.state);
  });
  sender.tell();
  return seen;
}

/** Counts lines as what became of their events the first time: what was refused then is refused. */
async function countFirst(sender: Sender, seen: readonly Seen[]): Promise<void> {
  await inParallel(seen, FIRST_AT_ONCE, async ({ line, outcome }) => {
    const fate = await firstFate(sender.access, outcome);
    if (fate.state === 'applied') sender.account.unchanged++;
    else countIdle(sender, line, 'code' in fate ? fate.code : fate.state);
    sender.tell();
  });
}

/** Counts a line whose event changed nothing. */
function countIdle(sender: Sender, line: GoodLine, code: string): void {
  if (isAsWanted(line.event, code)) sender.account.unchanged++;
  else reject(sender, line, code, REASONS.get(code) ?? '');
}

function reject({ account, report }: Sender, line: GoodLine, code: string, message: string): void {
  countCode(account.rejected, code);
  report({ ...placeOf(line), code, message });
}

/**
 * The additions whose path is listed already: they replace. Looked up before they are sent, because an older
 * snapshot would have to be rebuilt for each; where somebody else writes to the path meanwhile, only the
 * count is of before.
 */
async function takenBefore(
  { access, replaces }: Sender,
  batch: readonly GoodLine[],
): Promise<ReadonlySet<GoodLine>> {
  const taken = new Set<GoodLine>();
  const unclear = batch.filter(
    ({ event }) => event.type === 'target.added' && (replaces || event.custom !== undefined),
  );
  await lookUp(
    access,
    unclear,
    ({ event }) => event.path,
    (line, { target }) => {
      if (target !== null) taken.add(line);
    },
  );
  return taken;
}

/** Those of which other content is listed now, or none, as events that say so; all others are accounted for. */
async function changedSince(sender: Sender, lines: readonly GoodLine[]): Promise<GoodLine[]> {
  const changed: GoodLine[] = [];
  await lookUp(
    sender.access,
    lines,
    ({ event }) => event.path,
    (line, { target, version }) => {
      const { event } = line;
      if (holds(event, target === null ? undefined : canonicalText(target))) {
        sender.account.unchanged++;
        sender.tell();
        return;
      }
      const { id: _, ...facts } = event;
      const expected = target?.hashes.sha256 ?? 'absent';
      changed.push({ ...line, event: { ...event, id: importEventId(facts, version), expected } });
    },
  );
  return changed;
}
