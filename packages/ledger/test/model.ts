/**
 * What a partition must come to, written down naively: targets in maps, files by the TUF builders,
 * nothing kept that could be computed again.
 */
import type { JsonObject } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import { partitionOfPathHash } from '@tidemark/bin';
import type { Event, Outcome } from '@tidemark/event';
import { signMetadata, targetsSigned, type TargetInput } from '@tidemark/tuf';
import { renewalDue, type Cut } from '../src/index.ts';
import { keyOf, LEDGER, type TestLedger } from './testLedger.ts';
import { batch, binOf } from './uploads.ts';

/** A record of the events log as a test makes it, and what is wrong with it. */
export interface Upload {
  readonly flaw?: 'unsigned' | 'partition' | 'ledger' | 'junk';
  readonly intake: string;
  readonly seq: number;
  readonly time: number;
  readonly subject: string;
  readonly events: readonly Event[];
}

export function encodeUpload(upload: Upload): Uint8Array {
  const { flaw, intake, seq, time, subject, events } = upload;
  if (flaw === 'junk') return Buffer.from(`junk ${seq}`);
  return batch(events, {
    intake,
    seq,
    time,
    subjects: [subject],
    partition: flaw === 'partition' ? 1 : 0,
    ledger: flaw === 'ledger' ? 'f'.repeat(32) : LEDGER,
    signer: keyOf(flaw === 'unsigned' ? 'stranger' : 'intake'),
  });
}

interface Target {
  readonly length: number;
  readonly sha256: string;
  readonly custom?: JsonObject;
}

interface Bin {
  readonly targets: Map<string, Target>;
  version: number;
  /** Seconds. */
  expires: number;
  file: string;
}

interface Seen {
  readonly content: string;
  readonly offset: number;
  readonly index: number;
  time: number;
}

/** Partition 0 of 2. */
export class PartitionModel {
  readonly bins = new Map<number, Bin>();
  /** Every version ever, by bin and version. */
  readonly history: { readonly bin: number; readonly version: number; readonly file: string }[] =
    [];
  private readonly ledger: TestLedger;
  private readonly seen = new Map<string, Seen[]>();
  private readonly intakes = new Map<string, { seq: number; time: number }>();
  private since = 0;
  private k = 0;

  constructor(ledger: TestLedger) {
    this.ledger = ledger;
    const { bits, partitions } = ledger.genesis;
    for (let bin = 0; bin < 2 ** bits / partitions; bin++) {
      this.bins.set(bin, { targets: new Map(), version: 0, expires: 0, file: '' });
    }
  }

  /** Folds uploads at offsets from `first` on; returns outcomes, reasons of ignored ones, dirty bins. */
  cut(cut: Cut, uploads: readonly Upload[], first: number) {
    const { policy } = cut.view;
    const outcomes: Outcome[] = [];
    const ignored: string[] = [];
    const dirty = new Set<number>();
    const changed = new Set<string>();
    let newest = cut.time;
    let applied = 0;
    this.since = Math.max(this.since, cut.time - policy.window_s * 1000);
    for (const [run, { time }] of this.intakes) if (time < this.since) this.intakes.delete(run);
    const fresh: Seen[] = [];
    uploads.forEach((upload, i) => {
      const offset = first + i;
      const reason = this.refuse(upload, cut);
      if (reason !== undefined) return void ignored.push(reason);
      const late = upload.time < this.since;
      if (late || upload.time > cut.time + policy.clock_ahead_s * 1000) {
        const code = late ? 'stale' : 'clock_ahead';
        upload.events.forEach((_, index) => outcomes.push([offset, index, code]));
        return;
      }
      newest = Math.max(newest, upload.time);
      upload.events.forEach((event, index) => {
        if (partitionOfPathHash(sha256HexNative(event.path), 1) !== 0) {
          return void outcomes.push([offset, index, 'wrong_partition']);
        }
        const known = this.remember(upload.subject, event, { offset, index }, fresh);
        if (known !== undefined) return void outcomes.push(known);
        const bin = this.bins.get(binOf(event.path, this.ledger.genesis.bits))!;
        const code = change(event, bin, changed, policy.conflict);
        if (code !== undefined) return void outcomes.push([offset, index, code]);
        applied++;
        changed.add(event.path);
        dirty.add(binOf(event.path, this.ledger.genesis.bits));
      });
    });
    for (const entry of fresh) entry.time = newest;
    for (const [number, bin] of this.bins) {
      if (renewalDue(number, bin.expires, policy) <= cut.time) dirty.add(number);
    }
    const written = [...dirty].toSorted((a, b) => a - b);
    for (const number of written) this.write(number, cut);
    return { outcomes, ignored, applied, dirty: written };
  }

  private refuse({ flaw, intake, seq, time }: Upload, cut: Cut): string | undefined {
    if (flaw === 'junk') return 'record.syntax';
    if (flaw === 'partition' || flaw === 'ledger') return 'batch.foreign';
    if (flaw === 'unsigned') return 'batch.signature';
    const run = this.intakes.get(intake);
    if (run !== undefined && seq <= run.seq) return 'batch.resent';
    this.intakes.set(intake, { seq, time: Math.max(cut.time, time, run?.time ?? 0) });
    return undefined;
  }

  private remember(
    subject: string,
    event: Event,
    at: { offset: number; index: number },
    fresh: Seen[],
  ): Outcome | undefined {
    const { id: _, ...content } = event;
    const text = JSON.stringify(Object.entries(content).toSorted(([a], [b]) => (a < b ? -1 : 1)));
    const key = JSON.stringify([subject, event.id, event.path]);
    const entries = this.seen.get(key) ?? [];
    this.seen.set(key, entries);
    const known = entries.find(({ time }) => time >= this.since);
    if (known === undefined) {
      const entry = { ...at, content: text, time: Number.POSITIVE_INFINITY };
      entries.push(entry);
      fresh.push(entry);
      return undefined;
    }
    return known.content === text
      ? [at.offset, at.index, 'duplicate', known.offset, known.index]
      : [at.offset, at.index, 'id_reused'];
  }

  private write(number: number, cut: Cut): void {
    const bin = this.bins.get(number)!;
    bin.version = 2 * this.k++ + 1;
    bin.expires = Math.floor(cut.time / 1000) + cut.view.policy.expiry_s.bins;
    const targets = bin.targets as ReadonlyMap<string, TargetInput>;
    const common = { version: bin.version, expiresMs: bin.expires * 1000 };
    const bytes = signMetadata(targetsSigned({ ...common, targets }), [keyOf('bins')]);
    bin.file = Buffer.from(bytes).toString('latin1');
    this.history.push({ bin: number, version: bin.version, file: bin.file });
  }
}

/** Applies an event; returns why it does not. */
function change(
  event: Event,
  { targets, version }: Bin,
  changed: ReadonlySet<string>,
  conflict: 'reject' | 'replace',
): string | undefined {
  const { path, expected, custom } = event;
  const held = targets.get(path);
  if (expected === 'absent' && held !== undefined) return 'expected';
  if (typeof expected === 'number') {
    if (held === undefined || changed.has(path) || expected !== version) return 'expected';
  } else if (expected !== undefined && expected !== 'absent' && expected !== held?.sha256) {
    return 'expected';
  }
  if (event.type === 'target.added') {
    const { length, sha256 } = { length: event.length!, sha256: event.hashes!.sha256 };
    const same = held !== undefined && held.length === length && held.sha256 === sha256;
    if (held !== undefined && !same && conflict === 'reject') return 'conflict';
    if (same && custom === undefined) return 'unchanged';
    const yanked = same ? held.custom?.['yanked'] : undefined;
    const next = yanked === undefined ? custom : { ...custom, yanked };
    if (same && textOf(next) === textOf(held.custom)) return 'unchanged';
    targets.set(path, next === undefined ? { length, sha256 } : { length, sha256, custom: next });
    return undefined;
  }
  if (held === undefined) return 'absent';
  if (event.type === 'target.removed') {
    targets.delete(path);
    return undefined;
  }
  const next: Record<string, unknown> = { ...held.custom, yanked: true, ...custom };
  if (next['yanked'] === false) delete next['yanked'];
  const empty = Object.keys(next).length === 0;
  if (textOf(empty ? undefined : next) === textOf(held.custom)) return 'unchanged';
  const { length, sha256 } = held;
  targets.set(path, empty ? { length, sha256 } : { length, sha256, custom: next as JsonObject });
  return undefined;
}

function textOf(custom: object | undefined): string {
  if (custom === undefined) return '';
  return JSON.stringify(Object.entries(custom).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
