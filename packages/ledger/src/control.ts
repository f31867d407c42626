/**
 * The control log's fold: which keys, policy and documents are in force, which cuts are valid, which
 * are sealed or void. Everybody runs it on the same records and comes to the same answers.
 *
 * Nothing is believed because it is in the log. A record that is invalid, unauthorised or unknown is
 * ignored and counted; only rules that this build does not know halt it.
 */
import { BrokenInvariant, RejectedInput, utf8 } from '@tidemark/canonical';
import { verifyEd25519Native } from '@tidemark/canonical/native';
import {
  decodeRecord,
  keysById,
  PartAssembler,
  recordHash,
  verifyRecord,
  type CutSigned,
  type GenesisSigned,
  type LogRecord,
  type PolicySigned,
  type SealedSigned,
  type ServicesSigned,
  type VoidSigned,
} from '@tidemark/event';
import { ControlViews, servicesView, type Keys, type View } from './controlViews.ts';
import { brokenRule, CUT_RULES, type CutRule } from './cutRules.ts';
import { acceptRole, acceptRoot, OFFLINE_ROLES } from './documents.ts';
import { isTimestamped } from './timestampFile.ts';

/** The fold's rules that this build knows. */
const RULES_VERSION = 1;

/** A valid cut, with what is in force at the control offset it covers. */
export interface Cut {
  readonly n: number;
  readonly hash: string;
  readonly time: number;
  readonly vector: readonly number[];
  readonly control: number;
  readonly view: View;
}

/** What a control record did. */
export type ControlChange =
  | { readonly type: 'view'; readonly view: View }
  | { readonly type: 'cut'; readonly cut: Cut }
  | { readonly type: 'void'; readonly n: number; readonly hash: string }
  | { readonly type: 'sealed'; readonly sealed: SealedSigned; readonly offset: number };

/** Cuts not settled yet, oldest first: at most two, a third waits for `sealed`. */
interface Chain {
  last: { n: number; hash: string; time: number; vector: readonly number[]; control: number };
  /** The cut before each unsettled one, so that a void can go back to it. */
  readonly unsettled: { readonly cut: Cut; readonly before: Chain['last'] }[];
  /** Highest n that is void or has a `sealed` that everybody here can believe. */
  settled: number;
  /** Numbers that are void. */
  readonly voids: Set<number>;
}

export class ControlFold {
  readonly genesis: GenesisSigned;
  private readonly genesisHash: string;
  private readonly rules: readonly CutRule[];
  private readonly operators: Keys;
  private readonly assembler = new PartAssembler();
  private readonly views: ControlViews;
  private readonly chain: Chain;
  /** Records ignored, by reason. */
  readonly ignored = new Map<string, number>();
  /** The next offset to fold. */
  next = 0;

  /**
   * @param genesisHash the hash of the genesis record: what cut 1 chains to
   * @param rules the validity rules of cuts; all of them, except where a simulation leaves one out
   */
  constructor(genesis: GenesisSigned, genesisHash: string, rules: readonly CutRule[] = CUT_RULES) {
    if (genesis.rules > RULES_VERSION) throw unknownRules(genesis.rules);
    this.genesis = genesis;
    this.genesisHash = genesisHash;
    this.rules = rules;
    this.operators = keysById(genesis.operators.keys);
    this.views = new ControlViews({
      policy: genesis.policy,
      policyVersion: 0,
      documents: { root: undefined, targets: undefined, bins: undefined },
      ...servicesView(genesis.services, 0),
    });
    const vector = Array.from({ length: genesis.partitions }, () => 0);
    const last = { n: 0, hash: genesisHash, time: genesis.time, vector, control: 0 };
    this.chain = { last, unsettled: [], settled: 0, voids: new Set() };
  }

  /** What is in force now. */
  get view(): View {
    return this.views.now;
  }

  /** Whether what is in force now came into force at or behind a control offset. */
  changedSince(control: number): boolean {
    return this.views.changedSince(control);
  }

  /** The last valid cut, or genesis or a void in its place: what the next cut chains to. */
  get last(): Readonly<Chain['last']> {
    return this.chain.last;
  }

  /** Highest number that is sealed, as far as the control log alone can tell, or void. */
  get settled(): number {
    return this.chain.settled;
  }

  /**
   * Folds the record at `next`.
   * @returns what it changed; undefined where it is ignored
   * @throws BrokenInvariant `control.rules` for rules this build lacks; `log.foreign` where the log
   *   begins with another genesis record
   */
  apply(bytes: Uint8Array): ControlChange | undefined {
    const offset = this.next++;
    try {
      if (offset === 0 && recordHash(bytes) === this.genesisHash) return undefined;
      if (offset === 0) throw foreign();
      return this.fold(decodeRecord(bytes), bytes, offset);
    } catch (error) {
      if (!(error instanceof RejectedInput)) throw error;
      if (offset === 0) throw foreign();
      this.ignored.set(error.code, (this.ignored.get(error.code) ?? 0) + 1);
      return undefined;
    }
  }

  private fold(record: LogRecord, bytes: Uint8Array, offset: number): ControlChange | undefined {
    const { signed } = record;
    switch (signed.type) {
      case 'cut':
        return this.cut(record as LogRecord<CutSigned>, recordHash(bytes), offset);
      case 'sealed':
        return this.sealed(record as LogRecord<SealedSigned>, offset);
      case 'void':
        return this.void(record as LogRecord<VoidSigned>, recordHash(bytes));
      case 'root':
        return this.root(utf8(signed.document), offset);
      case 'role':
        return this.role(signed.role, utf8(signed.document), offset);
      case 'part': {
        const whole = this.assembler.add(signed);
        if (whole === undefined) return undefined;
        return whole.name.kind === 'root'
          ? this.root(whole.document, offset)
          : this.role(whole.name.role, whole.document, offset);
      }
      case 'services':
      case 'policy':
        return this.settings(record as LogRecord<ServicesSigned | PolicySigned>, offset);
      default:
        throw new RejectedInput('control.type', `${signed.type} does not belong in control`);
    }
  }

  private cut(record: LogRecord<CutSigned>, hash: string, offset: number): ControlChange {
    const cut: CutSigned = record.signed;
    const view = this.views.at(cut.control);
    const { documents } = view;
    const broken = brokenRule(this.rules, cut, {
      last: this.chain.last,
      settled: this.chain.settled,
      offset,
      signedBySealer: this.isSignedBy(record, this.view.keys.sealer, 1),
      documentsReady: OFFLINE_ROLES.every((role) => documents[role] !== undefined),
      policy: view.policy,
    });
    if (broken !== undefined) throw new RejectedInput(`cut.${broken}`, `cut ${cut.n} is not valid`);
    const { n, time, vector, control } = cut;
    const valid: Cut = { n, hash, time, vector, control, view };
    this.chain.unsettled.push({ cut: valid, before: this.chain.last });
    this.chain.last = { n, hash, time, vector, control };
    // A void may go back to where the oldest unsettled cut began.
    this.views.dropBelow(this.chain.unsettled[0]!.before.control);
    return { type: 'cut', cut: valid };
  }

  /**
   * A `sealed` that a listed publisher signed for a cut in order settles it, if the timestamp that it leads
   * to is signed too: for the rule on cuts in flight, and so that no void takes it back. Whether its leaf
   * is what the fold gives, only who folds every partition can say: the publisher checks that before it
   * takes one for the truth.
   */
  private sealed(record: LogRecord<SealedSigned>, offset: number): ControlChange {
    const { signed } = record;
    if (!this.isSignedBy(record, this.view.keys.publisher, 1)) {
      throw new RejectedInput('sealed.signature', 'no listed publisher signed this');
    }
    const { settled, unsettled, voids } = this.chain;
    if (voids.has(signed.n)) throw new RejectedInput('sealed.void', `number ${signed.n} is void`);
    if (signed.n > settled) {
      const entry = unsettled[0];
      if (signed.n !== settled + 1 || entry?.cut.hash !== signed.cut) {
        throw new RejectedInput('sealed.order', `sealed ${signed.n} does not follow ${settled}`);
      }
      if (!isTimestamped(signed, entry.cut)) {
        throw new RejectedInput('sealed.timestamp', `sealed ${signed.n} has no signed timestamp`);
      }
      unsettled.shift();
      this.chain.settled = signed.n;
    }
    return { type: 'sealed', sealed: signed, offset };
  }

  /** The way out of a poisoned cut: its number is spent, the next cut chains to the void. */
  private void(record: LogRecord<VoidSigned>, hash: string): ControlChange {
    const { signed } = record;
    if (!this.isSignedBy(record, this.operators, this.genesis.operators.threshold)) {
      throw new RejectedInput('void.signature', 'too few operators signed this');
    }
    const entry = this.chain.unsettled[0];
    if (entry?.cut.n !== signed.n || entry.cut.hash !== signed.cut) {
      throw new RejectedInput('void.order', `cut ${signed.n} is not the oldest unsealed one`);
    }
    // What the spent cut covered is for the next one to cover, and its time may be the poison.
    this.chain.last = { ...entry.before, n: signed.n, hash };
    this.chain.unsettled.length = 0;
    this.chain.settled = signed.n;
    this.chain.voids.add(signed.n);
    return { type: 'void', n: signed.n, hash };
  }

  private settings(
    record: LogRecord<ServicesSigned | PolicySigned>,
    offset: number,
  ): ControlChange {
    const { signed } = record;
    const { view } = this;
    if (!this.isSignedBy(record, this.operators, this.genesis.operators.threshold)) {
      throw new RejectedInput(`${signed.type}.signature`, 'too few operators signed this');
    }
    if (signed.type === 'policy') {
      if (signed.version !== view.policyVersion + 1) throw outOfOrder('policy');
      if (signed.rules > RULES_VERSION) throw unknownRules(signed.rules);
      return this.change({ ...view, policy: signed.policy, policyVersion: signed.version }, offset);
    }
    if (signed.version !== view.servicesVersion + 1) throw outOfOrder('services');
    return this.change({ ...view, ...servicesView(signed.services, signed.version) }, offset);
  }

  private root(document: Uint8Array, offset: number): ControlChange {
    const documents = acceptRoot(this.view.documents, document, this.genesis);
    return this.change({ ...this.view, documents }, offset);
  }

  private role(role: string, document: Uint8Array, offset: number): ControlChange {
    const offline = OFFLINE_ROLES.find((name) => name === role);
    if (offline === undefined) throw new RejectedInput('document.role', `${role} is not offline`);
    const documents = acceptRole(this.view.documents, offline, document, this.genesis);
    return this.change({ ...this.view, documents }, offset);
  }

  private change(view: View, offset: number): ControlChange {
    this.views.add(offset, view);
    return { type: 'view', view };
  }

  private isSignedBy(record: LogRecord, keys: Keys, threshold: number): boolean {
    const { ledger } = record.signed as { readonly ledger?: string };
    if (ledger !== this.genesis.ledger) return false;
    return verifyRecord(record, keys, threshold, verifyEd25519Native);
  }
}

function foreign(): BrokenInvariant {
  return new BrokenInvariant(
    'log.foreign',
    "the control log begins with another genesis record than this ledger's",
  );
}

function outOfOrder(type: string): RejectedInput {
  return new RejectedInput(`${type}.version`, `this ${type} record does not follow the last one`);
}

function unknownRules(rules: number): BrokenInvariant {
  return new BrokenInvariant(
    'control.rules',
    `the ledger uses rules version ${rules}, this build knows ${RULES_VERSION}: upgrade Tidemark`,
  );
}
