/**
 * The bodies of bins: cached within a memory budget, rebuilt from base and deltas when asked for.
 *
 * Nothing read from disk is trusted: whatever is rebuilt is hashed against the digest that its own
 * delta (and, for a newest version, the head) states before anything is spliced into it or served.
 */
import { BrokenInvariant } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import { formatExpires } from '@tidemark/tuf';
import { BinFile, type BinScratch } from './binFile.ts';
import { decodeDelta, type Delta } from './delta.ts';
import type { Heads } from './heads.ts';
import { ROW, rowKey, type Rows } from './rows.ts';

export class Bodies {
  private readonly rows: Rows;
  private readonly heads: Heads;
  private readonly scratch: BinScratch;
  private readonly budgetBytes: number;
  private readonly cached = new Map<number, BinFile>();
  /** Bins whose newest version is not yet written: they may not leave memory. */
  private readonly unwritten = new Set<number>();
  /** Bytes of all cached bodies. */
  memoryBytes = 0;

  constructor(rows: Rows, heads: Heads, scratch: BinScratch, budgetBytes: number) {
    this.rows = rows;
    this.heads = heads;
    this.scratch = scratch;
    this.budgetBytes = budgetBytes;
  }

  /** A bin at its newest version; the caller may change it only between {@link change} and {@link written}. */
  get(bin: number): BinFile {
    const cached = this.cached.get(bin);
    if (cached !== undefined) {
      this.cached.delete(bin);
      this.cached.set(bin, cached);
      return cached;
    }
    const version = this.heads.version(bin);
    const body =
      version === 0 ? BinFile.empty() : this.rebuild(bin, version, this.heads.sha256(bin));
    this.cached.set(bin, body);
    this.memoryBytes += body.memoryBytes;
    this.evict();
    return body;
  }

  /** Changes a body under `splice`, keeps it in memory until {@link written}. */
  change(bin: number, splice: (body: BinFile) => void): BinFile {
    // Marked first: with a small budget `get` would evict it at once, and its bytes count twice.
    this.unwritten.add(bin);
    const body = this.get(bin);
    this.memoryBytes -= body.memoryBytes;
    splice(body);
    this.memoryBytes += body.memoryBytes;
    return body;
  }

  /** Everything changed so far is in the database: bodies may be evicted again. */
  written(): void {
    this.unwritten.clear();
    this.evict();
  }

  /**
   * The bytes of any stored version of a bin.
   * @returns undefined where there is no such version
   */
  file(bin: number, version: number): Buffer | undefined {
    if (version === this.heads.version(bin) && this.cached.has(bin) && !this.unwritten.has(bin)) {
      return Buffer.from(this.cached.get(bin)!.view());
    }
    if (this.rows.get(rowKey(ROW.delta, bin, version)) === undefined) return undefined;
    return this.rebuild(bin, version, undefined).view();
  }

  /** One stored version as its delta, or undefined. */
  delta(bin: number, version: number): Delta | undefined {
    const row = this.rows.get(rowKey(ROW.delta, bin, version));
    return row === undefined ? undefined : decodeDelta(row);
  }

  /**
   * Rebuilds a version: the nearest body at or below it, then the deltas behind that body.
   * @param sha256 what its head says of it; of an old version only its delta does
   */
  private rebuild(bin: number, version: number, sha256: string | undefined): BinFile {
    const chain: Delta[] = [];
    let body = BinFile.empty();
    let keyid = '';
    for (let at = version; at !== 0;) {
      const delta = this.delta(bin, at);
      if (delta === undefined) throw missing(bin, at);
      if (delta.hasBody) {
        const stored = this.rows.get(rowKey(ROW.body, bin, at));
        if (stored === undefined) throw missing(bin, at);
        // A copy: the deltas are spliced into it, and the database may still hold what it returned.
        body = BinFile.parse(Buffer.from(stored));
        keyid = body.keyid;
        if (at === version) return checked(body, delta, sha256, bin, version);
        break;
      }
      if (delta.before >= at) {
        throw new BrokenInvariant('state.delta', `bin ${bin} version ${at} follows a later one`);
      }
      chain.push(delta);
      at = delta.before;
    }
    for (const delta of chain.toReversed()) {
      body.apply(delta.ops, this.scratch);
      keyid = delta.keyid ?? keyid;
    }
    const last = chain[0]!;
    body.stamp(version, formatExpires(last.expires * 1000));
    body.seal(keyid, last.signature);
    return checked(body, last, sha256, bin, version);
  }

  private evict(): void {
    if (this.memoryBytes <= this.budgetBytes) return;
    for (const [bin, body] of this.cached) {
      if (this.unwritten.has(bin)) continue;
      this.cached.delete(bin);
      this.memoryBytes -= body.memoryBytes;
      if (this.memoryBytes <= this.budgetBytes) return;
    }
  }
}

function checked(
  body: BinFile,
  delta: Delta,
  sha256: string | undefined,
  bin: number,
  version: number,
): BinFile {
  if (sha256 !== undefined && delta.sha256 !== sha256) {
    throw new BrokenInvariant('state.body', `bin ${bin} v${version} is not what its head states`);
  }
  if (sha256HexNative(body.view()) === delta.sha256) return body;
  throw new BrokenInvariant(
    'state.body',
    `bin ${bin} version ${version}: the stored bytes do not give the file that was signed; ` +
      'delete this state, it is rebuilt from the log',
  );
}

function missing(bin: number, version: number): BrokenInvariant {
  return new BrokenInvariant(
    'state.missing',
    `bin ${bin} version ${version} is not stored; delete this state, it is rebuilt from the log`,
  );
}
