/** Operating faults: waited out within bounds, and named for as long as they last. */
import { setTimeout as delay } from 'node:timers/promises';
import { OperatingFault, plainFailure, type PlainFailure } from '@tidemark/canonical';

const WAIT_FIRST_MS = 500;
const WAIT_MAX_MS = 15_000;
const FAULT_MS_MAX = 10 * 60_000;
/** Whoever has worked for so long since a fault is over it. */
const OVER_MS = 60_000;

/** The faults that last, by who suffers them. */
export class Faults {
  private readonly lasting = new Map<string, PlainFailure>();
  private readonly tell: (failure: PlainFailure, who: string) => void;
  /** How long one is waited out before the process stops. */
  readonly waitMsMax: number;

  /** @param tell is told of each fault when it is noted */
  constructor(
    tell: (failure: PlainFailure, who: string) => void,
    waitMsMax: number = FAULT_MS_MAX,
  ) {
    this.tell = tell;
    this.waitMsMax = waitMsMax;
  }

  note(who: string, failure: PlainFailure): void {
    this.lasting.set(who, failure);
    this.tell(failure, who);
  }

  over(who: string): void {
    this.lasting.delete(who);
  }

  /** One of the faults that last. */
  get first(): PlainFailure | undefined {
    return this.lasting.values().next().value;
  }
}

/**
 * Runs a loop until the signal aborts: after an operating fault again, after growing pauses.
 * @throws what is no operating fault, and a fault that lasts for too long
 */
export async function waitOut(
  who: string,
  faults: Faults,
  signal: AbortSignal,
  loop: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  let since: number | undefined;
  let wait = WAIT_FIRST_MS;
  while (!signal.aborted) {
    const started = performance.now();
    try {
      await loop(signal);
      return;
    } catch (error) {
      if (signal.aborted) return;
      const now = performance.now();
      if (now - started > OVER_MS) {
        since = undefined;
        wait = WAIT_FIRST_MS;
      }
      since ??= now;
      if (!(error instanceof OperatingFault) || now - since > faults.waitMsMax) throw error;
      faults.note(who, plainFailure(error));
      await delay(wait, undefined, { signal }).catch(() => undefined);
      wait = Math.min(2 * wait, WAIT_MAX_MS);
    }
  }
}
