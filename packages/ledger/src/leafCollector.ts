/**
 * Reading a partition's leaves log: which records make up its part of a cut.
 *
 * The log may hold anything: records of replicas, of a shard that died half-way, of whoever can write
 * to it. Only a subtree record that a listed shard signed for the very cut counts, and it names its
 * records by hash; everything else is passed over.
 */
import { equalBytes, RejectedInput } from '@tidemark/canonical';
import { sha256HexNative, verifyEd25519Native } from '@tidemark/canonical/native';
import {
  decodeRecord,
  verifyRecord,
  type LogRecord,
  type Outcome,
  type OutcomesSigned,
  type RoleLeaf,
  type RolesSigned,
  type SubtreeSigned,
} from '@tidemark/event';
import type { Cut } from './control.ts';

/** A partition's part of a cut, complete. */
export interface PartitionCut {
  readonly subtree: SubtreeSigned;
  readonly roles: readonly RoleLeaf[];
  readonly outcomes: readonly Outcome[];
}

/** Bytes of unsigned records kept while no subtree record names them, unless said otherwise. */
const POOL_BYTES_MAX = 256 << 20;
/** Subtree records kept for one cut: one a replica, and room for some that are not valid. */
const CANDIDATES_MAX = 64;

export class LeafCollector {
  private readonly partition: number;
  private readonly poolBytesMax: number;
  private readonly pool = new Map<string, { readonly bytes: Uint8Array; readonly n: number }>();
  private poolBytes = 0;
  private readonly subtrees = new Map<number, LogRecord<SubtreeSigned>[]>();
  /** The first offset at which a record said to be of a cut stands. */
  private readonly firsts = new Map<number, number>();
  /** The cut last looked for, and its part. */
  private found: { readonly cut: string; readonly part: PartitionCut } | undefined;
  /** The highest cut taken: what is for it or below is of no use any more. */
  private taken = 0;
  /** Records passed over, by reason. */
  readonly ignored = new Map<string, number>();

  constructor(partition: number, taken: number, poolBytesMax: number = POOL_BYTES_MAX) {
    this.partition = partition;
    this.taken = taken;
    this.poolBytesMax = poolBytesMax;
  }

  /** Takes the next record of the partition's leaves log. */
  add(bytes: Uint8Array, offset: number): void {
    const n = statedCut(bytes);
    if (n > this.taken && !this.firsts.has(n)) this.firsts.set(n, offset);
    if (isUnsigned(bytes)) {
      if (n === 0) this.ignore('leaves.shape');
      // What a replica reports once more is of no use, and must not fill the pool.
      else if (n <= this.taken) this.ignore('leaves.late');
      else this.keep(bytes, n);
      return;
    }
    try {
      const record = decodeRecord(bytes);
      if (record.signed.type !== 'subtree') {
        if (record.signed.type !== 'genesis') this.ignore('leaves.type');
        return;
      }
      this.candidate(record as LogRecord<SubtreeSigned>);
    } catch (error) {
      if (!(error instanceof RejectedInput)) throw error;
      this.ignore(error.code);
    }
  }

  /** The partition's part of a cut, once it is complete; the first that is valid. */
  take(cut: Cut): PartitionCut | undefined {
    const found = this.peek(cut);
    if (found === undefined) return undefined;
    this.settle(cut.n);
    return found;
  }

  /** Where to read from to see everything of the cuts behind n again; `position` is where reading is. */
  resumeFrom(n: number, position: number): number {
    let from = position;
    for (const [cut, first] of this.firsts) {
      if (cut <= n) this.firsts.delete(cut);
      else from = Math.min(from, first);
    }
    return from;
  }

  /** Whether {@link take} would find the cut's part now. */
  has(cut: Cut): boolean {
    return this.peek(cut) !== undefined;
  }

  /** As {@link take}, but keeps it. */
  peek(cut: Cut): PartitionCut | undefined {
    if (this.found?.cut === cut.hash) return this.found.part;
    for (const record of this.subtrees.get(cut.n) ?? []) {
      const { signed } = record;
      if (signed.cut !== cut.hash || !this.isComplete(signed)) continue;
      const isSigned = verifyRecord(record, cut.view.keys.shard, 1, verifyEd25519Native);
      const part = isSigned ? this.read(signed) : undefined;
      if (part === undefined) {
        this.refuse(record);
        continue;
      }
      this.found = { cut: cut.hash, part };
      return part;
    }
    return undefined;
  }

  /** Cut n is void: its number is settled, and what was collected for it is of no use. */
  forget(n: number): void {
    this.settle(n);
    for (const known of this.firsts.keys()) if (known <= n) this.firsts.delete(known);
  }

  private settle(n: number): void {
    this.taken = n;
    this.found = undefined;
    for (const known of this.subtrees.keys()) if (known <= n) this.subtrees.delete(known);
    for (const [hash, kept] of this.pool) if (kept.n <= n) this.drop(hash);
  }

  private candidate(record: LogRecord<SubtreeSigned>): void {
    const { signed } = record;
    if (signed.partition !== this.partition || signed.n <= this.taken) return;
    const known = this.subtrees.get(signed.n) ?? [];
    if (known.some((other) => isSame(other, record))) return;
    if (known.length >= CANDIDATES_MAX) return this.ignore('leaves.candidates');
    this.subtrees.set(signed.n, [...known, record]);
  }

  /** A forgery makes room: whoever reads on must find the record that counts. */
  private refuse(record: LogRecord<SubtreeSigned>): void {
    const { n } = record.signed;
    const others = (this.subtrees.get(n) ?? []).filter((other) => other !== record);
    this.subtrees.set(n, others);
    this.ignore('leaves.subtree');
  }

  private isComplete(signed: SubtreeSigned): boolean {
    return signed.records.every((hash) => this.pool.has(hash));
  }

  /** What the records named by a subtree say; undefined where one of them is none of this cut's. */
  private read(signed: SubtreeSigned): PartitionCut | undefined {
    const roles: RoleLeaf[] = [];
    const outcomes: Outcome[] = [];
    for (const hash of signed.records) {
      const page = pageOf(this.pool.get(hash)!.bytes);
      if (page?.n !== signed.n || page.partition !== signed.partition) return undefined;
      if (page.type === 'roles') roles.push(...page.leaves);
      else outcomes.push(...page.outcomes);
    }
    return roles.length === signed.roles ? { subtree: signed, roles, outcomes } : undefined;
  }

  private keep(bytes: Uint8Array, n: number): void {
    const hash = sha256HexNative(bytes);
    if (this.pool.has(hash)) return;
    this.pool.set(hash, { bytes, n });
    this.poolBytes += bytes.length;
    for (const oldest of this.pool.keys()) {
      if (this.poolBytes <= this.poolBytesMax) break;
      this.drop(oldest);
      this.ignore('leaves.pool');
    }
  }

  private drop(hash: string): void {
    const kept = this.pool.get(hash);
    if (kept === undefined) return;
    this.pool.delete(hash);
    this.poolBytes -= kept.bytes.length;
  }

  private ignore(code: string): void {
    this.ignored.set(code, (this.ignored.get(code) ?? 0) + 1);
  }
}

/** A shard's key alone must not make readers fail: what it vouches for may still be no record. */
function pageOf(bytes: Uint8Array): RolesSigned | OutcomesSigned | undefined {
  try {
    const { signed } = decodeRecord(bytes);
    return signed.type === 'roles' || signed.type === 'outcomes' ? signed : undefined;
  } catch (error) {
    if (error instanceof RejectedInput) return undefined;
    throw error;
  }
}

/** Whether two records are the same to the last signature: what differs there may be the valid one. */
function isSame(a: LogRecord, b: LogRecord): boolean {
  const signatures = ({ signatures }: LogRecord): string => JSON.stringify(signatures);
  return equalBytes(a.signedBytes, b.signedBytes) && signatures(a) === signatures(b);
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
