/**
 * How much each subject may send: a bucket of tokens that fills at a steady rate. What does not fit is
 * refused with the time after which it will.
 */

interface Bucket {
  tokens: number;
  /** When it was last filled, ms. */
  at: number;
}

export interface RateLimitOptions {
  /** Units a second, in the long run. */
  readonly perSecond: number;
  /** Units at once. */
  readonly burst: number;
  /** Subjects remembered: the one not heard of for longest is forgotten first, with a full bucket. */
  readonly subjectsMax?: number;
}

const SUBJECTS_MAX = 10_000;

export class RateLimit {
  private readonly options: RateLimitOptions;
  private readonly buckets = new Map<string, Bucket>();

  constructor(options: RateLimitOptions) {
    this.options = options;
  }

  /**
   * Takes units from a subject's bucket, all or none.
   * @param now milliseconds of a clock that does not jump
   * @returns 0 where they were taken, else the seconds after which they can be
   */
  take(subject: string, units: number, now: number): number {
    const { perSecond, burst } = this.options;
    const bucket = this.bucketOf(subject, now);
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) * perSecond) / 1000);
    bucket.at = now;
    // More than a bucket holds at once would never fit: it takes a full one, and the next has to wait.
    if (bucket.tokens >= Math.min(units, burst)) {
      bucket.tokens -= units;
      return 0;
    }
    return (Math.min(units, burst) - bucket.tokens) / perSecond;
  }

  private bucketOf(subject: string, now: number): Bucket {
    const { burst, subjectsMax = SUBJECTS_MAX } = this.options;
    const bucket = this.buckets.get(subject) ?? { tokens: burst, at: now };
    this.buckets.delete(subject);
    this.buckets.set(subject, bucket);
    if (this.buckets.size > subjectsMax) {
      const [oldest] = this.buckets.keys();
      this.buckets.delete(oldest!);
    }
    return bucket;
  }
}
