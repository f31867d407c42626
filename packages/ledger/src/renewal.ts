/**
 * When a bin is signed again although nothing in it changed: a function of cut time alone.
 *
 * A bin falls due between the two shares of its life that the policy names (half and a quarter left,
 * by default), the moment depending on its number (64 steps), so that bins signed together are not
 * renewed together. Once less than the smaller share is left it is due whatever its step.
 */
import type { Policy } from '@tidemark/event';

const STEPS = 64;

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
