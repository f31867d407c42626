/** How fast the queue empties, measured: what an honest "come again after so many seconds" needs. */

const WINDOW_MS = 5000;

export class DrainRate {
  private from: number;
  private bytes = 0;
  private before = { bytes: 0, ms: 0 };

  /** @param now milliseconds of the clock that {@link note} is given too */
  constructor(now: number) {
    this.from = now;
  }

  /** So many bytes have left the queue. */
  note(bytes: number, now: number): void {
    if (now - this.from >= WINDOW_MS) {
      this.before = { bytes: this.bytes, ms: now - this.from };
      this.from = now;
      this.bytes = 0;
    }
    this.bytes += bytes;
  }

  /** Bytes a second over the last five to ten seconds; 0 where nothing has left it in that time. */
  perSecond(now: number): number {
    const ms = now - this.from + this.before.ms;
    return ms <= 0 ? 0 : ((this.bytes + this.before.bytes) * 1000) / ms;
  }
}
