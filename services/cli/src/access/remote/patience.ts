/**
 * Waiting for a server that cannot answer now: as long as it asks for, else with growing pauses, and in sum no longer
 * than a bound in which nothing gets on.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { OperatingFault } from '@tidemark/canonical';

/** Why there is no answer yet. */
export interface Trouble {
  /** The failure that it becomes where it lasts. */
  readonly code: 'ledger.gone' | 'remote.busy' | 'remote.down';
  /** For people: completes “waiting: ”. */
  readonly why: string;
  /** When to come again, as the server said. */
  readonly afterMs?: number | undefined;
}

const PAUSE_FIRST_MS = 250;
const PAUSE_MAX_MS = 10_000;
/** The same trouble is told once in so long. */
const SAID_MS = 30_000;

export class Patience {
  private readonly boundMs: number;
  private readonly say: (message: string) => void;
  /** When anything got on last: each answer that is one counts. */
  private progressAt = 0;
  /** Whether the server was ever there: then one that is not is away, and no wrong address. */
  isThere = false;
  private turn: Promise<unknown> = Promise.resolve();
  private said = { why: '', at: 0 };

  constructor(boundMs: number, say: (message: string) => void) {
    this.boundMs = boundMs;
    this.say = say;
  }

  noteProgress(): void {
    this.progressAt = performance.now();
  }

  /**
   * Tries again until there is an answer. Of many requests in trouble one at a time tries, so that a server which has
   * too much to do is not asked everything at once again.
   * @throws OperatingFault `ledger.gone`, `remote.busy`, `remote.down` after the bound; what `attempt` throws
   */
  async persist<T>(first: Trouble, attempt: () => Promise<T | Trouble>): Promise<T> {
    const since = performance.now();
    const mine = this.turn.then(async () => this.tryOn(first, since, attempt));
    this.turn = mine.catch(() => undefined);
    return mine;
  }

  private async tryOn<T>(
    first: Trouble,
    since: number,
    attempt: () => Promise<T | Trouble>,
  ): Promise<T> {
    let trouble = first;
    let pause = PAUSE_FIRST_MS;
    for (;;) {
      const { afterMs } = trouble;
      const wait = afterMs === undefined ? pause : Math.max(afterMs, PAUSE_FIRST_MS);
      const left = Math.max(since, this.progressAt) + this.boundMs - performance.now();
      if (wait > left) throw this.endOf(trouble);
      this.tell(trouble.why, wait);
      await delay(wait);
      const result = await attempt();
      if (!isTrouble(result)) return result;
      trouble = result;
      pause = Math.min(2 * pause, PAUSE_MAX_MS);
    }
  }

  private tell(why: string, waitMs: number): void {
    const now = performance.now();
    // Less than a second is nobody's business.
    if (waitMs < 1000 || (this.said.why === why && now - this.said.at < SAID_MS)) return;
    this.said = { why, at: now };
    this.say(`waiting ${Math.ceil(waitMs / 1000)} s: ${why}`);
  }

  private endOf({ code, why, afterMs }: Trouble): OperatingFault {
    const asked = afterMs === undefined ? '' : `, asked to come again in ${afterMs / 1000} s`;
    return new OperatingFault(
      code,
      `${why}${asked}: given up, as nothing got on for ${this.boundMs / 1000} s (--retry-for). ` +
        'What was acknowledged is safe, and repeating the command is harmless',
    );
  }
}

export function isTrouble(result: unknown): result is Trouble {
  return typeof result === 'object' && result !== null && 'why' in result;
}
