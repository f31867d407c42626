/**
 * The newest version of every bin of one partition, in arrays: what a cut starts from, what the map
 * is built from, what a body loaded from disk is held against.
 */
import type { Delta } from './delta.ts';

export class Heads {
  /** The partition's first bin. */
  readonly first: number;
  readonly count: number;
  /** Versions; 0 before a bin's first. */
  readonly versions: Float64Array;
  /** Expiry in seconds since the epoch. */
  readonly expires: Uint32Array;
  /** File lengths in bytes. */
  readonly lengths: Uint32Array;
  /** Bytes of deltas since the last stored body. */
  readonly sinceBody: Uint32Array;
  private readonly digests: Buffer;

  constructor(first: number, count: number) {
    this.first = first;
    this.count = count;
    this.versions = new Float64Array(count);
    this.expires = new Uint32Array(count);
    this.lengths = new Uint32Array(count);
    this.sinceBody = new Uint32Array(count);
    this.digests = Buffer.alloc(count * 32);
  }

  /** SHA-256 of a bin's file, 64 hex. */
  sha256(bin: number): string {
    const at = (bin - this.first) * 32;
    return this.digests.toString('hex', at, at + 32);
  }

  version(bin: number): number {
    return this.versions[bin - this.first]!;
  }

  set(bin: number, version: number, delta: Omit<Delta, 'ops' | 'keyid' | 'signature'>): void {
    const at = bin - this.first;
    this.versions[at] = version;
    this.expires[at] = delta.expires;
    this.lengths[at] = delta.length;
    this.sinceBody[at] = delta.hasBody ? 0 : delta.sinceBody;
    this.digests.write(delta.sha256, at * 32, 32, 'hex');
  }

  /** The META entry of a bin as canonical JSON: `{"hashes":{"sha256":…},"length":…,"version":…}`. */
  metaText(bin: number): string {
    const at = bin - this.first;
    return (
      `{"hashes":{"sha256":"${this.digests.toString('hex', at * 32, at * 32 + 32)}"},` +
      `"length":${this.lengths[at]},"version":${this.versions[at]}}`
    );
  }
}
