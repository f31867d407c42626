/** The chain of valid cuts: which is the last, which are settled, what a void takes back. */
import { RejectedInput } from '@tidemark/canonical';
import type { SealedSigned, VoidSigned } from '@tidemark/event';
import type { Cut } from './control.ts';
import { isTimestamped } from './timestampFile.ts';

/** What the next cut follows: a cut, genesis, or a void in the place of a cut. */
export type Link = Pick<Cut, 'n' | 'hash' | 'time' | 'vector' | 'control'>;

export class CutChain {
  last: Link;
  /** Highest n that is void or has a `sealed` that everybody here can believe. */
  settled: number;
  /** Where this chain begins: what becomes of numbers up to it, nobody asks here. */
  private readonly first: number;
  /** Cuts not settled yet, oldest first, at most two; with what each follows and its record's offset. */
  private readonly unsettled: {
    readonly cut: Cut;
    readonly before: Link;
    readonly offset: number;
  }[] = [];
  /** Numbers that are void. */
  private readonly voids = new Set<number>();

  /** @param first genesis, or a cut that is sealed */
  constructor({ n, hash, time, vector, control }: Link) {
    this.last = { n, hash, time, vector, control };
    this.first = n;
    this.settled = n;
  }

  /** No cut to come covers less of the control log: a void may go back to where the oldest unsettled one began. */
  get floor(): number {
    return (this.unsettled[0]?.before ?? this.last).control;
  }

  /** Takes the next valid cut, whose record stands at an offset. */
  add(cut: Cut, offset: number): void {
    const { n, hash, time, vector, control } = cut;
    this.unsettled.push({ cut, before: this.last, offset });
    this.last = { n, hash, time, vector, control };
  }

  /**
   * A `sealed` that a listed publisher signed for a cut in order settles it, if the timestamp that it leads
   * to is signed too: for the rule on cuts in flight, and so that no void takes it back. Whether its leaf
   * is what the fold gives, only who folds every partition can say: the publisher checks that before it
   * takes one for the truth.
   * @returns the offsets of the cut that it settles and of those behind it; undefined where one did before
   * @throws RejectedInput `sealed.*`
   */
  seal(signed: SealedSigned): readonly number[] | undefined {
    const { settled, unsettled, voids, first } = this;
    if (voids.has(signed.n)) throw new RejectedInput('sealed.void', `number ${signed.n} is void`);
    if (signed.n <= first) throw new RejectedInput('sealed.past', `${signed.n} is done with`);
    if (signed.n <= settled) return undefined;
    const entry = unsettled[0];
    if (signed.n !== settled + 1 || entry?.cut.hash !== signed.cut) {
      throw new RejectedInput('sealed.order', `sealed ${signed.n} does not follow ${settled}`);
    }
    if (!isTimestamped(signed, entry.cut)) {
      throw new RejectedInput('sealed.timestamp', `sealed ${signed.n} has no signed timestamp`);
    }
    const offsets = unsettled.map(({ offset }) => offset);
    unsettled.shift();
    this.settled = signed.n;
    return offsets;
  }

  /**
   * The way out of a poisoned cut: its number is spent, the next cut chains to the void.
   * @param hash the void record's
   * @throws RejectedInput `void.order`
   */
  void(signed: VoidSigned, hash: string): void {
    const entry = this.unsettled[0];
    if (entry?.cut.n !== signed.n || entry.cut.hash !== signed.cut) {
      throw new RejectedInput('void.order', `cut ${signed.n} is not the oldest unsealed one`);
    }
    // What the spent cut covered is for the next one to cover, and its time may be the poison.
    this.last = { ...entry.before, n: signed.n, hash };
    this.unsettled.length = 0;
    this.settled = signed.n;
    this.voids.add(signed.n);
  }
}
