/**
 * Events that are durable and that no snapshot shows yet: how far uploads may run ahead of snapshots.
 *
 * The log takes more than shards fold and sign. Without a bound the wait for a snapshot would grow as long
 * as somebody uploads too fast, for everybody. What may wait is a number of events, or what the snapshots
 * of the last seconds would show in {@link AHEAD_SECONDS}, whichever is more: so a list may be loaded with
 * large cuts far apart.
 */
import { DrainRate } from './drainRate.ts';
import type { Receipt } from './intake.ts';

const AHEAD_SECONDS = 10;
const WAIT_SECONDS_MAX = 60;
/** What an uploader is told where nothing has been shown for a while. */
const WAIT_SECONDS_UNKNOWN = 5;

/** A record of a partition, with the number of its events that were acknowledged. */
interface Waiting {
  readonly offset: number;
  events: number;
}

export class Unseen {
  /** Events that wait. */
  events = 0;
  private readonly waiting: Waiting[][];
  private readonly eventsMax: number;
  private readonly shown: DrainRate;

  /**
   * @param eventsMax may wait in any case
   * @param now ms of a clock, as everywhere here
   */
  constructor(partitions: number, eventsMax: number, now: number) {
    this.waiting = Array.from({ length: partitions }, () => []);
    this.eventsMax = eventsMax;
    this.shown = new DrainRate(now);
  }

  /** These have become durable. */
  add(receipts: readonly Receipt[]): void {
    for (const { partition, offset } of receipts) {
      const waiting = this.waiting[partition]!;
      const last = waiting.at(-1);
      if (last?.offset === offset) last.events++;
      else waiting.push({ offset, events: 1 });
    }
    this.events += receipts.length;
  }

  /** A snapshot shows everything before these offsets. */
  show(vector: readonly number[], now: number): void {
    let events = 0;
    vector.forEach((end, p) => {
      const waiting = this.waiting[p]!;
      let seen = 0;
      // Acknowledged out of order, one may have to wait for those before it in the list: no harm.
      while (seen < waiting.length && waiting[seen]!.offset < end)
        events += waiting[seen++]!.events;
      waiting.splice(0, seen);
    });
    this.events -= events;
    this.shown.note(events, now);
  }

  /** 0 where more may come, else the seconds after which it may. */
  waitSeconds(now: number): number {
    const perSecond = this.shown.perSecond(now);
    const most = Math.max(this.eventsMax, perSecond * AHEAD_SECONDS);
    if (this.events < most) return 0;
    if (perSecond === 0) return WAIT_SECONDS_UNKNOWN;
    // Until half of them are shown: those who come again find room.
    const seconds = Math.ceil((this.events - most / 2) / perSecond);
    return Math.min(Math.max(seconds, 1), WAIT_SECONDS_MAX);
  }
}
