// The reference fold: what the ledger must show, from the records of the logs alone.
//
// Written apart from the engine, by the rules and not by its code: no state, no batches of writes, no
// caches. It holds the keys, and signs with them what the engine signed: Ed25519 is deterministic, so
// the bytes have to be the same.
import { canonicalText, fromHex, toHex, utf8, type Json } from '@tidemark/canonical';
import { sha256HexNative, verifyEd25519Native } from '@tidemark/canonical/native';
import {
  decodeRecord,
  keysById,
  PartAssembler,
  recordHash,
  signedSlice,
  verifyRecord,
  type CutSigned,
  type LogRecord,
  type RoleSignature,
  type SealedSigned,
  type SnapshotLeaf,
} from '@tidemark/event';
import { checkpointNote, checkpointText } from '@tidemark/merkle';
import { signMetadata, snapshotSigned, timestampSigned, type MetaInput } from '@tidemark/tuf';
import { keyOf, ORIGIN, type Document, type Fixture } from './fixture.ts';
import {
  ModelPartition,
  type ModelBin,
  type ModelCut,
  type ModelPart,
  type ModelView,
} from './modelPartition.ts';
import { ModelTree, rootOfRoots } from './modelTree.ts';

/** What snapshot n is. */
export interface Truth {
  readonly cut: ModelCut;
  readonly leaf: SnapshotLeaf;
  readonly timestamp: Uint8Array;
  /** Undefined where this snapshot goes on with an older snapshot.json. */
  readonly snapshot: Uint8Array | undefined;
  readonly checkpoint: Uint8Array;
  readonly parts: readonly ModelPart[];
  /** The newest version of every bin, by role. */
  readonly bins: ReadonlyMap<string, ModelBin>;
}

type Order = { type: 'cut'; cut: ModelCut } | { type: 'void'; n: number; record: Uint8Array };

export interface ModelLanes {
  readonly control: readonly Uint8Array[];
  readonly events: readonly (readonly Uint8Array[])[];
}

interface Classic {
  readonly version: number;
  readonly length: number;
  readonly sha256: string;
  readonly time: number;
  readonly expires: number;
}

export class Model {
  readonly fixture: Fixture;
  private readonly lanes: ModelLanes;
  /** Documents that were ever signed as TUF demands, by the SHA-256 of the file. */
  private readonly official = new Map<string, Document>();
  private readonly assembler = new PartAssembler();
  private next = 0;
  private views: { readonly from: number; readonly view: ModelView; readonly digest: string }[];
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
  readonly partitions: readonly ModelPartition[];
  private readonly roles = new Map<string, Required<MetaInput>>();
  private readonly log = new ModelTree();
  private readonly control = new ModelTree();
  private classic: Classic | undefined;
  /** Set by a record with rules that this build does not know: nothing behind it counts. */
  isHalted = false;
  isFrozen = false;

  constructor(fixture: Fixture, lanes: ModelLanes) {
    const { genesis, genesisBytes } = fixture;
    this.fixture = fixture;
    this.lanes = lanes;
    for (const document of fixture.documents) this.allow(document);
    const documents = { root: undefined, targets: undefined, bins: undefined };
    const { policy, services } = genesis;
    const view = { policy, policyVersion: 0, services, servicesVersion: 0, documents };
    this.views = [];
    const vector = Array.from({ length: genesis.partitions }, () => 0);
    const hash = recordHash(genesisBytes);
    this.last = { n: 0, hash, time: genesis.time, vector, control: 0 };
    this.views.push({ from: 0, view, digest: digestOf(hash, 0, view) });
    this.partitions = vector.map((_, p) => new ModelPartition(fixture, p));
    this.log.add(genesisBytes);
  }

  /** Makes a document known that TUF's rules accept. */
  allow(document: Document): void {
    this.official.set(document.sha256, document);
  }

  /** What is in force now. */
  get view(): ModelView {
    return this.views.at(-1)!.view;
  }

  /** What is in force for a cut that covers the control records below an offset. */
  viewAt(control: number): ModelView {
    return this.views.findLast(({ from }) => from <= control)!.view;
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
      this.control.add(bytes);
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
      case 'void': {
        const oldest = this.unsettled[0];
        if (!this.byOperators(record) || oldest?.cut.n !== signed.n) return;
        if (oldest.cut.hash !== signed.cut) return;
        this.orders = this.orders.filter(
          (order) => order.type === 'void' || order.cut.n < signed.n,
        );
        this.orders.push({ type: 'void', n: signed.n, record: bytes });
        this.last = { ...oldest.before, n: signed.n, hash: recordHash(bytes) };
        this.unsettled = [];
        this.word = signed.n;
        this.voids.add(signed.n);
        return;
      }
      case 'policy':
        if (!this.byOperators(record) || signed.version !== this.view.policyVersion + 1) return;
        this.isHalted = signed.rules > 1;
        this.change(offset, { policy: signed.policy, policyVersion: signed.version });
        return;
      case 'services':
        if (!this.byOperators(record) || signed.version !== this.view.servicesVersion + 1) return;
        this.change(offset, { services: signed.services, servicesVersion: signed.version });
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
    this.digests.set(hash, this.digestAt(control, this.moments[control] ?? this.moment));
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
    this.change(offset, { documents: { ...documents, [role]: document } });
  }

  private change(offset: number, change: Partial<ModelView>): void {
    const view = { ...this.view, ...change };
    const from = offset + 1;
    this.views.push({ from, view, digest: digestOf(this.views.at(-1)!.digest, from, view) });
  }

  /** What decides besides what is in force: it is the canonical text but for that. */
  private get moment(): string {
    return `{"last":"${this.last.hash}","parts":"${this.assembler.digest}","settled":${this.word},"view":`;
  }

  private digestAt(control: number, moment: string): string {
    const { digest } = this.views.findLast(({ from }) => from <= control)!;
    return sha256HexNative(`${moment}"${digest}"}`);
  }

  /** Takes the next orders as far as they are settled. */
  private settle(): void {
    for (let order = this.orders[0]; order !== undefined; order = this.orders[0]) {
      if (order.type === 'void') {
        this.log.add(signedSlice(order.record));
        for (const partition of this.partitions) partition.foldVoid();
        this.top = order.n;
      } else {
        const { cut } = order;
        const candidates = this.candidates.get(cut.n) ?? [];
        if (candidates.length === 0) return;
        this.folded ??= this.fold(cut);
        const truth = this.folded;
        if (!candidates.some((sealed) => says(sealed, truth))) return;
        this.truths.set(cut.n, truth);
        this.log.add(utf8(canonicalText(truth.leaf as unknown as Json)));
        this.top = cut.n;
        this.folded = undefined;
        const { snapshot, leaf } = truth;
        if (snapshot !== undefined) {
          const expires = cut.time + cut.view.policy.expiry_s.snapshot * 1000;
          this.classic = { ...leaf.snapshot, time: cut.time, expires };
        }
      }
      this.settledAt[this.top] = this.next - 1;
      this.orders.shift();
    }
  }

  private fold(cut: ModelCut): Truth {
    const parts = this.partitions.map((partition, p) => partition.fold(cut, this.lanes.events[p]!));
    for (const [role, version, length, sha256] of parts.flatMap(({ roles }) => roles)) {
      this.roles.set(role, { version, length, sha256 });
    }
    const { policy, documents } = cut.view;
    const merkleRoot = rootOfRoots(parts.map(({ map }) => map));
    const { version, length, sha256, snapshot } = this.snapshotFile(cut);
    const timestamp = signMetadata(
      timestampSigned({
        version: cut.n,
        expiresMs: cut.time + policy.expiry_s.timestamp * 1000,
        snapshot: { version, length, sha256 },
        merkleRoot,
      }),
      [keyOf('timestamp')],
    );
    const leaf: SnapshotLeaf = {
      n: cut.n,
      time: cut.time,
      merkle_root: merkleRoot,
      timestamp: sha256HexNative(timestamp),
      snapshot: { version, length, sha256 },
      root: documents.root!.version,
      partitions: parts.map(({ events, leaves, map }) => ({ events, leaves, map })),
      control: { size: cut.control, root: this.control.root(cut.control) },
    };
    const bins = new Map<string, ModelBin>();
    for (const partition of this.partitions) {
      for (const [bin, held] of partition.bins) bins.set(partition.nameOf(bin), held);
    }
    return { cut, leaf, timestamp, snapshot, checkpoint: this.checkpoint(leaf), parts, bins };
  }

  private snapshotFile(cut: ModelCut): {
    version: number;
    length: number;
    sha256: string;
    snapshot: Uint8Array | undefined;
  } {
    const { classic_ms, expiry_s, renew_below_percent, snapshot_hashes } = cut.view.policy;
    if (this.classic !== undefined) {
      const { time, expires } = this.classic;
      const renewal = expires - expiry_s.snapshot * 10 * renew_below_percent;
      const due = classic_ms === null ? renewal : Math.min(renewal, time + classic_ms);
      if (due > cut.time) return { ...this.classic, snapshot: undefined };
    }
    const snapshot = signMetadata(
      snapshotSigned({
        version: cut.n,
        expiresMs: cut.time + expiry_s.snapshot * 1000,
        meta: new Map(
          [...this.roles].map(([role, { version, length, sha256 }]): [string, MetaInput] => [
            role,
            snapshot_hashes ? { version, length, sha256 } : { version },
          ]),
        ),
      }),
      [keyOf('snapshot')],
    );
    return {
      version: cut.n,
      length: snapshot.length,
      sha256: sha256HexNative(snapshot),
      snapshot,
    };
  }

  private checkpoint(leaf: SnapshotLeaf): Uint8Array {
    const log = new ModelTree();
    log.leaves.push(...this.log.leaves);
    log.add(utf8(canonicalText(leaf as unknown as Json)));
    const checkpoint = { origin: ORIGIN, size: log.leaves.length, root: fromHex(log.root()) };
    const { publicKey, sign } = keyOf('checkpoint');
    return checkpointNote(checkpoint, publicKey, sign(utf8(checkpointText(checkpoint))));
  }

  private byOperators(record: LogRecord): boolean {
    const { keys, threshold } = this.fixture.genesis.operators;
    return this.isSigned(record, keys, threshold);
  }

  private isSigned(record: LogRecord, publicKeys: readonly string[], threshold: number): boolean {
    const { ledger } = record.signed as { readonly ledger?: string };
    if (ledger !== this.fixture.genesis.ledger) return false;
    return verifyRecord(record, keysOf(publicKeys), threshold, verifyEd25519Native);
  }
}

/** Over what is in force from an offset on, and all that was before. */
function digestOf(before: string, from: number, view: ModelView): string {
  const { policy, policyVersion, services, servicesVersion, documents } = view;
  const hash = (role: Document['role']): string | null => documents[role]?.sha256 ?? null;
  const whole = {
    before,
    documents: { bins: hash('bins'), root: hash('root'), targets: hash('targets') },
    from,
    policy,
    policy_version: policyVersion,
    services,
    services_version: servicesVersion,
  };
  return sha256HexNative(canonicalText(whole as unknown as Json));
}

/** Whether a `sealed` record is of a cut and leads to a signed timestamp, true or not. */
function isTimestamped({ leaf, signatures }: SealedSigned, cut: ModelCut): boolean {
  const { policy, documents } = cut.view;
  const file = signMetadata(
    timestampSigned({
      version: cut.n,
      expiresMs: cut.time + policy.expiry_s.timestamp * 1000,
      snapshot: leaf.snapshot,
      merkleRoot: leaf.merkle_root,
    }),
    [keyOf('timestamp')],
  );
  return (
    leaf.n === cut.n &&
    leaf.time === cut.time &&
    leaf.root === documents.root?.version &&
    leaf.control.size === cut.control &&
    leaf.partitions.map(({ events }) => events.size).join() === cut.vector.join() &&
    leaf.timestamp === sha256HexNative(file) &&
    signatures.timestamp.sig === signatureOf(file).sig
  );
}

const keysOfLists = new WeakMap<readonly string[], ReturnType<typeof keysById>>();

/** A list of keys does not change once it is in force. */
function keysOf(publicKeys: readonly string[]): ReturnType<typeof keysById> {
  let keys = keysOfLists.get(publicKeys);
  if (keys === undefined) keysOfLists.set(publicKeys, (keys = keysById(publicKeys)));
  return keys;
}

/** Whether a `sealed` record says what snapshot n is, signatures included. */
function says({ leaf, signatures, cut }: SealedSigned, truth: Truth): boolean {
  const text = (value: unknown): string => canonicalText(value as Json);
  return (
    cut === truth.cut.hash &&
    text(leaf) === text(truth.leaf) &&
    text(signatures) === text(signaturesOf(truth))
  );
}

/** The signatures that make a snapshot true. */
export function signaturesOf({
  timestamp,
  snapshot,
  checkpoint,
}: Truth): SealedSigned['signatures'] {
  const note = Buffer.from(checkpoint).toString();
  const blob = Buffer.from(note.trimEnd().split(' ').at(-1)!, 'base64');
  return {
    timestamp: signatureOf(timestamp),
    snapshot: snapshot === undefined ? null : signatureOf(snapshot),
    checkpoint: toHex(blob.subarray(4)),
  };
}

function signatureOf(file: Uint8Array): RoleSignature {
  const { signatures } = JSON.parse(Buffer.from(file).toString()) as {
    signatures: [RoleSignature];
  };
  return signatures[0];
}
