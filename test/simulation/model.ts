// The reference fold: what the ledger must show, from the logs alone. Here: which control records count.
//
// Written apart from the engine, by the rules and not by its code: no state, no batches of writes, no
// caches. It holds the keys, and signs with them what the engine signed: Ed25519 is deterministic, so
// the bytes have to be the same.
import { utf8 } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import {
  decodeRecord,
  PartAssembler,
  recordHash,
  type CutSigned,
  type LogRecord,
  type SealedSigned,
  type VoidSigned,
} from '@tidemark/event';
import type { Document, Fixture } from './fixture.ts';
import { isSignedBy } from './modelKeys.ts';
import type { ModelPartition } from './modelPartition.ts';
import { isTimestamped, ModelSnapshots, says, type Truth } from './modelSnapshot.ts';
import { ModelViews, type ModelCut, type ModelView } from './modelViews.ts';

type Order = { type: 'cut'; cut: ModelCut } | { type: 'void'; n: number; record: Uint8Array };

export interface ModelLanes {
  readonly control: readonly Uint8Array[];
  readonly events: readonly (readonly Uint8Array[])[];
}

export class Model {
  readonly fixture: Fixture;
  private readonly lanes: ModelLanes;
  /** Documents that were ever signed as TUF demands, by the SHA-256 of the file. */
  private readonly official = new Map<string, Document>();
  private readonly assembler = new PartAssembler();
  private next = 0;
  private readonly views: ModelViews;
  /** What the chain and parts that wait had come to, by control offset. */
  private readonly moments: string[] = [];
  /** By the hash of every valid cut: a digest of all that decided about what came behind its control offset. */
  readonly digests = new Map<string, string>();
  /** What the next cut follows. */
  last: Omit<ModelCut, 'view'>;
  /** Cuts that are neither sealed, as far as control can tell, nor void; with what each followed. */
  unsettled: { readonly cut: ModelCut; readonly before: Model['last'] }[] = [];
  /** The highest number that is void, or sealed as far as control can tell. */
  word = 0;
  /** How often a second cut was on its way before the first was settled. */
  pairs = 0;
  private readonly voids = new Set<number>();
  private orders: Order[] = [];
  private readonly candidates = new Map<number, SealedSigned[]>();
  private folded: Truth | undefined;
  /** The highest number that is void or truly sealed. */
  top = 0;
  readonly truths = new Map<number, Truth>();
  /** By number: the control offset that settled it. */
  private readonly settledAt: number[] = [0];
  private readonly snapshots: ModelSnapshots;
  /** Set by a record with rules that this build does not know: nothing behind it counts. */
  isHalted = false;
  isFrozen = false;

  constructor(fixture: Fixture, lanes: ModelLanes) {
    this.fixture = fixture;
    this.lanes = lanes;
    for (const document of fixture.documents) this.allow(document);
    this.views = new ModelViews(fixture);
    this.snapshots = new ModelSnapshots(fixture);
    const { partitions, time } = fixture.genesis;
    const vector = Array.from({ length: partitions }, () => 0);
    this.last = { n: 0, hash: recordHash(fixture.genesisBytes), time, vector, control: 0 };
  }

  /** Makes a document known that TUF's rules accept. */
  allow(document: Document): void {
    this.official.set(document.sha256, document);
  }

  /** What is in force now. */
  get view(): ModelView {
    return this.views.now;
  }

  /** What is in force for a cut that covers the control records below an offset. */
  viewAt(control: number): ModelView {
    return this.views.at(control);
  }

  get partitions(): readonly ModelPartition[] {
    return this.snapshots.partitions;
  }

  /** The newest snapshot. */
  get newest(): Truth | undefined {
    for (let n = this.top; n > 0; n--) {
      const truth = this.truths.get(n);
      if (truth !== undefined) return truth;
    }
    return undefined;
  }

  /** The cut that has to be sealed or voided next. */
  get pending(): ModelCut | undefined {
    const [order] = this.orders;
    return order?.type === 'cut' ? order.cut : undefined;
  }

  /** What the pending cut makes, once a publisher has called it sealed, whatever it said. */
  get drafted(): Truth | undefined {
    return this.folded;
  }

  /** A document that TUF's rules accepted once, and that a newer one has replaced. */
  get replaced(): Document[] {
    return [...this.official.values()].filter(
      ({ role, version }) => version < (this.view.documents[role]?.version ?? 0),
    );
  }

  /**
   * From now on the log may be another one: what was settled below a control offset, or shown, stays as it
   * is. What nobody has seen may become something else without anybody's fault.
   */
  freeze(kept: number, shown: number): void {
    this.isFrozen = true;
    const settled = this.settledAt.findLastIndex((offset) => offset < kept);
    this.top = Math.min(this.top, Math.max(settled, shown));
    for (const n of this.truths.keys()) if (n > this.top) this.truths.delete(n);
  }

  /** Folds what has come to stand in the control log. */
  advance(): void {
    while (!this.isFrozen && this.next < this.lanes.control.length && !this.isHalted) {
      const offset = this.next++;
      this.moments[offset] = this.moment;
      const bytes = this.lanes.control[offset]!;
      this.snapshots.controlRecord(bytes);
      if (offset > 0) this.record(bytes, offset);
      this.settle();
    }
  }

  private record(bytes: Uint8Array, offset: number): void {
    let record: LogRecord;
    try {
      record = decodeRecord(bytes);
    } catch {
      return;
    }
    const { signed } = record;
    switch (signed.type) {
      case 'cut':
        if (this.isValidCut(record, signed, offset)) this.takeCut(signed, recordHash(bytes));
        return;
      case 'sealed':
        return this.takeSealed(record, signed);
      case 'void':
        return this.takeVoid(record, signed, bytes);
      case 'policy':
        if (!this.byOperators(record) || signed.version !== this.view.policyVersion + 1) return;
        this.isHalted = signed.rules > 1;
        this.views.change(offset, { policy: signed.policy, policyVersion: signed.version });
        return;
      case 'services':
        if (!this.byOperators(record) || signed.version !== this.view.servicesVersion + 1) return;
        this.views.change(offset, { services: signed.services, servicesVersion: signed.version });
        return;
      case 'root':
        return this.document('root', utf8(signed.document), offset);
      case 'role':
        return this.document(signed.role, utf8(signed.document), offset);
      case 'part': {
        const whole = this.assemble(signed, offset);
        if (whole === undefined) return;
        const { name, document } = whole;
        this.document(name.kind === 'root' ? 'root' : name.role, document, offset);
      }
    }
  }

  private assemble(...part: Parameters<PartAssembler['add']>): ReturnType<PartAssembler['add']> {
    try {
      return this.assembler.add(...part);
    } catch {
      return undefined;
    }
  }

  private isValidCut(record: LogRecord, cut: CutSigned, offset: number): boolean {
    const { last } = this;
    const { policy, documents } = this.viewAt(cut.control);
    const steps = cut.vector.map((end, p) => end - (last.vector[p] ?? 0));
    return (
      this.isSigned(record, this.view.services.sealer, 1) &&
      cut.n === last.n + 1 &&
      cut.previous === last.hash &&
      cut.vector.length === this.fixture.shape.partitions &&
      steps.every((step) => step >= 0 && step <= policy.advance_max) &&
      cut.control >= last.control &&
      cut.control <= offset &&
      cut.time >= last.time &&
      cut.time <= last.time + policy.step_max_ms &&
      this.word >= cut.n - 2 &&
      documents.root !== undefined &&
      documents.targets !== undefined &&
      documents.bins !== undefined
    );
  }

  private takeCut(signed: CutSigned, hash: string): void {
    const { n, time, vector, control } = signed;
    const cut: ModelCut = { n, hash, time, vector, control, view: this.viewAt(control) };
    this.unsettled.push({ cut, before: this.last });
    if (this.unsettled.length > 1) this.pairs++;
    this.digests.set(hash, this.views.digestAt(control, this.moments[control] ?? this.moment));
    this.last = { n, hash, time, vector, control };
    this.orders.push({ type: 'cut', cut });
  }

  private takeSealed(record: LogRecord, signed: SealedSigned): void {
    if (!this.isSigned(record, this.view.services.publisher, 1)) return;
    if (this.voids.has(signed.n)) return;
    if (signed.n > this.word) {
      const oldest = this.unsettled[0];
      if (signed.n !== this.word + 1 || oldest?.cut.hash !== signed.cut) return;
      if (!isTimestamped(signed, oldest.cut)) return;
      this.unsettled.shift();
      this.word = signed.n;
    }
    if (signed.n <= this.top) return;
    this.candidates.set(signed.n, [...(this.candidates.get(signed.n) ?? []), signed]);
  }

  private takeVoid(record: LogRecord, signed: VoidSigned, bytes: Uint8Array): void {
    const oldest = this.unsettled[0];
    if (!this.byOperators(record)) return;
    if (oldest?.cut.n !== signed.n || oldest.cut.hash !== signed.cut) return;
    this.orders = this.orders.filter((order) => order.type === 'void' || order.cut.n < signed.n);
    this.orders.push({ type: 'void', n: signed.n, record: bytes });
    this.last = { ...oldest.before, n: signed.n, hash: recordHash(bytes) };
    this.unsettled = [];
    this.word = signed.n;
    this.voids.add(signed.n);
  }

  private document(role: string, bytes: Uint8Array, offset: number): void {
    const document = this.official.get(sha256HexNative(bytes));
    if (document?.role !== role) return;
    const { documents } = this.view;
    const held = documents[document.role];
    const isNext =
      role === 'root'
        ? document.version === (held?.version ?? 0) + 1
        : document.version > (held?.version ?? 0);
    const isVouched =
      role === 'root' || (role === 'targets' ? documents.root : documents.targets) !== undefined;
    if (!isNext || !isVouched) return;
    this.views.change(offset, { documents: { ...documents, [role]: document } });
  }

  /** What decides besides what is in force: it is the canonical text but for that. */
  private get moment(): string {
    return `{"last":"${this.last.hash}","parts":"${this.assembler.digest}","settled":${this.word},"view":`;
  }

  /** Takes the next orders as far as they are settled. */
  private settle(): void {
    for (let order = this.orders[0]; order !== undefined; order = this.orders[0]) {
      if (order.type === 'void') {
        this.snapshots.settleVoid(order.record);
        this.top = order.n;
      } else {
        const { cut } = order;
        const candidates = this.candidates.get(cut.n) ?? [];
        if (candidates.length === 0) return;
        this.folded ??= this.snapshots.fold(cut, this.lanes.events);
        const truth = this.folded;
        if (!candidates.some((sealed) => says(sealed, truth))) return;
        this.truths.set(cut.n, truth);
        this.snapshots.settle(truth);
        this.top = cut.n;
        this.folded = undefined;
      }
      this.settledAt[this.top] = this.next - 1;
      this.orders.shift();
    }
  }

  private byOperators(record: LogRecord): boolean {
    const { keys, threshold } = this.fixture.genesis.operators;
    return this.isSigned(record, keys, threshold);
  }

  private isSigned(record: LogRecord, publicKeys: readonly string[], threshold: number): boolean {
    const { ledger } = record.signed as { readonly ledger?: string };
    if (ledger !== this.fixture.genesis.ledger) return false;
    return isSignedBy(record, publicKeys, threshold);
  }
}
