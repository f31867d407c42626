/** A partition folded cut by cut over a database in memory, as a shard does it. */
import { decodeRecord, type CutSigned, type Outcome, type RoleLeaf } from '@tidemark/event';
import {
  openPartition,
  type BinSignatures,
  type Cut,
  type FoldedCut,
  type Partition,
  type StateDb,
} from '../src/index.ts';
import { memoryDb } from './support.ts';
import { binSigner, type TestLedger } from './testLedger.ts';

export class PartitionRun {
  readonly ledger: TestLedger;
  readonly index: number;
  readonly db: StateDb;
  /** The partition's events log, genesis first. */
  readonly events: Uint8Array[];
  readonly folded: FoldedCut[] = [];
  partition: Partition;
  private readonly memoryBudgetBytes: number;

  private constructor(
    ledger: TestLedger,
    given: { index: number; db: StateDb; budget: number; events: Uint8Array[] },
    partition: Partition,
  ) {
    this.ledger = ledger;
    this.index = given.index;
    this.db = given.db;
    this.events = given.events;
    this.memoryBudgetBytes = given.budget;
    this.partition = partition;
  }

  /** Opens a partition of its own database, on its own or somebody's log of events. */
  static async open(
    ledger: TestLedger,
    options: { index?: number; budget?: number; events?: Uint8Array[] } = {},
  ): Promise<PartitionRun> {
    const { index = 0, budget = 1 << 26 } = options;
    const events = options.events ?? [ledger.genesisBytes];
    const db = await memoryDb();
    const given = { index, db, budget, events };
    return new PartitionRun(ledger, given, await openOn(ledger, given));
  }

  /** The process stops and starts again; what it had not committed is gone. */
  async reopen(): Promise<void> {
    const { index, db, memoryBudgetBytes: budget } = this;
    this.partition = await openOn(this.ledger, { index, db, budget });
  }

  /** A new cut that covers every event there is, of this partition. */
  cut(change: Partial<CutSigned> = {}): Cut {
    return this.ledger.cut({ vector: this.vector(), ...change });
  }

  vector(): number[] {
    const { vector } = this.ledger.fold.last;
    return vector.map((next, p) => (p === this.index ? this.events.length : next));
  }

  /** Folds a cut without committing it. */
  async fold(cut: Cut, signatures: BinSignatures = binSigner()): Promise<FoldedCut> {
    const records = this.events.slice(this.partition.next, cut.vector[this.index]);
    return this.partition.foldCut(cut, [records], signatures);
  }

  async take(cut: Cut, signatures?: BinSignatures): Promise<FoldedCut> {
    const folded = await this.fold(cut, signatures);
    await this.partition.commit(0);
    this.folded.push(folded);
    return folded;
  }

  /** A cut of events as they are given, folded. */
  async add(records: readonly Uint8Array[], change: Partial<CutSigned> = {}): Promise<FoldedCut> {
    this.events.push(...records);
    return this.take(this.cut(change));
  }

  /** The newest bytes of every bin by number. */
  files(): Map<number, string> {
    const { heads, bodies } = this.partition;
    const files = new Map<number, string>();
    for (let bin = heads.first; bin < heads.first + heads.count; bin++) {
      const version = heads.version(bin);
      if (version > 0) files.set(bin, bodies.file(bin, version)!.toString('latin1'));
    }
    return files;
  }
}

function openOn(
  { genesis, genesisBytes }: TestLedger,
  { index, db, budget }: { index: number; db: StateDb; budget: number },
): Promise<Partition> {
  return openPartition({ genesis, genesisBytes, partition: index, db, memoryBudgetBytes: budget });
}

/** The signatures that a folded cut put into the leaves log. */
export function loggedBy(folded: FoldedCut): { logged: Map<string, string> } {
  return { logged: new Map(rolesOf(folded).map((leaf) => [leaf[0], leaf[4]])) };
}

/** The role versions that a folded cut reports, in the order of its records. */
export function rolesOf(folded: FoldedCut): RoleLeaf[] {
  return folded.records.flatMap(({ bytes }) => {
    const { signed } = decodeRecord(bytes);
    return signed.type === 'roles' ? signed.leaves : [];
  });
}

/** The outcomes that a folded cut reports, likewise. */
export function outcomesOf(folded: FoldedCut): Outcome[] {
  return folded.records.flatMap(({ bytes }) => {
    const { signed } = decodeRecord(bytes);
    return signed.type === 'outcomes' ? signed.outcomes : [];
  });
}

/** A policy under which batches count for an hour, and ten minutes ahead of the clock. */
export function hourWindow(conflict: 'reject' | 'replace') {
  return { conflict, window_s: 3600, clock_ahead_s: 600 };
}
