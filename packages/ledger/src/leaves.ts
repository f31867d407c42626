/**
 * What a shard reports for a cut, as records of the leaves log: the role versions in slot order, the
 * outcomes in fold order, and the signed subtree record that vouches for both.
 *
 * Role and outcome records carry no signature of their own: the subtree record lists their hashes, so
 * whatever else stands in the log is recognised at once, and replicas with different keys write them
 * byte for byte alike.
 */
import { sha256HexNative } from '@tidemark/canonical/native';
import {
  encodeRecord,
  hashesMax,
  outcomesMax,
  roleLeavesMax,
  type Outcome,
  type RoleLeaf,
} from '@tidemark/event';

/** A record of the leaves log, with the SHA-256 of its bytes. */
export interface LeafRecord {
  readonly bytes: Uint8Array;
  readonly sha256: string;
}

/**
 * The records of one partition's cut, in canonical order.
 * @returns also the hashes by which its subtree record names them: directly, or through index records
 */
export function leafRecords(
  n: number,
  partition: number,
  roles: readonly RoleLeaf[],
  outcomes: readonly Outcome[],
): { records: readonly LeafRecord[]; named: readonly string[] } {
  const records: Uint8Array[] = [];
  for (let i = 0; i * roleLeavesMax < roles.length; i++) {
    const leaves = roles.slice(i * roleLeavesMax, (i + 1) * roleLeavesMax);
    records.push(rolesRecord(n, partition, i, leaves));
  }
  for (let i = 0; i * outcomesMax < outcomes.length; i++) {
    const page = outcomes.slice(i * outcomesMax, (i + 1) * outcomesMax);
    records.push(encodeRecord({ type: 'outcomes', v: 1, n, partition, i, outcomes: page }, []));
  }
  const pages = records.map(hashed);
  const hashes = pages.map(({ sha256 }) => sha256);
  if (hashes.length <= hashesMax) return { records: pages, named: hashes };
  const index: LeafRecord[] = [];
  for (let i = 0; i * hashesMax < hashes.length; i++) {
    const page = hashes.slice(i * hashesMax, (i + 1) * hashesMax);
    const signed = { type: 'index', v: 1, n, partition, i, records: page } as const;
    index.push(hashed(encodeRecord(signed, [])));
  }
  return { records: [...pages, ...index], named: index.map(({ sha256 }) => sha256) };
}

function hashed(bytes: Uint8Array): LeafRecord {
  return { bytes, sha256: sha256HexNative(bytes) };
}

/** Spliced: at thousands of roles a second the canonical encoder would be the bottleneck. */
function rolesRecord(n: number, partition: number, i: number, leaves: readonly RoleLeaf[]): Buffer {
  let list = '';
  for (const [role, version, length, sha256, signature] of leaves) {
    if (list !== '') list += ',';
    list += `["${role}",${version},${length},"${sha256}","${signature}"]`;
  }
  return Buffer.from(
    `{"signatures":[],"signed":{"i":${i},"leaves":[${list}],"n":${n},` +
      `"partition":${partition},"type":"roles","v":1}}`,
    'latin1',
  );
}

/** Role versions in slot order; where an offline role shares a bin's slot, by name. */
export function bySlot(slotOf: (role: string) => number): (a: RoleLeaf, b: RoleLeaf) => number {
  return (a, b) => slotOf(a[0]) - slotOf(b[0]) || (a[0] < b[0] ? -1 : 1);
}
