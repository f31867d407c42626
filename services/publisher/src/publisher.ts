/**
 * The publisher: seals cuts and publishes the snapshots that are sealed.
 *
 * Commit point: the first valid `sealed` record for a number, read back from the control log. Several
 * publishers may race to write it; each believes only what it has read. The publication store follows
 * behind, immutable names first, the timestamp last, never backwards; a crash in between is made good
 * by the next run, which publishes the newest snapshot again before anything else.
 */
import { canonicalText, fromUtf8, OperatingFault, utf8, type Json } from '@tidemark/canonical';
import { signRecord, type SealedSigned } from '@tidemark/event';
import { appendSurely } from '@tidemark/log';
import {
  checking,
  isSealOf,
  OFFLINE_ROLES,
  signing,
  type Cut,
  type Snapshot,
} from '@tidemark/ledger';
import { demandNoLostCut } from '@tidemark/shard';
import { fateOf, type Fate } from './fate.ts';
import type { Draft, PublisherFold } from './publisherFold.ts';
import { foldFrom, newestIn, type PublisherOptions } from './resume.ts';
import { offsetsOf, SnapshotIndex, type SnapshotRow } from './snapshotIndex.ts';
import { Steps } from './steps.ts';

/** How far a cut's time may lie ahead of a signer's clock before it waits. */
const CLOCK_AHEAD_MAX_MS = 30_000;
/** Snapshots between two images. */
const IMAGE_EVERY = 64;
/** Old snapshot.json files kept in the store; older ones can be made again from the state. */
const CLASSIC_KEPT = 512;

export class Publisher {
  private readonly options: PublisherOptions;
  private readonly index: SnapshotIndex;
  private readonly steps: Steps;
  private fold: PublisherFold;
  private mine:
    | { readonly n: number; readonly text: string; readonly snapshot: Snapshot }
    | undefined;
  private readonly listeners = new Set<(row: SnapshotRow) => void>();
  private readonly published = new Set<string>();
  private readonly classics: number[] = [];
  /** The newest snapshot that the store held at first: its cut was in the log once. */
  private stored = 0;
  /** The newest visible snapshot. */
  visible: SnapshotRow | undefined;
  /** The last number that is visible here, or void. */
  settled: number;
  /** `sealed` records that were signed by a publisher but do not say what the fold gives. */
  refused = 0;

  private constructor(options: PublisherOptions, index: SnapshotIndex, fold: PublisherFold) {
    this.options = options;
    this.index = index;
    this.steps = new Steps(options.observer);
    this.fold = fold;
    this.settled = fold.snapshots.n;
  }

  /** Opens the stored state and publishes the newest snapshot again. */
  static async open(options: PublisherOptions): Promise<Publisher> {
    const index = new SnapshotIndex(options.db);
    const publisher = new Publisher(options, index, await foldFrom(options, index));
    const newest = await index.newest();
    if (newest !== undefined) {
      publisher.visible = newest;
      await publisher.advanceStore(newest);
    }
    for (const name of await options.store.list()) {
      if (name.endsWith('.snapshot.json')) publisher.classics.push(Number.parseInt(name, 10));
    }
    publisher.classics.sort((a, b) => a - b);
    publisher.stored = await newestIn(options.store);
    return publisher;
  }

  /** The fold of the control log, for the sealer that lives in this process. */
  get control(): PublisherFold['control'] {
    return this.fold.control;
  }

  /**
   * When a cut is needed although nothing happens, ms. Never while cuts that stand in the log are still
   * being settled: only the last of them says when the next is due.
   */
  get due(): number {
    const { control, snapshots } = this.fold;
    return snapshots.n < control.settled ? Number.POSITIVE_INFINITY : this.fold.due;
  }

  /** When the newest snapshot settled needs another, ms; 0 before this process knows one. */
  get dueNext(): number {
    return this.fold.due;
  }

  /** When the newest snapshot.json expires, ms; undefined before the first. */
  get snapshotExpires(): number | undefined {
    return this.fold.snapshots.newestClassic?.expires;
  }

  /** Reads rows of its state again. */
  async scrub(after: Uint8Array | undefined, bytesMax: number) {
    return this.index.scrub(after, bytesMax);
  }

  /** Snapshot n as it was published. */
  snapshot(n: number): SnapshotRow | undefined {
    const newest = this.visible?.n ?? 0;
    return n >= 1 && n <= newest ? this.index.get(n, newest) : undefined;
  }

  /** The number of the snapshot whose map has this root (64 hex), or undefined. */
  snapshotOfRoot(merkleRoot: string): number | undefined {
    return this.index.numberOfRoot(merkleRoot, this.visible?.n ?? 0);
  }

  /** What an event came to: see {@link Fate}. */
  fate(receipt: { partition: number; offset: number; index: number }): Fate {
    return fateOf(this.index, this.visible?.n ?? 0, receipt);
  }

  /** Calls back after every snapshot that has become visible. @returns how to stop that */
  onVisible(listener: (row: SnapshotRow) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Does whatever can be done now. @returns whether anything was */
  async step(): Promise<boolean> {
    const read = await this.fold.readControl();
    demandNoLostCut(this.fold.control.settled, Math.max(this.visible?.n ?? 0, this.stored));
    if (this.fold.isSpoilt) {
      this.fold = await foldFrom(this.options, this.index);
      this.mine = undefined;
      return true;
    }
    return (await this.settleNext()) || read;
  }

  /** Follows the logs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (await this.step()) continue;
      const waiting = new AbortController();
      const either = AbortSignal.any([signal, waiting.signal]);
      const { next } = this.fold;
      const leaves = next?.type === 'cut' ? this.fold.moreLeaves(next.cut, either) : [];
      await Promise.race([this.fold.moreControl(either), ...leaves, this.pause(either)]);
      waiting.abort();
    }
  }

  /** Writes an image, where there is room for one: it only saves the next start some folding. */
  async close(): Promise<void> {
    try {
      if (!this.fold.snapshots.hasDraft) await this.putImage();
    } catch (error) {
      if (!(error instanceof OperatingFault)) throw error;
    } finally {
      await this.options.db.close();
    }
  }

  /** Closes without an image: after a fault what is in memory may be half of something. */
  async abandon(): Promise<void> {
    await this.options.db.close();
  }

  private async settleNext(): Promise<boolean> {
    const order = this.fold.next;
    if (order === undefined) return false;
    if (order.type === 'void') {
      this.fold.settleVoid(order.n, order.record);
      this.settled = order.n;
      return true;
    }
    const began = this.steps.moment;
    const draft = await this.fold.draft(order.cut);
    if (draft === undefined) return false;
    for (const sealed of this.fold.sealedFor(order.cut.n)) {
      const snapshot = this.truth(sealed, order.cut);
      if (snapshot === undefined) continue;
      await this.settle(draft, snapshot);
      return true;
    }
    return this.seal(order.cut, began);
  }

  /** The snapshot, if a `sealed` record says exactly what the fold gives and its signatures verify. */
  private truth(sealed: SealedSigned, cut: Cut): Snapshot | undefined {
    const { mine } = this;
    if (mine?.n === cut.n && mine.text === canonicalText(sealed as unknown as Json)) {
      return mine.snapshot;
    }
    const snapshot = this.fold.snapshots.assemble(checking(sealed.signatures));
    if (snapshot !== undefined && isSealOf(sealed, cut, snapshot)) return snapshot;
    this.refused++;
    return undefined;
  }

  /** Signs the drafted cut, begun then, and writes `sealed`; it counts once it is read back. */
  private async seal(cut: Cut, began: number): Promise<boolean> {
    const { keys, logs, genesis, now, sleep } = this.options;
    if (keys === undefined || this.mine?.n === cut.n) return false;
    if (cut.time > now() + CLOCK_AHEAD_MAX_MS) return false;
    const snapshot = this.fold.snapshots.assemble(signing(keys));
    if (snapshot === undefined) return false;
    const assembled = this.steps.took('assemble', began);
    const signed: SealedSigned = {
      type: 'sealed',
      v: 1,
      ledger: genesis.ledger,
      n: cut.n,
      cut: cut.hash,
      leaf: snapshot.leaf,
      signatures: snapshot.signatures,
    };
    await appendSurely(logs.control, 0, [signRecord(signed, [keys.service])], sleep);
    this.steps.took('seal', assembled);
    this.mine = { n: cut.n, text: canonicalText(signed as unknown as Json), snapshot };
    return true;
  }

  private async putImage(): Promise<void> {
    const image = this.fold.image();
    if (image !== undefined) await this.index.putImage(image);
  }

  private async settle(draft: Draft, snapshot: Snapshot): Promise<void> {
    const { cut, parts } = draft;
    const before = this.fold.newest;
    this.fold.snapshots.settle(snapshot);
    this.fold.settled(draft);
    const row: SnapshotRow = {
      n: cut.n,
      before,
      batches: parts.map(({ outcomes }) => offsetsOf(outcomes).length),
      time: cut.time,
      vector: cut.vector,
      merkleRoot: snapshot.leaf.merkle_root,
      leaf: snapshot.leaf,
      timestamp: fromUtf8(snapshot.timestamp),
      checkpoint: fromUtf8(snapshot.checkpoint),
      classic: snapshot.classic.version,
    };
    const began = this.steps.moment;
    await this.publishImmutable(cut, snapshot);
    await this.index.put(
      row,
      parts.map(({ outcomes }) => outcomes),
    );
    await this.advanceStore(row);
    this.steps.took('publish', began);
    if (cut.n % IMAGE_EVERY === 0) await this.putImage();
    this.settled = row.n;
    // What is folded a second time, from an image, was visible before.
    if (row.n <= (this.visible?.n ?? 0)) return;
    this.visible = row;
    for (const listener of this.listeners) listener(row);
  }

  /** Documents, then snapshot.json: what the timestamp leads to is there before it. */
  private async publishImmutable(cut: Cut, snapshot: Snapshot): Promise<void> {
    const { store } = this.options;
    const { documents } = cut.view;
    for (const role of [...OFFLINE_ROLES.toReversed(), 'root' as const]) {
      const document = documents[role]!;
      const name = `${document.version}.${role}.json`;
      if (this.published.has(name)) continue;
      await store.putImmutable(name, document.bytes);
      this.published.add(name);
    }
    if (snapshot.snapshot === undefined) return;
    await store.putImmutable(`${cut.n}.snapshot.json`, snapshot.snapshot);
    this.classics.push(cut.n);
    if (this.classics.length > CLASSIC_KEPT) {
      await store.remove(`${this.classics.shift()!}.snapshot.json`);
    }
  }

  private async advanceStore(row: SnapshotRow): Promise<void> {
    const { store } = this.options;
    await store.advance('checkpoint', row.n, utf8(row.checkpoint));
    await store.advance('timestamp.json', row.n, utf8(row.timestamp));
  }

  /** A cut ahead of the clock is looked at again after a while. */
  private async pause(signal: AbortSignal): Promise<void> {
    const order = this.fold.next;
    const ahead = order?.type === 'cut' ? order.cut.time - this.options.now() : 0;
    if (ahead > CLOCK_AHEAD_MAX_MS) return this.options.sleep(1000);
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}
