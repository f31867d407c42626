/** How fast the queue empties, measured: what an honest "come again after so many seconds" needs. */

const WINDOW_MS = 5000;

export class DrainRate {
  private from: number;
  private amount = 0;
  private before = { amount: 0, ms: 0 };

  /** @param now milliseconds of the clock that {@link note} is given too */
  constructor(now: number) {
    this.from = now;
  }

  /** So much has left the queue: bytes, or events. */
  note(amount: number, now: number): void {
    if (now - this.from >= WINDOW_MS) {
      this.before = { amount: this.amount, ms: now - this.from };
      this.from = now;
      this.amount = 0;
    }
    this.amount += amount;
  }

  /** How much a second over the last five to ten seconds; 0 where nothing has left it in that time. */
  perSecond(now: number): number {
    const ms = now - this.from + this.before.ms;
    return ms <= 0 ? 0 : ((this.amount + this.before.amount) * 1000) / ms;
  }
}
