/**
 * When a bin is signed again although nothing in it changed: a function of cut time alone.
 *
 * A bin falls due between the two shares of its life that the policy names (half and a quarter left,
 * by default), the moment depending on its number (64 steps), so that bins signed together are not
 * renewed together. Once less than the smaller share is left it is due whatever its step.
 */
import type { Policy } from '@tidemark/event';
import type { Cut } from './control.ts';
import type { Heads } from './heads.ts';

/** A bin that gets a new version, with its changes packed, sorted by path; without any where it is renewed. */
export interface DirtyBin {
  readonly bin: number;
  readonly ops: Buffer;
}

const STEPS = 64;
const NONE = Buffer.alloc(0);

/**
 * The time (ms) from which a bin is due.
 * @param expires in seconds since the epoch
 */
export function renewalDue(bin: number, expires: number, policy: Policy): number {
  const { renew_below_percent: below, renew_always_below_percent: always } = policy;
  const life = policy.expiry_s.bins;
  const step = Math.imul(bin, 0x9e3779b1) >>> 26;
  const left = (life * (below - (step * (below - always)) / STEPS)) / 100;
  return Math.floor((expires - left) * 1000);
}

/** When the first of a partition's bins is due, ms. */
export function nextRenewal({ first, count, expires }: Heads, policy: Policy): number {
  let due = Number.MAX_SAFE_INTEGER;
  for (let i = 0; i < count; i++) {
    due = Math.min(due, renewalDue(first + i, expires[i]!, policy));
  }
  return due;
}

/**
 * Adds to the bins that a cut changed (ascending) those that it renews.
 * @param all whether every bin gets a new version, because their key is another now
 */
export function withRenewals(
  changed: readonly DirtyBin[],
  { first, count, expires }: Heads,
  cut: Cut,
  all: boolean,
): DirtyBin[] {
  const dirty: DirtyBin[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (changed[at]?.bin === first + i) dirty.push(changed[at++]!);
    else if (all || renewalDue(first + i, expires[i]!, cut.view.policy) <= cut.time) {
      dirty.push({ bin: first + i, ops: NONE });
    }
  }
  return dirty;
}
