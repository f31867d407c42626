/** What an import comes to, line by line: every one is counted under exactly one head, so that they add up. */
import type { Event } from '@tidemark/event';
import { decide } from '@tidemark/ledger';
import type { BadLine, GoodLine } from '../sources.ts';

export interface ImportAccount {
  /** Lines that say something: bad ones, and events; of a Debian index, stanzas. The sum of what follows up to `bad`. */
  lines: number;
  added: number;
  /** Listed before, with other content or another `custom`. */
  replaced: number;
  removed: number;
  yanked: number;
  /** What is as the line wants it already; so are lines that were imported before. */
  unchanged: number;
  /** By code: events that the ledger refused. */
  readonly rejected: Map<string, number>;
  /** By code: lines that are no events. */
  readonly bad: Map<string, number>;
  /** Of the source, as it lies or comes: before decompression. */
  bytesRead: number;
  /** From the first line to the snapshot that lists the last one. */
  seconds: number;
}

/** The heads under which what changed is counted. */
export type Kind = 'added' | 'replaced' | 'removed' | 'yanked';

export function emptyAccount(): ImportAccount {
  const none = { added: 0, replaced: 0, removed: 0, yanked: 0, unchanged: 0 };
  return { lines: 0, ...none, rejected: new Map(), bad: new Map(), bytesRead: 0, seconds: 0 };
}

/** Counts one more under a code. */
export function countCode(counts: Map<string, number>, code: string): void {
  counts.set(code, (counts.get(code) ?? 0) + 1);
}

/** How many lines are counted under a head. */
export function accountedFor(account: ImportAccount): number {
  const { added, replaced, removed, yanked, unchanged, rejected, bad } = account;
  let sum = added + replaced + removed + yanked + unchanged;
  for (const counts of [rejected, bad]) for (const n of counts.values()) sum += n;
  return sum;
}

/** Where a line stands, for what is said about it. */
export function placeOf({ line, document }: GoodLine): Pick<BadLine, 'line' | 'document'> {
  return document === undefined ? { line } : { line, document };
}

/** @param wasListed whether something was listed at the path before */
export function kindOf(event: Event, wasListed: boolean): Kind {
  if (event.type === 'target.removed') return 'removed';
  if (event.type === 'target.yanked') return 'yanked';
  return wasListed ? 'replaced' : 'added';
}

/** Whether a code says that all is as the event wants it: a list of removals may be imported twice. */
export function isAsWanted(event: Event, code: string): boolean {
  return code === 'unchanged' || (code === 'absent' && event.type === 'target.removed');
}

/** Whether a target's canonical value, or undefined where none is listed, is what the event would make of it. */
export function holds(event: Event, value: string | undefined): boolean {
  const decision = decide(event, { value, version: undefined }, 'reject');
  return 'code' in decision && isAsWanted(event, decision.code);
}
