/**
 * All that the control log's fold remembers and that decides about later records: what is in force, parts
 * that wait for the rest of their document, the chain of cuts. With digests over it by control offset, and
 * with checkpoints from which another fold comes to the same.
 */
import { canonicalText, RejectedInput } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import {
  decodeRecord,
  PartAssembler,
  recordHash,
  type CutSigned,
  type GenesisSigned,
} from '@tidemark/event';
import { ByOffset } from './byOffset.ts';
import { noCheckpoint, type ControlCheckpoint } from './controlCheckpoint.ts';
import { firstView, viewDigest, type View } from './controlView.ts';
import { CutChain, type Link } from './cutChain.ts';

/** What decides besides what is in force: the chain's ends, and the parts that wait. */
interface Moment {
  readonly last: string;
  readonly settled: number;
  readonly parts: string;
}

/** With more to keep than this there is no checkpoint: reading it again would take too long. */
const KEPT_MAX = 10_000;

export class ControlState {
  chain: CutChain;
  readonly assembler = new PartAssembler();
  private readonly views: ByOffset<{ readonly view: View; readonly digest: string }>;
  private moments: ByOffset<Moment>;
  /** Offsets of the records that put something into force, in the order in which they did. */
  private readonly kept: number[] = [];
  private readonly checkpointEvery: number;
  /** The checkpoint in use, then those that are not yet, oldest first. */
  private readonly checkpoints: ControlCheckpoint[] = [];
  /** The cut at whose `sealed` the last one was taken. */
  private checkpointed = 0;

  /** @param checkpointEvery settled cuts between two checkpoints */
  constructor(genesis: GenesisSigned, genesisHash: string, checkpointEvery: number) {
    const view = firstView(genesis);
    this.checkpointEvery = checkpointEvery;
    this.views = new ByOffset(0, { view, digest: viewDigest(genesisHash, 0, view) });
    const vector = Array.from({ length: genesis.partitions }, () => 0);
    this.chain = new CutChain({ n: 0, hash: genesisHash, time: genesis.time, vector, control: 0 });
    this.moments = new ByOffset(0, this.moment());
  }

  /** What is in force now. */
  get view(): View {
    return this.views.now.view;
  }

  /** The offset from which on that is in force. */
  get viewSince(): number {
    return this.views.since;
  }

  /** What is in force for a cut that covers the records below `control`. */
  viewAt(control: number): View {
    return (this.views.at(control) ?? this.views.now).view;
  }

  /** The digest of this state behind the records below `control`; empty where it is not known. */
  digestAt(control: number): string {
    const moment = this.moments.at(control);
    const view = this.views.at(control)?.digest;
    if (moment === undefined || view === undefined) return '';
    return sha256HexNative(canonicalText({ ...moment, view }));
  }

  /** Another view is in force from an offset on, because of the records at some offsets. */
  change(view: View, from: number, offsets: readonly number[]): void {
    this.kept.push(...offsets);
    this.views.add(from, { view, digest: viewDigest(this.views.now.digest, from, view) });
  }

  /** Notes what the record before `next` changed of the moment, if anything. */
  note(next: number): void {
    const { last, settled, parts } = this.moments.now;
    const now = this.moment();
    if (now.last === last && now.settled === settled && now.parts === parts) return;
    this.moments.add(next, now);
  }

  /** Drops what no cut to come can ask for. */
  forget(): void {
    this.views.dropBelow(this.chain.floor);
    this.moments.dropBelow(this.chain.floor);
  }

  /**
   * Cut n has just been settled by the record before `next`: now and then others may go on from there.
   * @param cuts offsets of its record and of the one behind it, if there is one
   */
  settled(n: number, next: number, cuts: readonly number[]): void {
    if (n - this.checkpointed < this.checkpointEvery) return;
    const kept = this.toKeep();
    if (kept.length > KEPT_MAX) return;
    this.checkpointed = n;
    this.checkpoints.push({ next, kept, cuts });
  }

  /** Where a fold may go on that has to come to the next cut, or to one that a void puts in its place. */
  checkpoint(): ControlCheckpoint | undefined {
    const { floor } = this.chain;
    const at = this.checkpoints.findLastIndex(({ next }) => next <= floor);
    if (at > 0) this.checkpoints.splice(0, at);
    return at < 0 ? undefined : this.checkpoints[0];
  }

  /**
   * Makes this the state at a checkpoint, once its kept records are folded.
   * @param record the log's record at an offset that the checkpoint names
   * @throws BrokenInvariant `state.control` where those are not the records that a checkpoint has
   */
  resume(checkpoint: ControlCheckpoint, record: (offset: number) => Uint8Array): void {
    const { next, kept, cuts } = checkpoint;
    if (kept.join() !== this.toKeep().join()) throw noCheckpoint();
    const [first, ...behind] = cuts.map((offset) => cutIn(record(offset)));
    // The last cut is stated by the digest, so what it chains to is too: no other can be put before it.
    const fits = first !== undefined && behind.every(({ previous }) => previous === first.hash);
    if (!fits || behind.length > 1) throw noCheckpoint();
    this.chain = new CutChain(first);
    behind.forEach((link, i) => {
      const view = this.viewAt(link.control);
      this.chain.add({ ...link, view, digest: '', checkpoint: undefined }, cuts[i + 1]!);
    });
    this.moments = new ByOffset(next, this.moment());
    this.checkpoints.push(checkpoint);
    this.checkpointed = first.n;
  }

  private moment(): Moment {
    const { last, settled } = this.chain;
    return { last: last.hash, settled, parts: this.assembler.digest };
  }

  private toKeep(): number[] {
    return [...this.kept, ...this.assembler.pending].toSorted((a, b) => a - b);
  }
}

/** The cut in a record that was found valid once. */
function cutIn(bytes: Uint8Array): Link & Pick<CutSigned, 'previous'> {
  try {
    const { signed } = decodeRecord(bytes);
    if (signed.type === 'cut') return { ...signed, hash: recordHash(bytes) };
  } catch (error) {
    if (!(error instanceof RejectedInput)) throw error;
  }
  throw noCheckpoint();
}
