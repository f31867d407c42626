/**
 * The ledger's policy: everything that decides an outcome or a published byte and may change in its life. It stands in
 * genesis and, later, in `policy` records, always complete: a default that changed between builds would fork the fold.
 */

import { RejectedInput } from '@tidemark/canonical';
import { z } from 'zod';
import { count, positive } from './shape.ts';

export interface Policy {
  /** What an added target does to other content at its path. */
  readonly conflict: 'reject' | 'replace';
  /** How long an event id is remembered, and how old an event may be; seconds of cut time. */
  readonly window_s: number;
  /** How far a batch's time may lie after the time of the cut that covers it; seconds. */
  readonly clock_ahead_s: number;
  /** Life of what is signed online, from the cut that signs it; seconds. */
  readonly expiry_s: {
    readonly timestamp: number;
    readonly snapshot: number;
    readonly bins: number;
  };
  /** A role may be renewed once less than this share of its life remains; percent. */
  readonly renew_below_percent: number;
  /** It is always renewed once less than this share remains; percent. */
  readonly renew_always_below_percent: number;
  /** Least cut time between two versions of snapshot.json, ms; 0: every cut; null: only renewed. */
  readonly classic_ms: number | null;
  /** Whether snapshot.json states hashes. Without them a bin key alone can alter a bin. */
  readonly snapshot_hashes: boolean;
  /** Most records by which one cut advances a partition. */
  readonly advance_max: number;
  /** Most time between two cuts; ms. */
  readonly step_max_ms: number;
  /** Most roles in one slot of the Merkle map. */
  readonly slot_roles_max: number;
  /** Most intakes whose sequence numbers are remembered in a partition. */
  readonly intakes_max: number;
  /** Origin line of the snapshot log's checkpoints: https://c2sp.org/tlog-checkpoint */
  readonly log_origin: string;
}

/** Every field but the origin, which names the ledger. */
export const defaultPolicy: Omit<Policy, 'log_origin'> = {
  conflict: 'reject',
  window_s: 86_400,
  clock_ahead_s: 3_600,
  expiry_s: { timestamp: 86_400, snapshot: 86_400, bins: 86_400 },
  renew_below_percent: 50,
  renew_always_below_percent: 25,
  classic_ms: 1_000,
  snapshot_hashes: true,
  advance_max: 1_000_000,
  step_max_ms: 86_400_000,
  slot_roles_max: 64,
  intakes_max: 1_024,
};

const secondsMax = 10 * 366 * 86_400;
const life = z.int().min(60).max(secondsMax);
const percent = z.int().min(1).max(99);

export const policySchema: z.ZodType<Policy> = z
  .strictObject({
    conflict: z.enum(['reject', 'replace']),
    window_s: positive.max(secondsMax),
    clock_ahead_s: count.max(secondsMax),
    expiry_s: z.strictObject({ timestamp: life, snapshot: life, bins: life }),
    renew_below_percent: percent,
    renew_always_below_percent: percent,
    classic_ms: count.max(secondsMax * 1_000).nullable(),
    snapshot_hashes: z.boolean(),
    advance_max: positive,
    step_max_ms: positive,
    slot_roles_max: positive.max(64),
    intakes_max: positive.max(65_536),
    log_origin: z.string().regex(/^[!-*,-~]{1,128}$/, 'printable ASCII without spaces and "+"'),
  })
  .refine((policy) => policy.renew_always_below_percent < policy.renew_below_percent, {
    path: ['renew_always_below_percent'],
    message: 'below renew_below_percent',
  });

/**
 * A complete policy of an operator's wishes: what is not given is as in {@link defaultPolicy}.
 * @throws RejectedInput `policy.shape`
 */
export function policyOf(given: Partial<Policy> & Pick<Policy, 'log_origin'>): Policy {
  const parsed = policySchema.safeParse({ ...defaultPolicy, ...given });
  if (!parsed.success) {
    throw new RejectedInput('policy.shape', z.prettifyError(parsed.error), { cause: parsed.error });
  }
  return parsed.data;
}
