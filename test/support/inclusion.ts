// An independent second opinion on inclusion proofs: @sigstore/verify's check.
import { createRequire } from 'node:module';

type VerifyMerkleInclusion = (
  entry: { canonicalizedBody: Buffer; inclusionProof: { logIndex: string; hashes: Buffer[] } },
  checkpoint: { logSize: bigint; logHash: Buffer },
) => void;

const { verifyMerkleInclusion } = createRequire(import.meta.url)(
  '@sigstore/verify/dist/tlog/merkle.js',
) as { verifyMerkleInclusion: VerifyMerkleInclusion };

/** Whether sigstore accepts leaf data as leaf `index` of a log of `size` leaves. */
export function sigstoreAccepts(
  data: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  try {
    verifyMerkleInclusion(
      {
        canonicalizedBody: Buffer.from(data),
        inclusionProof: { logIndex: String(index), hashes: proof.map((h) => Buffer.from(h)) },
      },
      { logSize: BigInt(size), logHash: Buffer.from(root) },
    );
    return true;
  } catch (error) {
    if (error instanceof Error && error.name === 'VerificationError') return false;
    throw error;
  }
}

/** The hashes with one bit of one of them flipped, for each of them in turn. */
export function corruptions(proof: readonly Uint8Array[]): Uint8Array[][] {
  return proof.map((hash, i) => {
    const bad = Uint8Array.from(hash);
    const at = (i * 7) % bad.length;
    bad[at] = (bad[at] ?? 0) ^ (1 << (i % 8));
    return proof.map((other, j) => (j === i ? bad : other));
  });
}
