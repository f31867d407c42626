/**
 * What persists of the fold of snapshots, and whether it is what was signed.
 *
 * Whoever can write to LevelDB can make rows whose checksums hold, and the next snapshot would be signed
 * over them. So a stored state names the leaf of its snapshot: it has to agree with that leaf in
 * everything, and the leaf with the checkpoint that was signed over the snapshot log up to it.
 */
import { canonicalText, toHex, utf8 } from '@tidemark/canonical';
import { sha256Native } from '@tidemark/canonical/native';
import type { SealedSigned, SnapshotLeaf } from '@tidemark/event';
import {
  checkpointText,
  combineRoots,
  CompactRange,
  decodeVerifierKey,
  leafHash,
  type Checkpoint,
  type CompactRangeState,
} from '@tidemark/merkle';
import type { Root } from '@tidemark/tuf';
import type { Cut } from './control.ts';
import type { RoleTable } from './roleTable.ts';
import { checking } from './signatory.ts';

/** The newest snapshot.json. */
export interface Classic {
  readonly version: number;
  readonly length: number;
  readonly sha256: string;
  /** Time of the cut that it states, ms. */
  readonly time: number;
  /** When it expires, ms: by the policy that was in force then. */
  readonly expires: number;
  /** Whose signature it bears: a root that no longer lists the key makes a new file due. */
  readonly keyid: string;
}

/** What persists of the fold at a snapshot; roles apart. */
export interface SnapshotFoldState {
  readonly leaf: SnapshotLeaf;
  /** The snapshot log before that leaf. */
  readonly log: CompactRangeState;
  readonly control: CompactRangeState;
  readonly classic: Classic;
}

/** A leaf's bytes in the snapshot log. */
export function leafText(leaf: SnapshotLeaf): string {
  return canonicalText(leaf as unknown as Parameters<typeof canonicalText>[0]);
}

/** The snapshot log with one more leaf. */
export function logWith(log: CompactRangeState, leaf: SnapshotLeaf): CompactRange {
  const range = CompactRange.fromState(log, sha256Native);
  range.append(leafHash(utf8(leafText(leaf)), sha256Native));
  return range;
}

/** The checkpoint of a snapshot log, under the name of the key that root lists for it. */
export function checkpointOf(log: CompactRange, root: Root): Checkpoint {
  const { name } = decodeVerifierKey(root.tidemark!.checkpoint);
  return { origin: name, size: log.size, root: log.root() };
}

/** What of a stored state is not as its own leaf says; undefined where all is. */
export function contradictionIn(state: SnapshotFoldState, table: RoleTable): string | undefined {
  const { leaf, control, classic } = state;
  const maps = table.mapRoots();
  const { root } = combineRoots(
    maps.map((map) => Buffer.from(map, 'hex')),
    sha256Native,
  );
  const agrees =
    toHex(root) === leaf.merkle_root && maps.every((map, p) => leaf.partitions[p]?.map === map);
  if (!agrees) {
    return `its role versions make the Merkle root ${toHex(root)}, not ${leaf.merkle_root}`;
  }
  const controlRoot = toHex(CompactRange.fromState(control, sha256Native).root());
  if (control.size !== leaf.control.size || controlRoot !== leaf.control.root) {
    return `its tree of control has the root ${controlRoot}, not ${leaf.control.root}`;
  }
  const { version, length, sha256 } = leaf.snapshot;
  const isStated =
    classic.version === version && classic.length === length && classic.sha256 === sha256;
  return isStated ? undefined : `its snapshot.json is ${classic.version}, not ${version}`;
}

/** Whether a `sealed` record bears the checkpoint's signature over a stored state's leaf and all before it. */
export function vouchesFor(
  sealed: SealedSigned,
  cut: Cut,
  { leaf, log }: SnapshotFoldState,
): boolean {
  if (sealed.cut !== cut.hash || leafText(sealed.leaf) !== leafText(leaf)) return false;
  const root = cut.view.documents.root!.envelope.signed;
  const text = checkpointText(checkpointOf(logWith(log, leaf), root));
  return checking(sealed.signatures)('checkpoint', utf8(text), root) !== undefined;
}
