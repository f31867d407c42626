/** Signatures against thresholds, and the step from one root to the next. */

import { RejectedInput } from '@tidemark/canonical';
import { verifySignature } from './keys.ts';
import type { Key, Verifiers } from './keys.ts';
import type { Envelope, Role, Root } from './types.ts';

/**
 * Demands a threshold of valid signatures by distinct keys of the role. A key listed under two ids counts once.
 * https://theupdateframework.github.io/specification/latest/#metaformat-threshold
 * @throws RejectedInput `tuf.threshold`
 */
export function verifyThreshold(
  envelope: Envelope<unknown>,
  keys: ReadonlyMap<string, Key>,
  role: Role,
  verifiers: Verifiers,
): void {
  const { valid } = checkSignatures(envelope, keys, role, verifiers);
  if (valid < role.threshold) {
    throw new RejectedInput('tuf.threshold', `${valid} of ${role.threshold} signatures needed`);
  }
}

/**
 * Demands that `next` may follow `current`: its version is one higher, and thresholds of both sign it.
 * https://theupdateframework.github.io/specification/latest/#update-root
 * @throws RejectedInput `tuf.root_version`, `tuf.threshold`
 */
export function verifyRootUpdate(
  current: Envelope<Root>,
  next: Envelope<Root>,
  verifiers: Verifiers,
): void {
  if (next.signed.version !== current.signed.version + 1) {
    throw new RejectedInput(
      'tuf.root_version',
      `root ${next.signed.version} cannot follow root ${current.signed.version}`,
    );
  }
  verifyThreshold(next, current.signed.keys, current.signed.roles.root, verifiers);
  verifyThreshold(next, next.signed.keys, next.signed.roles.root, verifiers);
}

/** How many distinct keys of the role signed, and which of its key ids have a signature that does not verify. */
export function checkSignatures(
  envelope: Envelope<unknown>,
  keys: ReadonlyMap<string, Key>,
  role: Role,
  verifiers: Verifiers,
): { readonly valid: number; readonly invalid: readonly string[] } {
  const signers = new Set<string>();
  const invalid: string[] = [];
  // Both lists are as long as others made them.
  const keyids = new Set(role.keyids);
  for (const { keyid, sig } of envelope.signatures) {
    const key = keyids.has(keyid) ? keys.get(keyid) : undefined;
    if (key === undefined) continue;
    if (verifySignature(key, envelope.signedBytes, sig, verifiers)) {
      signers.add(key.keyval.public.trim());
    } else {
      invalid.push(keyid);
    }
  }
  return { valid: signers.size, invalid };
}
