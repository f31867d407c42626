// The reference fold of one partition's events: maps, sets and JSON, as short as the rules allow.
import type { JsonObject } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import {
  decodeRecord,
  encodeEvent,
  encodeRecord,
  type BatchSigned,
  type Event,
  type LogRecord,
  type Outcome,
  type Policy,
  type RoleLeaf,
} from '@tidemark/event';
import { signMetadata, targetsSigned } from '@tidemark/tuf';
import { keyId, keyOf, type Document, type Fixture } from './fixture.ts';
import { decide } from './modelEvent.ts';
import { isSignedBy } from './modelKeys.ts';
import { mapRoot, ModelTree, slotText } from './modelTree.ts';
import type { ModelCut, ModelView } from './modelViews.ts';

/** One version of a bin. */
export interface ModelBin {
  readonly version: number;
  /** Seconds. */
  readonly expires: number;
  readonly file: Uint8Array;
  readonly sha256: string;
  readonly targets: ReadonlyMap<string, JsonObject>;
}

/** What became of an event: applied, a code, or its whole record counts for nothing. */
export type ModelFate = 'applied' | 'ignored' | Outcome;

/** What a partition reports for a cut. */
export interface ModelPart {
  readonly roles: readonly RoleLeaf[];
  readonly outcomes: readonly Outcome[];
  readonly events: { readonly size: number; readonly root: string };
  readonly leaves: { readonly size: number; readonly root: string };
  readonly map: string;
}

const STEPS = 64;

export class ModelPartition {
  private readonly fixture: Fixture;
  private readonly number: number;
  private readonly first: number;
  private readonly count: number;
  readonly bins = new Map<number, ModelBin>();
  /** What became of every event folded, by offset. */
  readonly fates = new Map<number, readonly ModelFate[]>();
  /** Why a record was ignored, by offset. */
  readonly ignored = new Map<number, string>();
  private readonly intakes = new Map<string, { seq: number; time: number }>();
  private readonly window = new Map<
    string,
    { content: string; offset: number; index: number; time: number }
  >();
  private since = 0;
  private k = 0;
  private next = 0;
  private binsKey = '';
  /** Versions made only because the one before grew old. */
  renewals = 0;
  private readonly offline = new Map<string, Document>();
  private readonly events = new ModelTree();
  private readonly leaves = new ModelTree();

  constructor(fixture: Fixture, number: number) {
    const { bits, partitions } = fixture.shape;
    this.fixture = fixture;
    this.number = number;
    this.count = 2 ** bits / partitions;
    this.first = number * this.count;
  }

  /** Folds the cut that is settled next. */
  fold(cut: ModelCut, records: readonly Uint8Array[]): ModelPart {
    const { policy, documents } = cut.view;
    this.since = Math.max(this.since, cut.time - policy.window_s * 1000);
    for (const [run, { time }] of this.intakes) if (time < this.since) this.intakes.delete(run);
    const until = cut.vector[this.number]!;
    const changed = new Map<number, Map<string, JsonObject | undefined>>();
    const outcomes: Outcome[] = [];
    const admitted: string[] = [];
    let newest = cut.time;
    for (; this.next < until; this.next++) {
      const bytes = records[this.next]!;
      this.events.add(bytes);
      if (this.next === 0) continue;
      const batch = this.batch(bytes, cut);
      if (typeof batch === 'string') {
        this.ignored.set(this.next, batch);
        continue;
      }
      const late = batch.time > cut.time + policy.clock_ahead_s * 1000;
      const code = batch.time < this.since ? 'stale' : late ? 'clock_ahead' : undefined;
      if (code === undefined) newest = Math.max(newest, batch.time);
      const fates = batch.events.map((event, index): ModelFate => {
        if (code !== undefined) return [this.next, index, code];
        return this.event(event, batch, index, cut, changed, admitted);
      });
      this.fates.set(this.next, fates);
      for (const fate of fates) if (typeof fate === 'object') outcomes.push(fate);
    }
    for (const name of admitted) this.window.get(name)!.time = newest;
    const roles = [...this.changedDocuments(documents), ...this.write(cut, changed)];
    roles.sort((a, b) => this.slotOf(a[0]) - this.slotOf(b[0]) || (a[0] < b[0] ? -1 : 1));
    const page = { v: 1, n: cut.n, partition: this.number, i: 0 } as const;
    if (roles.length > 0) this.leaves.add(encodeRecord({ type: 'roles', ...page, leaves: roles }));
    if (outcomes.length > 0) this.leaves.add(encodeRecord({ type: 'outcomes', ...page, outcomes }));
    return {
      roles,
      outcomes,
      events: { size: this.next, root: this.events.root() },
      leaves: { size: this.leaves.leaves.length, root: this.leaves.root() },
      map: this.map(),
    };
  }

  /** A void takes the versions that two cuts in flight could have used. */
  foldVoid(): void {
    this.k += 2 * this.count;
  }

  /** The batch in a record, or why it counts for nothing. */
  private batch(bytes: Uint8Array, cut: ModelCut): BatchSigned | string {
    let record: LogRecord;
    try {
      record = decodeRecord(bytes);
    } catch {
      return 'syntax';
    }
    const { signed } = record;
    if (signed.type !== 'batch') return 'type';
    if (signed.ledger !== this.fixture.genesis.ledger) return 'ledger';
    if (signed.partition !== this.number) return 'partition';
    if (!isSignedBy(record, cut.view.services.intake, 1)) return 'signature';
    const run = this.intakes.get(signed.intake);
    if (run !== undefined && signed.seq <= run.seq) return 'resent';
    while (run === undefined && this.intakes.size >= cut.view.policy.intakes_max) {
      const [oldest] = [...this.intakes].toSorted(([, a], [, b]) => a.time - b.time);
      this.intakes.delete(oldest![0]);
    }
    const time = Math.max(cut.time, signed.time, run?.time ?? 0);
    this.intakes.set(signed.intake, { seq: signed.seq, time });
    return signed;
  }

  private event(
    event: Event,
    batch: BatchSigned,
    index: number,
    cut: ModelCut,
    changed: Map<number, Map<string, JsonObject | undefined>>,
    admitted: string[],
  ): ModelFate {
    const offset = this.next;
    const hash = sha256HexNative(event.path);
    const top = Number.parseInt(hash.slice(0, 8), 16);
    const bin = Math.floor(top / 2 ** (32 - this.fixture.shape.bits));
    if (bin < this.first || bin >= this.first + this.count) {
      return [offset, index, 'wrong_partition'];
    }
    const name = JSON.stringify([batch.subjects[event.by ?? 0], event.id, event.path]);
    const content = encodeEvent({ ...event, id: '', by: 0 });
    const seen = this.window.get(name);
    if (seen !== undefined && seen.time >= this.since) {
      if (seen.content !== content) return [offset, index, 'id_reused'];
      return [offset, index, 'duplicate', seen.offset, seen.index];
    }
    this.window.set(name, { content, offset, index, time: Number.MAX_SAFE_INTEGER });
    admitted.push(name);
    const ops = changed.get(bin);
    const isPending = ops?.has(event.path) === true;
    const held = this.bins.get(bin);
    const current = isPending ? ops.get(event.path) : held?.targets.get(event.path);
    const version = isPending ? undefined : held?.version;
    const decided = decide(event, current, version, cut.view.policy.conflict);
    if (typeof decided === 'string') return [offset, index, decided];
    if (ops === undefined) changed.set(bin, new Map([[event.path, decided.value]]));
    else ops.set(event.path, decided.value);
    return 'applied';
  }

  private changedDocuments(documents: ModelView['documents']): RoleLeaf[] {
    const roles: RoleLeaf[] = [];
    for (const role of ['targets', 'bins'] as const) {
      const document = documents[role]!;
      if (this.partitionOf(this.slotOf(role)) !== this.number) continue;
      if (this.offline.get(role)?.sha256 === document.sha256) continue;
      this.offline.set(role, document);
      roles.push([role, document.version, document.bytes.length, document.sha256, '']);
    }
    return roles;
  }

  /** New versions of the bins that changed, are due, or have another key. */
  private write(
    cut: ModelCut,
    changed: ReadonlyMap<number, ReadonlyMap<string, JsonObject | undefined>>,
  ): RoleLeaf[] {
    const { policy, documents } = cut.view;
    const binsKey = documents.bins!.binsKey!;
    const isRekeyed = binsKey !== this.binsKey;
    this.binsKey = binsKey;
    const roles: RoleLeaf[] = [];
    for (let bin = this.first; bin < this.first + this.count; bin++) {
      const held = this.bins.get(bin);
      const ops = changed.get(bin);
      if (!isRekeyed && ops === undefined && dueAt(bin, held!.expires, policy) > cut.time) continue;
      if (!isRekeyed && ops === undefined) this.renewals++;
      const targets = new Map(held?.targets);
      for (const [path, value] of ops ?? []) {
        if (value === undefined) targets.delete(path);
        else targets.set(path, value);
      }
      const version = this.k++ * this.fixture.shape.partitions + this.number + 1;
      const expires = Math.floor(cut.time / 1000) + policy.expiry_s.bins;
      const signed = targetsSigned({
        version,
        expiresMs: expires * 1000,
        targets: new Map([...targets].map(([path, value]) => [path, targetOf(value)])),
      });
      const file = signMetadata(signed, [keyOf(binsKey)]);
      const sha256 = sha256HexNative(file);
      this.bins.set(bin, { version, expires, file, sha256, targets });
      const { signatures } = JSON.parse(Buffer.from(file).toString()) as {
        signatures: [{ sig: string }];
      };
      roles.push([this.nameOf(bin), version, file.length, sha256, signatures[0].sig]);
    }
    return roles;
  }

  private map(): string {
    const { slotBits, partitions, bits } = this.fixture.shape;
    const width = 2 ** slotBits / partitions;
    const bySlot = new Map<number, Map<string, JsonObject>>();
    const place = (role: string, version: number, length: number, sha256: string): void => {
      const slot = this.slotOf(role);
      const roles = bySlot.get(slot) ?? new Map<string, JsonObject>();
      bySlot.set(slot, roles.set(role, { hashes: { sha256 }, length, version }));
    };
    for (const [bin, { version, file, sha256 }] of this.bins) {
      place(this.nameOf(bin), version, file.length, sha256);
    }
    for (const [role, { version, bytes, sha256 }] of this.offline) {
      place(role, version, bytes.length, sha256);
    }
    const contents = new Map([...bySlot].map(([slot, roles]) => [slot, slotText(roles)]));
    if (bits > slotBits) throw new Error('a slot holds one bin at the most');
    return mapRoot(this.number * width, (this.number + 1) * width, contents);
  }

  nameOf(bin: number): string {
    const { bits } = this.fixture.shape;
    return `bin-${bin.toString(16).padStart(Math.ceil(bits / 4), '0')}`;
  }

  private slotOf(role: string): number {
    const { bits, slotBits } = this.fixture.shape;
    const bin = /^bin-([0-9a-f]+)$/.exec(role)?.[1];
    if (bin !== undefined) return Number.parseInt(bin, 16) * 2 ** (slotBits - bits);
    return Math.floor(
      Number.parseInt(sha256HexNative(role).slice(0, 8), 16) / 2 ** (32 - slotBits),
    );
  }

  private partitionOf(slot: number): number {
    const { slotBits, partitions } = this.fixture.shape;
    return Math.floor((slot * partitions) / 2 ** slotBits);
  }

  /** The id of the key that signed the bins last. */
  get keyid(): string {
    return keyId(this.binsKey);
  }
}

/** When a bin is due for renewal, ms: between the two shares of its life, by its number. */
function dueAt(bin: number, expires: number, policy: Policy): number {
  const { renew_below_percent: below, renew_always_below_percent: always, expiry_s } = policy;
  const step = Math.imul(bin, 0x9e3779b1) >>> 26;
  const left = (expiry_s.bins * (below - (step * (below - always)) / STEPS)) / 100;
  return Math.floor((expires - left) * 1000);
}

function targetOf(value: JsonObject): { length: number; sha256: string; custom?: JsonObject } {
  const { sha256 } = value['hashes'] as { sha256: string };
  const custom = value['custom'] as JsonObject | undefined;
  return {
    length: value['length'] as number,
    sha256,
    ...(custom === undefined ? {} : { custom }),
  };
}
