// Records that would settle a cut: `sealed` and `void` that somebody signed who may not, or at the
// wrong time, or of something else.
import { sha256HexNative } from '@tidemark/canonical/native';
import type { SealedSigned } from '@tidemark/event';
import { parseTimestamp, signMetadata, timestampSigned } from '@tidemark/tuf';
import { keyOf, OPERATORS } from './fixture.ts';
import { ZERO_HASH, type Forger, type Kinds } from './forger.ts';
import type { JunkCuts } from './junkCuts.ts';
import type { Model } from './model.ts';
import { signaturesOf } from './modelSnapshot.ts';
import type { World } from './world.ts';

export class JunkSeals {
  private readonly forger: Forger;
  private readonly world: World;
  private readonly model: Model;
  private readonly cuts: JunkCuts;

  constructor(forger: Forger, cuts: JunkCuts) {
    this.forger = forger;
    this.world = forger.world;
    this.model = forger.model;
    this.cuts = cuts;
  }

  readonly kinds: Kinds = [
    ['sealed by a stranger', () => this.sealed('outsider')],
    ['sealed by a shard', () => this.sealed(this.forger.nameOf('shard'))],
    ['sealed with other content', () => this.sealed(this.forger.nameOf('publisher'))],
    ['sealed with the timestamp key', () => this.timestamped()],
    ['sealed with another leaf', () => this.nearlySealed(true)],
    ['sealed with other signatures', () => this.nearlySealed(false)],
    ['sealed out of order', () => this.timestamped(undefined, this.model.unsettled[1]?.cut)],
    ['sealed by a stranger with the timestamp key', () => this.timestamped('outsider')],
    [
      'void by services',
      () => this.void([this.forger.nameOf('sealer'), this.forger.nameOf('publisher')]),
    ],
    ['void by one operator', () => this.void([OPERATORS[0]])],
    ['void out of order', () => this.lateVoid()],
    ['void by operators', () => this.void(OPERATORS)],
  ];

  /** A `sealed` for the cut that is next, as it was for the one before. */
  private sealed(by: string): void {
    const cut = this.model.pending;
    const { newest } = this.model;
    if (cut === undefined || newest === undefined) return;
    const sig = this.world.random.hex(128);
    this.seal(by, cut, { ...newest.leaf, n: cut.n }, { keyid: ZERO_HASH, sig });
  }

  /** The same with all that control shows as it should be. Nobody could void a cut that cannot be finished. */
  private timestamped(by = this.forger.nameOf('publisher'), cut = this.model.pending): void {
    const { newest } = this.model;
    if (cut === undefined || newest === undefined || this.cuts.poisoned.has(cut.hash)) return;
    const { snapshot, merkle_root: merkleRoot } = newest.leaf;
    const expiresMs = cut.time + cut.view.policy.expiry_s.timestamp * 1000;
    const stated = timestampSigned({ version: cut.n, expiresMs, snapshot, merkleRoot });
    const timestamp = signMetadata(stated, [keyOf('timestamp')]);
    const [signature] = parseTimestamp(timestamp).signatures;
    const leaf = {
      ...newest.leaf,
      n: cut.n,
      time: cut.time,
      timestamp: sha256HexNative(timestamp),
      root: cut.view.documents.root!.version,
      partitions: newest.leaf.partitions.map(({ events, ...part }, p) => ({
        ...part,
        events: { ...events, size: cut.vector[p]! },
      })),
      control: { ...newest.leaf.control, size: cut.control },
    };
    this.seal(by, cut, leaf, signature!);
  }

  private seal(
    by: string,
    { n, hash }: { readonly n: number; readonly hash: string },
    leaf: SealedSigned['leaf'],
    timestamp: SealedSigned['signatures']['timestamp'],
  ): void {
    const { random } = this.world;
    const sig = random.hex(128);
    const signed: SealedSigned = {
      type: 'sealed',
      v: 1,
      ledger: this.forger.ledger,
      n,
      cut: hash,
      leaf,
      signatures: {
        timestamp,
        snapshot: random.chance(0.5) ? null : { keyid: ZERO_HASH, sig },
        checkpoint: sig,
      },
    };
    this.forger.control(signed, [by]);
  }

  /** A `sealed` of which one thing is wrong: the leaf, or one of the signatures. */
  private nearlySealed(isLeaf: boolean): void {
    // What would be right is known once the cut was called sealed.
    if (this.model.drafted === undefined) this.timestamped();
    const { drafted } = this.model;
    if (drafted === undefined) return;
    const { cut, leaf } = drafted;
    const signatures = signaturesOf(drafted);
    const { timestamp, snapshot } = signatures;
    const sig = this.world.random.hex(128);
    const wrong = this.world.random.pick([
      { ...signatures, timestamp: { ...timestamp, sig } },
      { ...signatures, checkpoint: sig },
      ...(snapshot === null ? [] : [{ ...signatures, snapshot: { ...snapshot, sig } }]),
    ]);
    const signed: SealedSigned = {
      type: 'sealed',
      v: 1,
      ledger: this.forger.ledger,
      n: cut.n,
      cut: cut.hash,
      leaf: isLeaf ? { ...leaf, root: leaf.root + 1 } : leaf,
      signatures: isLeaf ? signatures : wrong,
    };
    this.forger.control(signed, [this.forger.nameOf('publisher')]);
  }

  private void(by: readonly string[]): void {
    const cut = this.model.unsettled[0]?.cut;
    if (cut === undefined) return;
    const { ledger } = this.forger;
    this.forger.control({ type: 'void', v: 1, ledger, n: cut.n, cut: cut.hash }, by);
  }

  /** A void of a cut that is sealed, or not the oldest. */
  private lateVoid(): void {
    const { newest, unsettled } = this.model;
    const cut = this.world.random.chance(0.5) ? newest?.cut : unsettled[1]?.cut;
    if (cut === undefined) return;
    const { ledger } = this.forger;
    this.forger.control({ type: 'void', v: 1, ledger, n: cut.n, cut: cut.hash }, OPERATORS);
  }
}
