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
import type { ControlCheckpoint } from './controlCheckpoint.ts';
import { ControlState } from './controlState.ts';
import { servicesView, type Keys, type View } from './controlView.ts';
import type { Link } from './cutChain.ts';
import { brokenRule, CUT_RULES, type CutRule } from './cutRules.ts';
import { acceptRole, acceptRoot, OFFLINE_ROLES } from './documents.ts';

/** The fold's rules that this build knows. */
const RULES_VERSION = 1;
/** Settled cuts between two checkpoints, unless said otherwise. */
const CHECKPOINT_EVERY = 256;
/** A valid cut, with what is in force at the control offset it covers. */
export interface Cut {
  readonly n: number;
  readonly hash: string;
  readonly time: number;
  readonly vector: readonly number[];
  readonly control: number;
  readonly view: View;
  /**
   * Digest of the fold's whole state at `control`. Folds that have the same there decide the same from there
   * on. Empty where a fold that went on from a checkpoint cannot know it: for cuts that nobody asks it about.
   */
  readonly digest: string;
  /** Where a fold may go on that has to come to this cut, or to one that a void puts in its place. */
  readonly checkpoint: ControlCheckpoint | undefined;
}

/** What a control record did. */
export type ControlChange =
  | { readonly type: 'view'; readonly view: View }
  | { readonly type: 'cut'; readonly cut: Cut }
  | { readonly type: 'void'; readonly n: number; readonly hash: string }
  | { readonly type: 'sealed'; readonly sealed: SealedSigned; readonly offset: number };

export class ControlFold {
  readonly genesis: GenesisSigned;
  private readonly genesisHash: string;
  private readonly rules: readonly CutRule[];
  private readonly operators: Keys;
  private readonly state: ControlState;
  /** Records ignored, by reason. */
  readonly ignored = new Map<string, number>();
  /** The next offset to fold. */
  next = 0;

  /**
   * @param genesisHash the hash of the genesis record: what cut 1 chains to
   * @param rules the validity rules of cuts; all of them, except where a simulation leaves one out
   * @param checkpointEvery settled cuts between two checkpoints
   */
  constructor(
    genesis: GenesisSigned,
    genesisHash: string,
    rules: readonly CutRule[] = CUT_RULES,
    checkpointEvery: number = CHECKPOINT_EVERY,
  ) {
    if (genesis.rules > RULES_VERSION) throw unknownRules(genesis.rules);
    this.genesis = genesis;
    this.genesisHash = genesisHash;
    this.rules = rules;
    this.operators = keysById(genesis.operators.keys);
    this.state = new ControlState(genesis, genesisHash, checkpointEvery);
  }

  /** What is in force now. */
  get view(): View {
    return this.state.view;
  }

  /** Whether what is in force now came into force at or behind a control offset. */
  changedSince(control: number): boolean {
    return this.state.viewSince > control;
  }

  /** The last valid cut, or genesis or a void in its place: what the next cut chains to. */
  get last(): Link {
    return this.state.chain.last;
  }

  /** Highest number that is sealed, as far as the control log alone can tell, or void. */
  get settled(): number {
    return this.state.chain.settled;
  }

  /**
   * Folds the record at `next`.
   * @returns what it changed; undefined where it is ignored
   * @throws BrokenInvariant `control.rules` for rules this build lacks; `log.foreign` where the log
   *   begins with another genesis record
   */
  apply(bytes: Uint8Array): ControlChange | undefined {
    const change = this.record(bytes, this.next++);
    this.state.note(this.next);
    return change;
  }

  /**
   * Goes on from a checkpoint, having read nothing.
   * @param record the log's record at an offset that the checkpoint names, or 0
   * @throws BrokenInvariant `state.control` where those are not the records that a checkpoint has
   */
  resume(checkpoint: ControlCheckpoint, record: (offset: number) => Uint8Array): void {
    for (const offset of [0, ...checkpoint.kept]) {
      this.next = offset;
      this.apply(record(offset));
    }
    this.state.resume(checkpoint, record);
    this.next = checkpoint.next;
  }

  private record(bytes: Uint8Array, offset: number): ControlChange | undefined {
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
        return this.root(utf8(signed.document), [offset]);
      case 'role':
        return this.role(signed.role, utf8(signed.document), [offset]);
      case 'part': {
        const whole = this.state.assembler.add(signed, offset);
        if (whole === undefined) return undefined;
        return whole.name.kind === 'root'
          ? this.root(whole.document, whole.offsets)
          : this.role(whole.name.role, whole.document, whole.offsets);
      }
      case 'services':
      case 'policy':
        return this.settings(record as LogRecord<ServicesSigned | PolicySigned>, offset);
      default:
        throw new RejectedInput('control.type', `${signed.type} does not belong in control`);
    }
  }

  private cut(record: LogRecord<CutSigned>, hash: string, offset: number): ControlChange {
    const { signed } = record;
    const { state } = this;
    const { n, time, vector, control } = signed;
    const view = state.viewAt(control);
    const { documents } = view;
    const broken = brokenRule(this.rules, signed, {
      last: this.last,
      settled: this.settled,
      offset,
      signedBySealer: this.isSignedBy(record, this.view.keys.sealer, 1),
      documentsReady: OFFLINE_ROLES.every((role) => documents[role] !== undefined),
      policy: view.policy,
    });
    if (broken !== undefined) throw new RejectedInput(`cut.${broken}`, `cut ${n} is not valid`);
    const digest = state.digestAt(control);
    const checkpoint = state.checkpoint();
    const cut: Cut = { n, hash, time, vector, control, view, digest, checkpoint };
    state.chain.add(cut, offset);
    state.forget();
    return { type: 'cut', cut };
  }

  private sealed(record: LogRecord<SealedSigned>, offset: number): ControlChange {
    const { signed } = record;
    if (!this.isSignedBy(record, this.view.keys.publisher, 1)) {
      throw new RejectedInput('sealed.signature', 'no listed publisher signed this');
    }
    const cuts = this.state.chain.seal(signed);
    if (cuts !== undefined) this.state.settled(signed.n, this.next, cuts);
    return { type: 'sealed', sealed: signed, offset };
  }

  private void(record: LogRecord<VoidSigned>, hash: string): ControlChange {
    const { signed } = record;
    if (!this.isSignedBy(record, this.operators, this.genesis.operators.threshold)) {
      throw new RejectedInput('void.signature', 'too few operators signed this');
    }
    this.state.chain.void(signed, hash);
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
      return this.change({ ...view, policy: signed.policy, policyVersion: signed.version }, [
        offset,
      ]);
    }
    if (signed.version !== view.servicesVersion + 1) throw outOfOrder('services');
    return this.change({ ...view, ...servicesView(signed.services, signed.version) }, [offset]);
  }

  private root(document: Uint8Array, offsets: readonly number[]): ControlChange {
    const documents = acceptRoot(this.view.documents, document, this.genesis);
    return this.change({ ...this.view, documents }, offsets);
  }

  private role(role: string, document: Uint8Array, offsets: readonly number[]): ControlChange {
    const offline = OFFLINE_ROLES.find((name) => name === role);
    if (offline === undefined) throw new RejectedInput('document.role', `${role} is not offline`);
    const documents = acceptRole(this.view.documents, offline, document, this.genesis);
    return this.change({ ...this.view, documents }, offsets);
  }

  private change(view: View, offsets: readonly number[]): ControlChange {
    this.state.change(view, this.next, offsets);
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
