/**
 * A signer that looks at what it made. A fault of the machine while it signs gives a signature that
 * does not verify, and a wrong Ed25519 signature beside a right one over the same message gives the
 * key away. Verifying costs as much as signing, so that an operator chooses how much of it to pay for.
 */
import { BrokenInvariant, fromHex } from '@tidemark/canonical';
import { verifyEd25519Native, type Signer } from '@tidemark/canonical/native';

/** Which signatures are verified before they leave: every one, or one in {@link SAMPLE}. */
export type VerifyBins = 'all' | 'sample';

const SAMPLE = 64;

/** @throws BrokenInvariant `bins.signature`, from `sign` */
export function verifiedSigner(signer: Signer, policy: VerifyBins): Signer {
  const publicKey = fromHex(signer.publicKey);
  const every = policy === 'all' ? 1 : SAMPLE;
  let made = 0;
  return {
    publicKey: signer.publicKey,
    sign: (message) => {
      const signature = signer.sign(message);
      if (made++ % every === 0 && !verifyEd25519Native(publicKey, message, signature)) {
        throw new BrokenInvariant(
          'bins.signature',
          'a signature just made does not verify: this machine computes wrongly; use another one, ' +
            'and replace the key of the bins',
        );
      }
      return signature;
    },
  };
}
