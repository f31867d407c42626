/**
 * timestamp.json of a snapshot, from its cut and what its leaf states: so everybody who reads the control
 * log can tell whether the timestamp that a `sealed` record leads to was signed, without any leaves log.
 */
import { canonicalText, utf8 } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import type { RoleSignature, SealedSigned, SnapshotLeaf } from '@tidemark/event';
import { timestampSigned } from '@tidemark/tuf';
import type { Cut } from './control.ts';
import { checking } from './signatory.ts';

/** What the timestamp's signature covers. */
export function timestampText(
  { n, time, view }: Cut,
  { snapshot, merkle_root }: Pick<SnapshotLeaf, 'snapshot' | 'merkle_root'>,
): string {
  const expiresMs = time + view.policy.expiry_s.timestamp * 1000;
  return canonicalText(
    timestampSigned({ version: n, expiresMs, snapshot, merkleRoot: merkle_root }),
  );
}

/** The file of a role with one signature. */
export function envelopeText(by: RoleSignature, signedText: string): string {
  return `{"signatures":[{"keyid":"${by.keyid}","sig":"${by.sig}"}],"signed":${signedText}}`;
}

/**
 * Whether a `sealed` record is of its cut and leads to a timestamp that a key of root signed. It may still
 * lie about what only the leaves logs show: its publisher's fold decides about that.
 */
export function isTimestamped({ leaf, signatures }: SealedSigned, cut: Cut): boolean {
  const root = cut.view.documents.root?.envelope.signed;
  const isOfCut =
    leaf.n === cut.n &&
    leaf.time === cut.time &&
    leaf.root === root?.version &&
    leaf.control.size === cut.control &&
    leaf.partitions.length === cut.vector.length &&
    leaf.partitions.every(({ events }, p) => events.size === cut.vector[p]);
  if (!isOfCut || root === undefined) return false;
  const text = timestampText(cut, leaf);
  const file = envelopeText(signatures.timestamp, text);
  if (sha256HexNative(file) !== leaf.timestamp) return false;
  return checking(signatures)('timestamp', utf8(text), root) !== undefined;
}
