// Merkle trees of the reference fold, by their definitions: RFC 6962's recursion, TAP 16's slots.
import { canonicalText, concat, toHex, utf8, type JsonObject } from '@tidemark/canonical';
import { sha256Native } from '@tidemark/canonical/native';

/** RFC 6962's hash of a leaf, as a string of bytes. */
export function leafHash(data: Uint8Array): Uint8Array {
  return sha256Native(concat(Uint8Array.of(0), data));
}

function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256Native(concat(Uint8Array.of(1), left, right));
}

/** A list of leaves that grows; complete subtrees never change, so their hashes are remembered. */
export class ModelTree {
  readonly leaves: Uint8Array[] = [];
  private readonly complete = new Map<string, Uint8Array>();

  add(data: Uint8Array): void {
    this.leaves.push(leafHash(data));
  }

  /** The root of the first `size` leaves, hex. */
  root(size = this.leaves.length): string {
    return toHex(this.range(0, size));
  }

  private range(from: number, to: number): Uint8Array {
    const size = to - from;
    if (size === 0) return sha256Native(new Uint8Array(0));
    if (size === 1) return this.leaves[from]!;
    const name = `${from} ${to}`;
    const known = this.complete.get(name);
    if (known !== undefined) return known;
    let left = 1;
    while (2 * left < size) left *= 2;
    const hash = nodeHash(this.range(from, from + left), this.range(from + left, to));
    if (2 * left === size) this.complete.set(name, hash);
    return hash;
  }
}

/** The root (hex) over consecutive slots of a map: `contents` are METAFILES objects by slot. */
export function mapRoot(from: number, to: number, contents: ReadonlyMap<number, string>): string {
  return toHex(slots(from, to, contents));
}

/** The root over the roots of partitions, hex. */
export function rootOfRoots(roots: readonly string[]): string {
  let level: Uint8Array[] = roots.map((root) => Buffer.from(root, 'hex'));
  while (level.length > 1) {
    const below = level;
    level = below.flatMap((left, i) => (i % 2 === 0 ? [nodeHash(left, below[i + 1]!)] : []));
  }
  return toHex(level[0]!);
}

/** The canonical METAFILES text of roles in one slot. */
export function slotText(roles: ReadonlyMap<string, JsonObject>): string {
  return canonicalText(
    Object.fromEntries([...roles].map(([role, meta]) => [`${role}.json`, meta])),
  );
}

const slotHashes = new Map<string, Uint8Array>();
const SLOT_HASHES_MAX = 20_000;

function slots(from: number, to: number, contents: ReadonlyMap<number, string>): Uint8Array {
  if (to - from > 1) {
    const middle = (from + to) / 2;
    return nodeHash(slots(from, middle, contents), slots(middle, to, contents));
  }
  const text = contents.get(from) ?? '{}';
  const name = `${from} ${text}`;
  let hash = slotHashes.get(name);
  if (hash === undefined) {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(from);
    hash = leafHash(concat(number, utf8(text)));
    if (slotHashes.size >= SLOT_HASHES_MAX) slotHashes.clear();
    slotHashes.set(name, hash);
  }
  return hash;
}
