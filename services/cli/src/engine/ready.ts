/**
 * Whether a ledger does its work: what `/readyz` says to who routes traffic or wakes people. `/healthz`
 * only says that the process answers.
 */
import type { PlainFailure } from '@tidemark/canonical';
import type { Engine } from './engine.ts';
import { timestampExpires } from '../operations/expiries.ts';

/** What is looked at. Times in ms of the wall clock. */
export interface Vitals {
  /** An operating fault that is being waited out. */
  readonly fault: PlainFailure | undefined;
  /** When the timestamp that is served expires; undefined before the first. */
  readonly timestampExpires: number | undefined;
  /** Bytes of events that wait to be appended, and how many may. */
  readonly queueBytes: number;
  readonly queueBytesMax: number;
}

export interface Reason {
  readonly code: string;
  readonly detail: string;
}

/** How it is now. */
export function vitalsOf({ fault, publisher, intake }: Engine): Vitals {
  return {
    fault,
    timestampExpires: timestampExpires(publisher),
    queueBytes: intake.queueBytes,
    queueBytesMax: intake.queueBytesMax,
  };
}

/** Why it is not ready; empty where it is. */
export function reasonsAgainst(vitals: Vitals, now: number): Reason[] {
  const { fault, timestampExpires, queueBytes, queueBytesMax } = vitals;
  const reasons: Reason[] = [];
  if (fault !== undefined) reasons.push({ code: fault.code, detail: fault.message });
  if (timestampExpires === undefined) {
    reasons.push({ code: 'timestamp.absent', detail: 'there is no snapshot yet' });
  } else if (timestampExpires <= now) {
    const since = new Date(timestampExpires).toISOString();
    const detail = `the timestamp expired at ${since}: clients refuse it, and nothing new is published`;
    reasons.push({ code: 'timestamp.expired', detail });
  }
  if (queueBytes >= queueBytesMax) {
    reasons.push({
      code: 'intake.busy',
      detail: `${queueBytes} bytes of events wait for the disk`,
    });
  }
  return reasons;
}
