/**
 * What a look gave last, for whoever must not wait: a disk or a log that hangs keeps nobody from being told
 * the rest.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { OperatingFault } from '@tidemark/canonical';

/** Longer than any look takes where nothing is wrong. */
const WAIT_MS_MAX = 250;

export class Latest<T> {
  private readonly look: () => Promise<T>;
  private readonly waitMsMax: number;
  private known: T;
  private looking: Promise<void> | undefined;

  /**
   * @param first until a look has given something
   * @param waitMsMax for a look; with 0 each gives what the one before has seen
   */
  constructor(look: () => Promise<T>, first: T, waitMsMax: number = WAIT_MS_MAX) {
    this.look = look;
    this.known = first;
    this.waitMsMax = waitMsMax;
  }

  /**
   * Looks, unless a look is under way, and waits for it a moment at the most.
   * @returns what was seen last; after an operating fault that is an earlier look's
   */
  async get(): Promise<T> {
    this.looking ??= this.lookOnce().finally(() => (this.looking = undefined));
    // Whoever still waits is told; there may be nobody.
    this.looking.catch(() => undefined);
    if (this.waitMsMax === 0) return this.known;
    const waiting = new AbortController();
    const { signal } = waiting;
    const waited = delay(this.waitMsMax, undefined, { signal }).catch(() => undefined);
    try {
      await Promise.race([this.looking, waited]);
    } finally {
      waiting.abort();
    }
    return this.known;
  }

  private async lookOnce(): Promise<void> {
    try {
      this.known = await this.look();
    } catch (error) {
      if (!(error instanceof OperatingFault)) throw error;
    }
  }
}
