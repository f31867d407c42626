// Cuts that break a rule, or break none and should not have been made.
import { recordHash, signRecord, type CutSigned } from '@tidemark/event';
import { keyOf } from './fixture.ts';
import { OTHER_LEDGER, ZERO_HASH, type Forger, type Kinds } from './forger.ts';
import type { Model } from './model.ts';
import type { World } from './world.ts';

export class JunkCuts {
  private readonly forger: Forger;
  private readonly world: World;
  private readonly model: Model;
  /** Hashes of all that were made. */
  readonly made = new Set<string>();
  /** Hashes of those that somebody with a sealer's key made, and that may have to be voided. */
  readonly poisoned = new Set<string>();

  constructor(forger: Forger) {
    this.forger = forger;
    this.world = forger.world;
    this.model = forger.model;
  }

  readonly kinds: Kinds = [
    ['cut of a stranger', () => this.cut({}, 'outsider')],
    ['cut of a publisher', () => this.cut({}, this.forger.nameOf('publisher'))],
    ['cut of another ledger', () => this.cut({ ledger: OTHER_LEDGER })],
    [
      'cut out of turn',
      () => this.cut({ n: this.model.last.n + this.world.random.pick([0, 2]) || 9 }),
    ],
    ['cut on another chain', () => this.cut({ previous: ZERO_HASH })],
    ['cut of other partitions', () => this.partitions()],
    ['cut that goes back', () => this.vector(-1)],
    ['cut that goes too far', () => this.vector(this.model.view.policy.advance_max + 1)],
    ['cut ahead of control', () => this.cut({ control: this.forger.end('control', 0) + 1 })],
    ['cut behind control', () => this.behind()],
    ['cut in the past', () => this.cut({ time: Math.max(0, this.model.last.time - 1) })],
    ['cut in the future', () => this.future(1)],
    ['three cuts at once', () => this.flood()],
    ['cut before the documents', () => this.cut({ control: Math.min(this.model.last.control, 1) })],
    ['poisoned cut', () => this.poison()],
    ['poisoned cut', () => this.poison()],
    ['cut of a day', () => this.future(0)],
    ['second cut', () => this.second()],
  ];

  /** A cut that is as it should be but for what is given. */
  private cut(wrong: Partial<CutSigned>, by = this.forger.nameOf('sealer')): void {
    const bytes = signRecord({ ...this.nextCut(), ...wrong }, [keyOf(by)]);
    this.made.add(recordHash(bytes));
    this.forger.put('control', 0, bytes);
  }

  private partitions(): void {
    const { vector } = this.nextCut();
    this.cut({ vector: this.world.random.chance(0.5) ? [...vector, 0] : vector.slice(1) });
  }

  private vector(by: number): void {
    const { vector } = this.model.last;
    const p = this.world.random.below(vector.length);
    if (vector[p]! + by < 0) return;
    this.cut({ vector: vector.map((end, at) => (at === p ? end + by : end)) });
  }

  private behind(): void {
    const { control } = this.model.last;
    if (control > 0) this.cut({ control: this.world.random.between(0, control - 1) });
  }

  private future(beyond: number): void {
    const { step_max_ms } = this.model.viewAt(this.forger.end('control', 0)).policy;
    this.cut({ time: this.model.last.time + step_max_ms + beyond });
  }

  /** Three valid cuts, of which the third has to wait. */
  private flood(): void {
    for (let i = 0; i < 3; i++) {
      this.cut({});
      this.model.advance();
    }
  }

  /** A valid cut of more than there is: nobody can finish it. */
  private poison(): void {
    const { policy } = this.model.view;
    const { last } = this.model;
    const vector = last.vector.map((from, p) => Math.max(from, this.forger.end('events', p)));
    const p = this.world.random.below(vector.length);
    vector[p] = Math.min(last.vector[p]! + policy.advance_max, vector[p]! + 1_000);
    this.cut({
      vector: vector.map((end, at) => Math.min(end, last.vector[at]! + policy.advance_max)),
    });
    this.model.advance();
    this.poisoned.add(this.model.last.hash);
  }

  /** Another cut of the same number. */
  private second(): void {
    const oldest = this.model.unsettled.at(-1);
    if (oldest === undefined) return;
    const { before } = oldest;
    this.cut({ n: before.n + 1, previous: before.hash, time: before.time, vector: before.vector });
  }

  /** The cut that a sealer would make now. */
  private nextCut(): CutSigned {
    const { last, view } = this.model;
    const limit = view.policy.advance_max;
    return {
      type: 'cut',
      v: 1,
      ledger: this.forger.ledger,
      n: last.n + 1,
      previous: last.hash,
      time: last.time,
      vector: last.vector.map((from, p) =>
        Math.max(from, Math.min(this.forger.end('events', p), from + limit)),
      ),
      control: this.forger.end('control', 0),
    };
  }
}
