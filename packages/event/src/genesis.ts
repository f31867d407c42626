/**
 * What a ledger starts with, and how operators change it.
 *
 *   genesis   {type, v, ledger, name, time, rules, partitions, bits, slot_bits, delegation, prefix,
 *              policy, services, operators, root}      offset 0 of every partition of events
 *   policy    {type, v, ledger, version, rules, policy}   signed by the operators' threshold
 *   services  {type, v, ledger, version, services}     signed by the operators' threshold
 */

import { z } from 'zod';
import { policySchema } from './policy.ts';
import type { Policy } from './policy.ts';
import { count, distinct, hex32Bytes, ledgerId, partitionsMax, positive } from './shape.ts';

/** Ed25519 public keys, 64 hex digits each, by the one purpose they serve. */
export interface Services {
  readonly intake: readonly string[];
  readonly sealer: readonly string[];
  readonly shard: readonly string[];
  readonly publisher: readonly string[];
}

export interface Operators {
  /** Ed25519 public keys, 64 hex digits each. */
  readonly keys: readonly string[];
  readonly threshold: number;
}

export interface GenesisSigned {
  readonly type: 'genesis';
  readonly v: 1;
  /** 32 hex digits, chosen at random. */
  readonly ledger: string;
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** Version of the fold's rules that the ledger starts with; a build that lacks it halts. */
  readonly rules: number;
  /** Partitions of events and of leaves, a power of two ≤ 128, fixed for life. */
  readonly partitions: number;
  /** 2^bits bins. */
  readonly bits: number;
  /** 2^slot_bits leaves of the Merkle map, fixed for life. */
  readonly slot_bits: number;
  /** How the role *bins* delegates: TAP 15 or path_hash_prefixes. */
  readonly delegation: 'succinct' | 'prefixes';
  /** Prefix of the bins' names. */
  readonly prefix: string;
  readonly policy: Policy;
  readonly services: Services;
  readonly operators: Operators;
  /** SHA-256 of the file 1.root.json. */
  readonly root: string;
}

export interface PolicySigned {
  readonly type: 'policy';
  readonly v: 1;
  readonly ledger: string;
  /** From 1, each one higher than the last; genesis counts as 0. */
  readonly version: number;
  /**
   * Version of the fold's rules from here on. A build that lacks it halts, so a record that raises it has to have
   * a shape that every build reads.
   */
  readonly rules: number;
  readonly policy: Policy;
}

export interface ServicesSigned {
  readonly type: 'services';
  readonly v: 1;
  readonly ledger: string;
  /** From 1, each one higher than the last; genesis counts as 0. */
  readonly version: number;
  readonly services: Services;
}

const bitsMax = 20;
const slotBitsMax = 24;
const intakeKeysMax = 256;
const keysMax = 32;

const keys = (max: number) => z.array(hex32Bytes).max(max);

const services: z.ZodType<Services> = z
  .strictObject({
    intake: keys(intakeKeysMax),
    sealer: keys(keysMax),
    shard: keys(partitionsMax),
    publisher: keys(keysMax),
  })
  .refine((by) => distinct([...by.intake, ...by.sealer, ...by.shard, ...by.publisher]), {
    message: 'one key, one purpose',
  });

const operators: z.ZodType<Operators> = z
  .strictObject({ keys: keys(keysMax).min(1), threshold: positive })
  .refine(({ keys, threshold }) => distinct(keys) && threshold <= keys.length, {
    message: 'distinct keys, and no more needed than there are',
  });

export const genesisSchema: z.ZodType<GenesisSigned> = z
  .strictObject({
    type: z.literal('genesis'),
    v: z.literal(1),
    ledger: ledgerId,
    name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/),
    time: count,
    rules: positive,
    partitions: positive.max(partitionsMax),
    bits: positive.max(bitsMax),
    slot_bits: positive.max(slotBitsMax),
    delegation: z.enum(['succinct', 'prefixes']),
    prefix: z.string().regex(/^[a-z][a-z0-9._-]{0,31}$/),
    policy: policySchema,
    services,
    operators,
    root: hex32Bytes,
  })
  .refine(({ partitions }) => (partitions & (partitions - 1)) === 0, {
    path: ['partitions'],
    message: 'a power of two',
  })
  .refine(({ partitions, bits, slot_bits }) => partitions <= 2 ** bits && bits <= slot_bits, {
    message: 'partitions ≤ bins ≤ slots',
  });

export const policyRecordSchema: z.ZodType<PolicySigned> = z.strictObject({
  type: z.literal('policy'),
  v: z.literal(1),
  ledger: ledgerId,
  version: positive,
  rules: positive,
  policy: policySchema,
});

export const servicesRecordSchema: z.ZodType<ServicesSigned> = z.strictObject({
  type: z.literal('services'),
  v: z.literal(1),
  ledger: ledgerId,
  version: positive,
  services,
});
