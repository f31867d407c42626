/**
 * All that makes a new ledger, as a plan: keys, the first root, targets and bins, the genesis record. Pure: the same options,
 * random bytes and time give the same plan; who writes it down is elsewhere.
 *
 * Roles and thresholds are those of PEP 458's table: root 2 of 3, targets and bins 2 of 2, offline, a year each; timestamp,
 * snapshot and the bins themselves online. No two purposes share a key.
 */
import { BrokenInvariant, RejectedInput, toHex } from '@tidemark/canonical';
import { createSigner, sha256HexNative } from '@tidemark/canonical/native';
import type { Signer } from '@tidemark/canonical/native';
import { policyOf } from '@tidemark/event';
import type { GenesisSigned, Policy } from '@tidemark/event';
import { encodeVerifierKey } from '@tidemark/merkle';
import {
  binBitsMax,
  binsPaths,
  ed25519Key,
  pathDelegations,
  prefixDelegations,
  rootSigned,
  signMetadata,
  succinctDelegations,
  targetsSigned,
} from '@tidemark/tuf';
import type { Key, RoleKeys } from '@tidemark/tuf';

import type { NewKey, Random } from './keystore.ts';

export interface LedgerOptions {
  /** 1 to 64 lower-case letters, digits, `.`, `_`, `-`; the first a letter or digit. */
  readonly name: string;
  /** A power of two, 2 to 2^20; with prefixes, to 2^16. */
  readonly bins: number;
  /** A power of two, 1 to 128, not more than bins. */
  readonly partitions: number;
  readonly delegation: 'succinct' | 'prefixes';
  /** What is to differ from the defaults; without an own `log_origin` the log is named after the ledger's id. */
  readonly policy?: Partial<Policy>;
}

export interface LedgerPlan {
  /** What the genesis record says; who appends it wraps it as a record. */
  readonly genesis: GenesisSigned;
  /** root.json, version 1. */
  readonly rootDocument: Uint8Array;
  /** targets.json and bins.json, version 1. */
  readonly roleDocuments: { readonly targets: Uint8Array; readonly bins: Uint8Array };
  /** Stay with the services: see {@link ONLINE_PURPOSES}. */
  readonly onlineKeys: readonly NewKey[];
  /** To be kept away from them: root-1…3, targets-1…2, bins-delegator-1…2, operator-1…3. */
  readonly offlineKeys: readonly NewKey[];
}

/** TUF's online roles, the snapshot log's checkpoint, then the services' own keys. `bins` signs every bin. */
export const ONLINE_PURPOSES = [
  'timestamp',
  'snapshot',
  'bins',
  'checkpoint',
  'intake',
  'sealer',
  'shard',
  'publisher',
] as const;

const OFFLINE = { root: 3, targets: 2, 'bins-delegator': 2, operator: 3 } as const;
/** What an offline key's file says that it is for. */
export const OFFLINE_PURPOSE = /^(?:root|targets|bins-delegator|operator)-\d+$/;
const THRESHOLD = 2;
/** PEP 458: one year for what is signed offline. */
const OFFLINE_LIFE_MS = 365 * 86_400_000;
const LEDGER_ID_BYTES = 16;
export const PARTITIONS_MAX = 128;
/** 512-byte proofs; room for four times PEP 458's 16,384 bins before a slot holds more than one. */
const SLOT_BITS_MIN = 16;
/** A delegation by prefixes names every bin: 10.6 MB at 65,536, beyond that more than a log takes as one document. */
export const PREFIX_BINS_MAX = 2 ** 16;
export const BIN_PREFIX = 'bin';

/**
 * Plans a ledger.
 *
 * @param random asked for the ledger's id, then for each key's seed
 * @param now    the ledger's first time, milliseconds since the epoch
 * @throws RejectedInput `init.name`, `init.bins`, `init.partitions`, `policy.shape`; BrokenInvariant `init.random` when a key comes twice
 */
export function planLedger(options: LedgerOptions, random: Random, now: number): LedgerPlan {
  const bits = widths(options);
  const ledger = toHex(random(LEDGER_ID_BYTES));
  // The origin has to last as long as the ledger, so it is not made from its name.
  const policy = policyOf({ log_origin: `tidemark/${ledger}`, ...options.policy });
  const keys = drawKeys(random);
  const { online, offline } = keys;
  const expiresMs = now + OFFLINE_LIFE_MS;
  const common = { version: 1, expiresMs };
  const rootDocument = signMetadata(
    rootSigned({
      ...common,
      roles: {
        root: roleKeys(offline.root),
        targets: roleKeys(offline.targets),
        snapshot: roleKeys([online.snapshot]),
        timestamp: roleKeys([online.timestamp]),
      },
      tidemark: {
        ledger,
        slot_bits: bits.slot,
        slot_roles_max: policy.slot_roles_max,
        checkpoint: encodeVerifierKey(policy.log_origin, online.checkpoint.publicKey),
      },
    }),
    offline.root,
  );
  const targets = targetsSigned({ ...common, delegations: targetsDelegations(offline) });
  const bins = targetsSigned({ ...common, delegations: binsDelegations(options, bits.bin, keys) });
  return {
    genesis: {
      type: 'genesis',
      v: 1,
      ledger,
      name: options.name,
      time: now,
      rules: 1,
      partitions: options.partitions,
      bits: bits.bin,
      slot_bits: bits.slot,
      delegation: options.delegation,
      prefix: BIN_PREFIX,
      policy,
      services: servicesOf(online),
      operators: { keys: offline.operator.map(({ publicKey }) => publicKey), threshold: THRESHOLD },
      root: sha256HexNative(rootDocument),
    },
    rootDocument,
    roleDocuments: {
      targets: signMetadata(targets, offline.targets),
      bins: signMetadata(bins, offline['bins-delegator']),
    },
    onlineKeys: Object.values(online).map(newKey),
    offlineKeys: Object.values(offline).flat().map(newKey),
  };
}

interface PlannedKey extends Signer {
  readonly purpose: string;
  readonly seed: Uint8Array;
}

type OnlinePurpose = (typeof ONLINE_PURPOSES)[number];
type OfflineGroup = keyof typeof OFFLINE;

interface Keys {
  readonly online: Readonly<Record<OnlinePurpose, PlannedKey>>;
  readonly offline: Readonly<Record<OfflineGroup, readonly PlannedKey[]>>;
}

function drawKeys(random: Random): Keys {
  const drawn = new Set<string>();
  const draw = (purpose: string): PlannedKey => {
    const seed = random(32);
    const signer = createSigner(seed);
    const { publicKey } = signer;
    // Two equal keys can only come from a source that is not random: nothing it made may be used.
    if (drawn.has(publicKey)) throw new BrokenInvariant('init.random', 'a random key came twice');
    drawn.add(publicKey);
    return { purpose, seed, publicKey, sign: (message) => signer.sign(message) };
  };
  const group = (name: OfflineGroup): PlannedKey[] =>
    Array.from({ length: OFFLINE[name] }, (_, i) => draw(`${name}-${i + 1}`));
  return {
    online: Object.fromEntries(
      ONLINE_PURPOSES.map((purpose) => [purpose, draw(purpose)]),
    ) as Keys['online'],
    offline: {
      root: group('root'),
      targets: group('targets'),
      'bins-delegator': group('bins-delegator'),
      operator: group('operator'),
    },
  };
}

function targetsDelegations(offline: Keys['offline']): ReturnType<typeof pathDelegations> {
  const { keys, threshold } = roleKeys(offline['bins-delegator']);
  return pathDelegations([
    { name: 'bins', keys, threshold, paths: binsPaths(), terminating: true },
  ]);
}

function binsDelegations(
  { delegation }: LedgerOptions,
  bits: number,
  { online }: Keys,
): ReturnType<typeof succinctDelegations> {
  const bins = { key: tufKey(online.bins), bits, prefix: BIN_PREFIX };
  return delegation === 'succinct' ? succinctDelegations(bins) : prefixDelegations(bins);
}

function servicesOf(online: Keys['online']): GenesisSigned['services'] {
  const { intake, sealer, shard, publisher } = online;
  return {
    intake: [intake.publicKey],
    sealer: [sealer.publicKey],
    shard: [shard.publicKey],
    publisher: [publisher.publicKey],
  };
}

function widths(options: LedgerOptions): { bin: number; slot: number } {
  const { name, bins, partitions } = options;
  if (!/^[a-z0-9][a-z0-9._-]{0,63}$/.test(name)) {
    const message = 'a name has 1 to 64 lower-case letters, digits, dots, underscores or hyphens';
    throw new RejectedInput('init.name', `${message}, the first a letter or digit`);
  }
  const binsMax = options.delegation === 'succinct' ? 2 ** binBitsMax : PREFIX_BINS_MAX;
  if (!isPowerOfTwo(bins) || bins < 2 || bins > binsMax) {
    const message = `the number of bins is a power of two from 2 to ${binsMax}, not ${bins}`;
    throw new RejectedInput('init.bins', message);
  }
  const most = Math.min(PARTITIONS_MAX, bins);
  if (!isPowerOfTwo(partitions) || partitions > most) {
    const message = `the number of partitions is a power of two from 1 to ${most}, not ${partitions}`;
    throw new RejectedInput('init.partitions', message);
  }
  const bin = Math.log2(bins);
  return { bin, slot: slotBitsOf(bin) };
}

/** How wide the Merkle map's slots are over 2^bits bins. */
export function slotBitsOf(bits: number): number {
  return Math.max(SLOT_BITS_MIN, bits);
}

function isPowerOfTwo(n: number): boolean {
  return Number.isInteger(n) && n >= 1 && Number.isInteger(Math.log2(n));
}

/** A role of one key needs it; a role of several needs two of them. */
function roleKeys(keys: readonly PlannedKey[]): RoleKeys {
  return { keys: keys.map(tufKey), threshold: Math.min(THRESHOLD, keys.length) };
}

function tufKey({ publicKey }: Signer): Key {
  return ed25519Key(publicKey);
}

function newKey({ purpose, seed }: PlannedKey): NewKey {
  return { purpose, seed };
}
