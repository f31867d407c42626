// A tiny ledger for simulations: its keys, documents and genesis, from a seed alone.
import { createSigner, sha256HexNative, type Signer } from '@tidemark/canonical/native';
import { fromHex } from '@tidemark/canonical';
import {
  encodeRecord,
  keyIdOfPublic,
  policyOf,
  type GenesisSigned,
  type Policy,
  type Services,
} from '@tidemark/event';
import { encodeVerifierKey } from '@tidemark/merkle';
import {
  binsPaths,
  ed25519Key,
  pathDelegations,
  prefixDelegations,
  rootSigned,
  signMetadata,
  succinctDelegations,
  targetsSigned,
  type RoleKeys,
} from '@tidemark/tuf';
import { rememberSigned } from './memo.ts';
import type { Random } from './random.ts';

/** 2030-01-01: no simulation looks at the real clock. */
export const BEGINNING_MS = Date.UTC(2030, 0, 1);
const OFFLINE_EXPIRES_MS = BEGINNING_MS + 20 * 365 * 86_400_000;
export const ORIGIN = 'tidemark.example/simulation';

const signers = new Map<string, Signer>();

/** The key of a name: the same name always gives the same key. */
export function keyOf(name: string): Signer {
  let signer = signers.get(name);
  if (signer === undefined) {
    const key = createSigner(fromHex(sha256HexNative(`key of ${name}`)));
    const signatures = new Map<string, Uint8Array>();
    // Ed25519 is deterministic: what replicas sign again is looked up.
    const sign = (message: Uint8Array): Uint8Array => {
      const digest = sha256HexNative(message);
      let signature = signatures.get(digest);
      if (signature === undefined) {
        signatures.set(digest, (signature = key.sign(message)));
        rememberSigned(key.publicKey, message, signature);
      }
      if (signatures.size > 20_000) signatures.clear();
      return signature;
    };
    signer = { publicKey: key.publicKey, sign };
    signers.set(name, signer);
  }
  return signer;
}

export const OPERATORS = ['operator-1', 'operator-2', 'operator-3'] as const;

/** A document that TUF's rules accept, and what the model needs to know of it. */
export interface Document {
  readonly role: 'root' | 'targets' | 'bins';
  readonly version: number;
  readonly bytes: Uint8Array;
  readonly sha256: string;
  /** Of bins: the name of the key that signs them. */
  readonly binsKey: string | undefined;
}

export interface Shape {
  readonly partitions: number;
  readonly bits: number;
  readonly slotBits: number;
  readonly delegation: 'succinct' | 'prefixes';
}

export interface Fixture {
  readonly shape: Shape;
  readonly genesis: GenesisSigned;
  readonly genesisBytes: Uint8Array;
  /** The first root, targets and bins. */
  readonly documents: readonly Document[];
}

/** The services' keys by name: one for each process that may have one. */
export function servicesOf(names: {
  readonly [purpose in keyof Services]: readonly string[];
}): Services {
  const publicKeys = (list: readonly string[]): string[] =>
    list.map((name) => keyOf(name).publicKey);
  return {
    intake: publicKeys(names.intake),
    sealer: publicKeys(names.sealer),
    shard: publicKeys(names.shard),
    publisher: publicKeys(names.publisher),
  };
}

export function makeFixture(shape: Shape, policy: Partial<Policy>, services: Services): Fixture {
  const { partitions, bits, slotBits, delegation } = shape;
  const ledger = sha256HexNative(JSON.stringify(shape)).slice(0, 32);
  const documents = [
    rootDocument(shape, 1),
    targetsDocument(1),
    binsDocument(shape, 1, 'bins'),
  ] as const;
  const genesis: GenesisSigned = {
    type: 'genesis',
    v: 1,
    ledger,
    name: 'simulation',
    time: BEGINNING_MS,
    rules: 1,
    partitions,
    bits,
    slot_bits: slotBits,
    delegation,
    prefix: 'bin',
    policy: policyOf({ log_origin: ORIGIN, ...policy }),
    services,
    operators: { keys: OPERATORS.map((name) => keyOf(name).publicKey), threshold: 2 },
    root: documents[0].sha256,
  };
  return { shape, genesis, genesisBytes: encodeRecord(genesis), documents };
}

const made = new Map<string, Document>();

/** Root of a version; all have the same keys. */
export function rootDocument(shape: Shape, version: number): Document {
  return remember(`root ${version} ${JSON.stringify(shape)}`, 'root', version, undefined, () =>
    signMetadata(
      rootSigned({
        version,
        expiresMs: OFFLINE_EXPIRES_MS,
        roles: {
          root: roleKeys(['root-1', 'root-2', 'root-3'], 2),
          targets: roleKeys(['targets-1', 'targets-2'], 2),
          snapshot: roleKeys(['snapshot'], 1),
          timestamp: roleKeys(['timestamp'], 1),
        },
        tidemark: {
          ledger: sha256HexNative(JSON.stringify(shape)).slice(0, 32),
          slot_bits: shape.slotBits,
          slot_roles_max: 64,
          checkpoint: encodeVerifierKey(ORIGIN, keyOf('checkpoint').publicKey),
        },
      }),
      ['root-1', 'root-2', 'root-3'].map(keyOf),
    ),
  );
}

/** @param by the keys that sign; both, unless it is to be refused */
export function targetsDocument(version: number, by = ['targets-1', 'targets-2']): Document {
  return remember(`targets ${version} ${by.join()}`, 'targets', version, undefined, () => {
    const { keys, threshold } = roleKeys(['delegator-1', 'delegator-2'], 2);
    const bins = { name: 'bins', keys, threshold, paths: binsPaths(), terminating: true };
    const delegations = pathDelegations([bins]);
    const signed = targetsSigned({ version, expiresMs: OFFLINE_EXPIRES_MS, delegations });
    return signMetadata(signed, by.map(keyOf));
  });
}

/** @param binsKey the name of the key that signs the bins */
export function binsDocument(shape: Shape, version: number, binsKey: string): Document {
  const { delegation, bits } = shape;
  return remember(
    `bins ${version} ${binsKey} ${delegation} ${bits}`,
    'bins',
    version,
    binsKey,
    () => {
      const bins = { key: ed25519Key(keyOf(binsKey).publicKey), bits, prefix: 'bin' };
      const delegations =
        delegation === 'succinct' ? succinctDelegations(bins) : prefixDelegations(bins);
      const signed = targetsSigned({ version, expiresMs: OFFLINE_EXPIRES_MS, delegations });
      return signMetadata(signed, ['delegator-1', 'delegator-2'].map(keyOf));
    },
  );
}

/** A policy as operators may set it; small numbers, so that limits are met. */
export function randomPolicy(random: Random): Partial<Policy> {
  const life = (): number => random.pick([60, 600, 3_600, 86_400]);
  const always = random.pick([10, 25, 40]);
  return {
    conflict: random.pick(['reject', 'replace']),
    window_s: random.pick([60, 600, 86_400, 86_400]),
    clock_ahead_s: random.pick([0, 30, 3_600, 3_600]),
    expiry_s: { timestamp: life(), snapshot: life(), bins: life() },
    renew_below_percent: always + random.pick([5, 25, 50]),
    renew_always_below_percent: always,
    classic_ms: random.pick([0, 0, 1_000, 60_000, null]),
    snapshot_hashes: random.chance(0.7),
    advance_max: random.pick([3, 12, 1_000_000, 1_000_000]),
    step_max_ms: random.pick([60_000, 3_600_000, 86_400_000]),
    intakes_max: random.pick([4, 1_024, 1_024]),
  };
}

export function keyId(name: string): string {
  return keyIdOfPublic(keyOf(name).publicKey);
}

function roleKeys(names: readonly string[], threshold: number): RoleKeys {
  return { keys: names.map((name) => ed25519Key(keyOf(name).publicKey)), threshold };
}

function remember(
  name: string,
  role: Document['role'],
  version: number,
  binsKey: string | undefined,
  make: () => Uint8Array,
): Document {
  let document = made.get(name);
  if (document === undefined) {
    const bytes = make();
    document = { role, version, bytes, sha256: sha256HexNative(bytes), binsKey };
    made.set(name, document);
  }
  return document;
}
