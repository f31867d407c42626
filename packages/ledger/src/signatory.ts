/**
 * The three signatures of a snapshot: made with the keys at hand, or checked where they are there.
 */
import { BrokenInvariant, fromHex, toHex } from '@tidemark/canonical';
import { verifyEd25519Native, type Signer } from '@tidemark/canonical/native';
import { keyIdOfPublic, type RoleSignature, type SealedSigned } from '@tidemark/event';
import { decodeVerifierKey } from '@tidemark/merkle';
import type { Root } from '@tidemark/tuf';

/** Signs, or checks a signature that is there; undefined where it does not verify. */
export type Signatory = (
  purpose: 'timestamp' | 'snapshot' | 'checkpoint',
  message: Uint8Array,
  root: Root,
) => RoleSignature | undefined;

/** Signs with the keys at hand. @throws BrokenInvariant `keys.*` where root lists another key */
export function signing(keys: {
  readonly [purpose in 'timestamp' | 'snapshot' | 'checkpoint']: Signer;
}): Signatory {
  return (purpose, message, root) => {
    const signer = keys[purpose];
    const keyid = keyIdOfPublic(signer.publicKey);
    if (!isListed(purpose, keyid, signer.publicKey, root)) {
      throw new BrokenInvariant(
        `keys.${purpose}`,
        `root does not list this process's ${purpose} key`,
      );
    }
    const signature = signer.sign(message);
    // A fault in the signing hardware must not leave this process as a signature.
    if (!verifyEd25519Native(fromHex(signer.publicKey), message, signature)) {
      throw new BrokenInvariant('keys.fault', `a fresh ${purpose} signature does not verify`);
    }
    return { keyid, sig: toHex(signature) };
  };
}

/** Checks the signatures of a `sealed` record against the keys that root lists. */
export function checking(signatures: SealedSigned['signatures']): Signatory {
  return (purpose, message, root) => {
    const stated =
      purpose === 'checkpoint'
        ? { keyid: '', sig: signatures.checkpoint }
        : (signatures[purpose] ?? undefined);
    if (stated === undefined) return undefined;
    const publicKey =
      purpose === 'checkpoint'
        ? decodeVerifierKey(root.tidemark!.checkpoint).publicKey
        : listedKey(purpose, stated.keyid, root);
    if (publicKey === undefined) return undefined;
    const valid = verifyEd25519Native(fromHex(publicKey), message, fromHex(stated.sig));
    return valid ? stated : undefined;
  };
}

function isListed(
  purpose: 'timestamp' | 'snapshot' | 'checkpoint',
  keyid: string,
  publicKey: string,
  root: Root,
): boolean {
  if (purpose !== 'checkpoint') return listedKey(purpose, keyid, root) === publicKey;
  return decodeVerifierKey(root.tidemark!.checkpoint).publicKey === publicKey;
}

function listedKey(
  purpose: 'timestamp' | 'snapshot',
  keyid: string,
  root: Root,
): string | undefined {
  const key = root.keys.get(keyid);
  if (key?.keytype !== 'ed25519' || !root.roles[purpose].keyids.includes(keyid)) return undefined;
  return key.keyval.public;
}
