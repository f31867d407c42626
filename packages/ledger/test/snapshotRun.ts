/** A whole ledger folded: every partition and the snapshots made of them, as shards and a publisher do it. */
import type { CutSigned, Outcome } from '@tidemark/event';
import {
  SnapshotFold,
  signing,
  type Cut,
  type FoldedCut,
  type PartitionCut,
  type Snapshot,
} from '../src/index.ts';
import { PartitionRun, rolesOf } from './partitionRun.ts';
import { T0 } from './support.ts';
import { keyOf, TestLedger, type LedgerOptions } from './testLedger.ts';
import { added, batch, pathsOf } from './uploads.ts';

export const KEYS = {
  timestamp: keyOf('timestamp'),
  snapshot: keyOf('snapshot'),
  checkpoint: keyOf('checkpoint'),
};

const PATHS = pathsOf(0, 1, 30);

export class SnapshotRun {
  readonly ledger: TestLedger;
  readonly partitions: readonly PartitionRun[];
  readonly snapshots: Snapshot[] = [];
  fold: SnapshotFold;

  private constructor(ledger: TestLedger, partitions: readonly PartitionRun[]) {
    this.ledger = ledger;
    this.partitions = partitions;
    this.fold = new SnapshotFold(ledger.genesis, ledger.genesisBytes);
  }

  static async open(options: LedgerOptions = {}): Promise<SnapshotRun> {
    const ledger = TestLedger.ready(options);
    const partitions = await Promise.all(
      Array.from({ length: ledger.genesis.partitions }, (_, index) =>
        PartitionRun.open(ledger, { index }),
      ),
    );
    return new SnapshotRun(ledger, partitions);
  }

  cut(change: Partial<CutSigned> = {}): Cut {
    const vector = this.partitions.map(({ events }) => events.length);
    return this.ledger.cut({ vector, ...change });
  }

  /** Has every partition fold a cut, and drafts the snapshot. */
  async draft(cut: Cut): Promise<PartitionCut[]> {
    const parts: PartitionCut[] = [];
    for (const run of this.partitions) parts.push(partOf(await run.take(cut)));
    this.readControl();
    this.fold.draft(cut, parts);
    return parts;
  }

  readControl(): void {
    const { fold, ledger } = this;
    while (fold.nextControl < ledger.records.length) {
      fold.controlRecord(ledger.records[fold.nextControl]!);
    }
  }

  /** Uploads of one partition, a cut, its snapshot. */
  async add(uploads: readonly Uint8Array[], change: Partial<CutSigned> = {}): Promise<Snapshot> {
    this.partitions[0]!.events.push(...uploads);
    await this.draft(this.cut(change));
    const snapshot = this.fold.assemble(signing(KEYS))!;
    this.fold.settle(snapshot);
    this.snapshots.push(snapshot);
    return snapshot;
  }
}

/** A folded cut as the leaves log shows it. */
export function partOf(folded: FoldedCut): PartitionCut {
  const outcomes: Outcome[] = [...folded.outcomes];
  return { subtree: folded.subtree, roles: rolesOf(folded), outcomes };
}

/** A batch for partition 0, the n-th of its intake. */
export function uploadOf(n: number): Uint8Array {
  const event = added(`id-${n}`, PATHS[n % 30]!, `content ${n}`);
  return batch([event], { seq: n, time: T0 + 1000 * n });
}
