/**
 * Reading a partition's leaves log: which records make up its part of a cut.
 *
 * The log may hold anything: records of replicas, of a shard that died half-way, of whoever can write
 * to it. Only a subtree record that a listed shard signed for the very cut counts; it names its
 * records by hash, and they stand before it. The first one wins, and the search for the next cut
 * begins behind it. So what is found depends on the log alone, not on who reads it or from where.
 *
 * Who cannot sign for a shard takes no room that others need: subtree records are judged as they are
 * read, and unsigned records wait in bounded memory, from which they may be crowded out. Those that
 * turn out to be vouched for are then read once more.
 */
import { RejectedInput } from '@tidemark/canonical';
import { sha256HexNative, verifyEd25519Native } from '@tidemark/canonical/native';
import {
  decodeRecord,
  verifyRecord,
  type IndexSigned,
  type LogRecord,
  type Outcome,
  type OutcomesSigned,
  type RoleLeaf,
  type RolesSigned,
  type SubtreeSigned,
} from '@tidemark/event';
import { demandNoTruncation, type Chunk, type Log } from '@tidemark/log';
import type { Cut } from './control.ts';

/** A partition's part of a cut, complete. */
export interface PartitionCut {
  readonly subtree: SubtreeSigned;
  readonly roles: readonly RoleLeaf[];
  readonly outcomes: readonly Outcome[];
}

/** What a subtree record may name. */
type Page = RolesSigned | OutcomesSigned | IndexSigned;

/** Bytes of unsigned records kept while no subtree record names them, unless said otherwise. */
const POOL_BYTES_MAX = 32 << 20;
/** What a kept record takes besides its bytes, roughly. */
const KEPT_BYTES = 256;

export class LeafCollector {
  private readonly log: Log;
  private readonly partition: number;
  private readonly poolBytesMax: number;
  /** Where the search for the next cut begins: behind the subtree record of the last one taken. */
  private start: number;
  /** The offset of the next record to judge. */
  private next: number;
  /** What was read last: it may hold the records of many cuts. */
  private chunk: Chunk = { first: 0, records: [] };
  /** Unsigned records between `start` and `next`, by hash, oldest first. */
  private readonly pool = new Map<string, Uint8Array>();
  /** Whether the pool lacks records that stand there. */
  private isPoolPartial = false;
  /** The hash of the cut last looked for, and its part. */
  private sought: string | undefined;
  private found: PartitionCut | undefined;
  /** Bytes that the unsigned records kept take. */
  memoryBytes = 0;
  /** Records passed over, by reason. */
  readonly ignored = new Map<string, number>();

  /** @param position behind the subtree record of the last cut settled */
  constructor(
    log: Log,
    partition: number,
    position: number,
    poolBytesMax: number = POOL_BYTES_MAX,
  ) {
    this.log = log;
    this.partition = partition;
    this.poolBytesMax = poolBytesMax;
    this.start = position;
    this.next = position;
  }

  /** Behind the subtree record of the last cut taken: where another reader may begin. */
  get position(): number {
    return this.start;
  }

  /** Whether {@link find} has found the cut's part. */
  has(cut: Cut): boolean {
    return this.sought === cut.hash && this.found !== undefined;
  }

  /**
   * Reads until the log shows the cut's part, or to its end. Of a cut whose void stands in its place
   * nothing is left to be found: whoever looks for another one begins again at {@link position}.
   * @throws BrokenInvariant `log.truncated`
   */
  async find(cut: Cut): Promise<PartitionCut | undefined> {
    if (this.sought !== cut.hash) this.begin(cut.hash, this.start);
    if (this.found !== undefined) return this.found;
    const end = await this.log.end(this.partition);
    demandNoTruncation('leaves', this.partition, end, this.next);
    while (this.next < end) {
      for (const bytes of await this.read(this.next)) {
        const subtree = this.judge(bytes, cut);
        if (subtree !== undefined) this.found = await this.complete(subtree, this.next);
        this.next++;
        if (this.found !== undefined) return this.found;
        if (subtree !== undefined) this.ignore('leaves.subtree');
      }
    }
    return undefined;
  }

  /** Resolves when there is more to read, or when the signal aborts. */
  async more(signal: AbortSignal): Promise<void> {
    await this.log.read(this.partition, this.next, signal);
  }

  /**
   * Passes over records that the caller has appended for the cut that it looked for in vain.
   * @returns false where others stand before them: then it has to look again
   */
  passOver(first: number, count: number): boolean {
    this.isPoolPartial = true;
    if (first !== this.next) return false;
    this.next += count;
    return true;
  }

  /** The cut that was looked for is done: the next one's records stand behind what was read. */
  take(): void {
    this.begin(undefined, this.next);
  }

  private begin(sought: string | undefined, start: number): void {
    this.start = start;
    this.next = start;
    this.sought = sought;
    this.found = undefined;
    this.pool.clear();
    this.memoryBytes = 0;
    this.isPoolPartial = false;
  }

  private async read(from: number): Promise<readonly Uint8Array[]> {
    const { first, records } = this.chunk;
    if (from < first || from >= first + records.length) {
      this.chunk = await this.log.read(this.partition, from);
    }
    return this.chunk.records.slice(from - this.chunk.first);
  }

  /** Keeps an unsigned record; of others returns the subtree record that a listed shard signed for the cut. */
  private judge(bytes: Uint8Array, cut: Cut): SubtreeSigned | undefined {
    if (isUnsigned(bytes)) {
      const n = statedCut(bytes);
      if (n === cut.n) this.keep(bytes);
      else this.ignore(n === 0 ? 'leaves.shape' : 'leaves.cut');
      return undefined;
    }
    try {
      const record = decodeRecord(bytes);
      if (record.signed.type === 'subtree')
        return this.vouched(record as LogRecord<SubtreeSigned>, cut);
      if (record.signed.type !== 'genesis') this.ignore('leaves.type');
    } catch (error) {
      if (!(error instanceof RejectedInput)) throw error;
      this.ignore(error.code);
    }
    return undefined;
  }

  private vouched(record: LogRecord<SubtreeSigned>, cut: Cut): SubtreeSigned | undefined {
    const { signed } = record;
    if (signed.n !== cut.n || signed.cut !== cut.hash || signed.partition !== this.partition) {
      this.ignore('leaves.cut');
      return undefined;
    }
    if (verifyRecord(record, cut.view.keys.shard, 1, verifyEd25519Native)) return signed;
    this.ignore('leaves.signature');
    return undefined;
  }

  /** What the records named by a subtree record say; undefined where one is missing or none of this cut's. */
  private async complete(
    subtree: SubtreeSigned,
    offset: number,
  ): Promise<PartitionCut | undefined> {
    let pages = await this.pages(subtree, subtree.records, offset);
    if (pages?.[0]?.type === 'index') {
      const hashes = pages.flatMap((page) => (page.type === 'index' ? page.records : []));
      pages = await this.pages(subtree, hashes, offset);
    }
    if (pages === undefined) return undefined;
    const roles: RoleLeaf[] = [];
    const outcomes: Outcome[] = [];
    for (const page of pages) {
      if (page.type === 'index') return undefined;
      if (page.type === 'roles') roles.push(...page.leaves);
      else outcomes.push(...page.outcomes);
    }
    return roles.length === subtree.roles ? { subtree, roles, outcomes } : undefined;
  }

  /** What stands in the records with these hashes; undefined where one is missing or none of this cut's. */
  private async pages(
    { n, partition }: SubtreeSigned,
    hashes: readonly string[],
    offset: number,
  ): Promise<Page[] | undefined> {
    const records = await this.named(hashes, offset);
    const pages: Page[] = [];
    for (const bytes of records ?? []) {
      const page = pageOf(bytes);
      if (page?.n !== n || page.partition !== partition) return undefined;
      pages.push(page);
    }
    return records && pages;
  }

  /** The records with these hashes that stand between the search's start and an offset. */
  private async named(hashes: readonly string[], to: number): Promise<Uint8Array[] | undefined> {
    const records = new Map<string, Uint8Array>();
    for (const hash of hashes) {
      const bytes = this.pool.get(hash);
      if (bytes !== undefined) records.set(hash, bytes);
    }
    const wanted = new Set(hashes);
    if (records.size < wanted.size && this.isPoolPartial) {
      await this.readAgain(wanted, records, to);
    }
    const found = hashes.map((hash) => records.get(hash));
    return found.every((bytes) => bytes !== undefined) ? found : undefined;
  }

  /** Finds what was crowded out of the pool. */
  private async readAgain(
    wanted: ReadonlySet<string>,
    records: Map<string, Uint8Array>,
    to: number,
  ): Promise<void> {
    for (let from = this.start; from < to && records.size < wanted.size;) {
      const chunk = await this.log.read(this.partition, from);
      for (const bytes of chunk.records.slice(0, to - from)) {
        const hash = isUnsigned(bytes) ? sha256HexNative(bytes) : '';
        if (wanted.has(hash)) records.set(hash, new Uint8Array(bytes));
      }
      from += chunk.records.length;
    }
  }

  private keep(bytes: Uint8Array): void {
    const hash = sha256HexNative(bytes);
    if (this.pool.has(hash)) return;
    // A copy: what was read may be a view of far more.
    this.pool.set(hash, new Uint8Array(bytes));
    this.memoryBytes += bytes.length + KEPT_BYTES;
    for (const [oldest, kept] of this.pool) {
      if (this.memoryBytes <= this.poolBytesMax) break;
      this.pool.delete(oldest);
      this.memoryBytes -= kept.length + KEPT_BYTES;
      this.isPoolPartial = true;
    }
  }

  private ignore(code: string): void {
    this.ignored.set(code, (this.ignored.get(code) ?? 0) + 1);
  }
}

/** A shard's key alone must not make readers fail: what it vouches for may still be no record. */
function pageOf(bytes: Uint8Array): Page | undefined {
  try {
    const { signed } = decodeRecord(bytes);
    const isPage = signed.type === 'roles' || signed.type === 'outcomes' || signed.type === 'index';
    return isPage ? signed : undefined;
  } catch (error) {
    if (error instanceof RejectedInput) return undefined;
    throw error;
  }
}

/** The cut that a record says it belongs to: at the end of a role record, near the beginning of others. */
function statedCut(bytes: Uint8Array): number {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = view.toString('latin1', Math.max(0, bytes.length - STATED_WITHIN_BYTES));
  const n = STATED.exec(end)?.[1] ?? STATED.exec(view.toString('latin1', 0, 2048))?.[1];
  return n === undefined ? 0 : Number(n);
}

const STATED = /"n":(\d{1,15}),"(?:partition|outcomes)"/;
const STATED_WITHIN_BYTES = 96;
const UNSIGNED = Buffer.from('{"signatures":[],"signed":{"i":', 'latin1');

function isUnsigned(bytes: Uint8Array): boolean {
  return Buffer.compare(bytes.subarray(0, UNSIGNED.length), UNSIGNED) === 0;
}
