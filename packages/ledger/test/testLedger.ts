/**
 * A small ledger for tests of the fold: keys, genesis, documents and records, all really signed.
 *
 * Keys are made from their names, so a failing run can be repeated. Nothing here folds: the control
 * log is kept beside the fold that reads it, so that a test can fold it again from the beginning.
 */
import { utf8, type JsonObject } from '@tidemark/canonical';
import {
  createSigner,
  sha256HexNative,
  sha256Native,
  type Signer,
} from '@tidemark/canonical/native';
import {
  encodeRecord,
  keyIdOfPublic,
  policyOf,
  recordHash,
  signRecord,
  splitDocument,
  type CutSigned,
  type GenesisSigned,
  type Policy,
  type SealedSigned,
  type Services,
} from '@tidemark/event';
import { encodeVerifierKey } from '@tidemark/merkle';
import {
  binsPaths,
  ed25519Key,
  parseTimestamp,
  pathDelegations,
  prefixDelegations,
  rootSigned,
  signMetadata,
  succinctDelegations,
  targetsSigned,
  timestampSigned,
  type RoleKeys,
  type RootOptions,
} from '@tidemark/tuf';
import { ControlFold, type ControlChange, type Cut, type CutRule } from '../src/index.ts';
import { DAY, T0 } from './support.ts';

const YEAR = 365 * DAY;
const HEX = 'ab'.repeat(32);

/** A key of its own for every name. */
export function keyOf(name: string): Signer {
  return createSigner(sha256Native(utf8(`test key ${name}`)));
}

export interface LedgerOptions {
  readonly partitions?: number;
  readonly bits?: number;
  readonly slotBits?: number;
  readonly prefix?: string;
  readonly delegation?: 'succinct' | 'prefixes';
  readonly policy?: Partial<Policy>;
  readonly rules?: readonly CutRule[];
}

const ORIGIN = 'tidemark.test/ledger';
export const LEDGER = '00112233445566778899aabbccddeeff';
export const OPERATORS = [1, 2, 3].map((i) => keyOf(`operator ${i}`));

export class TestLedger {
  readonly genesis: GenesisSigned;
  readonly genesisBytes: Uint8Array;
  /** All of the control log, genesis first. */
  readonly records: Uint8Array[] = [];
  readonly fold: ControlFold;
  private readonly options: LedgerOptions;

  constructor(options: LedgerOptions = {}) {
    this.options = options;
    this.genesis = genesisOf(options, sha256HexNative(this.root()));
    this.genesisBytes = encodeRecord(this.genesis);
    this.fold = new ControlFold(this.genesis, recordHash(this.genesisBytes), options.rules);
    this.append(this.genesisBytes);
  }

  /** A ledger whose root, targets and bins are in force. */
  static ready(options: LedgerOptions = {}): TestLedger {
    const ledger = new TestLedger(options);
    ledger.document('root', ledger.root());
    ledger.document('targets', ledger.targets());
    ledger.document('bins', ledger.bins());
    return ledger;
  }

  /** A fold that has read the same records. */
  refold(rules: readonly CutRule[] | undefined = this.options.rules): ControlFold {
    const fold = new ControlFold(this.genesis, recordHash(this.genesisBytes), rules);
    for (const record of this.records) fold.apply(record);
    return fold;
  }

  append(record: Uint8Array): ControlChange | undefined {
    this.records.push(record);
    const change = this.fold.apply(record);
    if (change?.type === 'cut') this.cuts.set(change.cut.n, change.cut);
    return change;
  }

  document(role: string, bytes: Uint8Array): ControlChange | undefined {
    const name = role === 'root' ? ({ kind: 'root' } as const) : ({ kind: 'role', role } as const);
    let change: ControlChange | undefined;
    for (const record of splitDocument(name, bytes)) change = this.append(encodeRecord(record));
    return change;
  }

  /** What a cut says that follows the last one a second later and covers all of control. */
  cutSigned(change: Partial<CutSigned> = {}): CutSigned {
    const { n, hash, time, vector } = this.fold.last;
    const control = this.fold.next;
    const { ledger } = this.genesis;
    const next = { ledger, n: n + 1, previous: hash, time: time + 1000, vector, control };
    return { type: 'cut', v: 1, ...next, ...change };
  }

  /** A valid cut; those before it are sealed first. */
  cut(change: Partial<CutSigned> = {}): Cut {
    while (this.fold.settled < this.fold.last.n) this.seal(this.fold.settled + 1);
    return this.cutAlone(change);
  }

  /** A valid cut, whatever is unsealed. */
  cutAlone(change: Partial<CutSigned> = {}): Cut {
    const made = this.append(signRecord(this.cutSigned(change), [keyOf('sealer')]));
    if (made?.type !== 'cut') throw new Error(`no cut: ${JSON.stringify([...this.fold.ignored])}`);
    return made.cut;
  }

  /** Valid cuts by number. */
  private readonly cuts = new Map<number, Cut>();

  /** A `sealed` with a signed timestamp that says nothing in particular else. */
  sealed(n: number, hash?: string, signer: Signer = keyOf('timestamp')): SealedSigned {
    const cut = this.cuts.get(n);
    const head = { size: 1, root: HEX };
    const by = { keyid: HEX, sig: HEX + HEX };
    const snapshot = { version: n, length: 1, sha256: HEX };
    const nowhere = Array.from({ length: this.genesis.partitions }, () => 0);
    const { time = T0, control = 0, view = this.fold.view, vector = nowhere } = cut ?? {};
    const expiresMs = time + view.policy.expiry_s.timestamp * 1000;
    const stated = timestampSigned({ version: n, expiresMs, snapshot, merkleRoot: HEX });
    const timestamp = signMetadata(stated, [signer]);
    return {
      type: 'sealed',
      v: 1,
      ledger: this.genesis.ledger,
      n,
      cut: hash ?? cut?.hash ?? HEX,
      leaf: {
        n,
        time,
        merkle_root: HEX,
        timestamp: sha256HexNative(timestamp),
        snapshot,
        root: view.documents.root?.version ?? 1,
        partitions: vector.map((size) => ({ events: { size, root: HEX }, leaves: head, map: HEX })),
        control: { size: control, root: HEX },
      },
      signatures: {
        timestamp: { ...by, ...parseTimestamp(timestamp).signatures[0] },
        snapshot: by,
        checkpoint: HEX + HEX,
      },
    };
  }

  seal(n: number): ControlChange | undefined {
    return this.append(signRecord(this.sealed(n), [keyOf('publisher')]));
  }

  void(n: number, cut: string = this.cuts.get(n)?.hash ?? HEX): ControlChange | undefined {
    const { ledger } = this.genesis;
    const signed = { type: 'void', v: 1, ledger, n, cut } as const;
    return this.append(signRecord(signed, OPERATORS.slice(1)));
  }

  policy(version: number, policy: Partial<Policy>): ControlChange | undefined {
    const { ledger } = this.genesis;
    const whole = policyFor({ ...this.options.policy, ...policy });
    const signed = { type: 'policy', v: 1, ledger, version, rules: 1, policy: whole } as const;
    return this.append(signRecord(signed, OPERATORS.slice(0, 2)));
  }

  services(version: number, change: Partial<Services>): ControlChange | undefined {
    const { ledger } = this.genesis;
    const services = { ...this.genesis.services, ...change };
    const signed = { type: 'services', v: 1, ledger, version, services } as const;
    return this.append(signRecord(signed, OPERATORS.slice(0, 2)));
  }

  root(change: Partial<RootOptions> = {}, by: readonly Signer[] = ROOT_KEYS.slice(0, 2)) {
    const signed = rootSigned({ ...rootOptions(this.options), ...change });
    return signMetadata(signed, by);
  }

  targets(
    version = 1,
    by: readonly Signer[] = TARGETS_KEYS,
    delegations: JsonObject = delegationOf(DELEGATOR_KEYS),
  ): Uint8Array {
    return signMetadata(targetsSigned({ version, expiresMs: T0 + YEAR, delegations }), by);
  }

  bins(
    version = 1,
    binKey: Signer = keyOf('bins'),
    change: { bits?: number } = {},
    by: readonly Signer[] = DELEGATOR_KEYS,
  ): Uint8Array {
    const { bits, prefix, delegation } = { ...this.genesis, ...change };
    const bins = { key: ed25519Key(binKey.publicKey), bits, prefix };
    const delegations =
      delegation === 'succinct' ? succinctDelegations(bins) : prefixDelegations(bins);
    const signed = targetsSigned({ version, expiresMs: T0 + YEAR, delegations });
    return signMetadata(signed, by);
  }
}

/** The delegation from targets to bins, as it has to be but for what is given. */
export function delegationOf(
  keys: readonly Signer[],
  change: { name?: string; paths?: readonly string[] } = {},
): JsonObject {
  const bins = { name: 'bins', ...roleKeys(keys), paths: binsPaths(), terminating: true };
  return pathDelegations([{ ...bins, ...change }]);
}

export const ROOT_KEYS = [1, 2, 3].map((i) => keyOf(`root ${i}`));
export const TARGETS_KEYS = [1, 2].map((i) => keyOf(`targets ${i}`));
export const DELEGATOR_KEYS = [1, 2].map((i) => keyOf(`bins delegator ${i}`));

export function roleKeys(keys: readonly Signer[]): RoleKeys {
  return {
    keys: keys.map(({ publicKey }) => ed25519Key(publicKey)),
    threshold: Math.min(2, keys.length),
  };
}

export function rootOptions(options: LedgerOptions = {}): RootOptions {
  const policy = policyFor(options.policy);
  return {
    version: 1,
    expiresMs: T0 + YEAR,
    roles: {
      root: roleKeys(ROOT_KEYS),
      targets: roleKeys(TARGETS_KEYS),
      snapshot: roleKeys([keyOf('snapshot')]),
      timestamp: roleKeys([keyOf('timestamp')]),
    },
    tidemark: {
      ledger: LEDGER,
      slot_bits: options.slotBits ?? 6,
      slot_roles_max: policy.slot_roles_max,
      checkpoint: encodeVerifierKey(policy.log_origin, keyOf('checkpoint').publicKey),
    },
  };
}

export function policyFor(policy: Partial<Policy> = {}): Policy {
  return policyOf({ log_origin: ORIGIN, ...policy });
}

function genesisOf(options: LedgerOptions, root: string): GenesisSigned {
  const { partitions = 2, bits = 4, slotBits = 6, prefix = 'bin' } = options;
  const key = (purpose: string): string[] => [keyOf(purpose).publicKey];
  return {
    type: 'genesis',
    v: 1,
    ledger: LEDGER,
    name: 'test',
    time: T0,
    rules: 1,
    partitions,
    bits,
    slot_bits: slotBits,
    delegation: options.delegation ?? 'succinct',
    prefix,
    policy: policyFor(options.policy),
    services: {
      intake: key('intake'),
      sealer: key('sealer'),
      shard: key('shard'),
      publisher: key('publisher'),
    },
    operators: { keys: OPERATORS.map(({ publicKey }) => publicKey), threshold: 2 },
    root,
  };
}

/** What signs bins: the key that *bins* delegates to. */
export function binSigner(name = 'bins'): { signer: Signer; keyid: string } {
  const signer = keyOf(name);
  return { signer, keyid: keyIdOfPublic(signer.publicKey) };
}
