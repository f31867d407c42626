/**
 * How long the files of a ledger are at a number of bins: made by the code that publishes them, and measured.
 *
 * No size depends on keys, hashes or times, which have a fixed length. Files of many entries that are alike are
 * linear in them; so beyond {@link WHOLE_MAX} entries the first ones are measured, and the rest are counted.
 */
import { slotOfRole } from '@tidemark/bin';
import type { JsonObject } from '@tidemark/canonical';
import { createSigner, sha256HexNative } from '@tidemark/canonical/native';
import {
  BinFile,
  BinScratch,
  OFFLINE_ROLES,
  packOps,
  targetValue,
  type BinOp,
} from '@tidemark/ledger';
import { makeTap16File } from '@tidemark/merkle';
import {
  binRoleName,
  ed25519Key,
  formatExpires,
  prefixDelegations,
  signMetadata,
  snapshotSigned,
  targetsSigned,
  timestampSigned,
  type MetaInput,
} from '@tidemark/tuf';
import { BIN_PREFIX, planLedger, PREFIX_BINS_MAX, slotBitsOf } from '../folder/ceremony.ts';

/** What the lengths of files depend on. */
export interface Shape {
  /** There are 2^bits bins. */
  readonly bits: number;
  readonly targets: number;
  /** Length of a target's path. */
  readonly pathBytes: number;
  /** Length of a target, of which its number of digits counts; likewise of the versions. */
  readonly fileBytes: number;
  readonly binVersion: number;
  readonly snapshotVersion: number;
}

/** A file's length, and whether it was measured whole. */
export interface Size {
  readonly bytes: number;
  readonly whole: boolean;
}

/** Where files state bins.json's length, it is that of the form succinct: prefixes add at most 5 digits. */
export interface FileSizes {
  /** A bin, on average. */
  readonly bin: Size;
  readonly snapshot: Size;
  /** bins.json by its form of delegation; null where a ledger cannot have that many bins. */
  readonly delegations: Readonly<Record<Delegation, Size | null>>;
  /** TAP 16: a bin's entry in the Merkle map with its path, on average. */
  readonly binProof: number;
  /** The same of targets and bins, together. */
  readonly offlineProofs: number;
  readonly timestamp: number;
  readonly targets: number;
}

export type Delegation = 'succinct' | 'prefixes';

/** Most entries that are written to be measured: a test holds the rest to files that are written whole. */
export const WHOLE_MAX = 1024;

export function measureFiles(shape: Shape): FileSizes {
  const bins = 2 ** shape.bits;
  const bin = sizeOf((count) => binFile(count, shape), shape.targets / bins);
  const meta = { length: Math.round(bin.bytes), sha256: HASH, version: shape.binVersion };
  const offline = offlineMeta(shape.bits);
  const snapshot = sizeOf((count) => snapshotFile(count, shape, meta, offline), bins);
  const prefixes = bins > PREFIX_BINS_MAX ? null : prefixesSize(shape.bits);
  return {
    bin,
    snapshot,
    delegations: { succinct: { bytes: offline.bins.length, whole: true }, prefixes },
    binProof: binProof(shape.bits, meta),
    offlineProofs: offlineProofs(shape.bits, meta, offline),
    timestamp: timestampFile(shape.snapshotVersion, snapshot.bytes),
    targets: offline.targets.length,
  };
}

type Meta = Required<MetaInput>;
type OfflineMeta = Readonly<Record<(typeof OFFLINE_ROLES)[number], Meta>>;

const HASH = '0'.repeat(64);
const SIGNERS = [1, 2].map((n) => createSigner(new Uint8Array(32).fill(n)));
const COMMON = { version: 1, expiresMs: 0 };

/**
 * The length of a file with so many entries.
 * @param count may have a fraction: then it is a mean, and so is the length
 */
function sizeOf(lengthWith: (count: number) => number, count: number): Size {
  const measured = Math.min(Math.floor(count), WHOLE_MAX);
  const bytes = lengthWith(measured);
  if (count === measured) return { bytes, whole: true };
  const entry =
    count > WHOLE_MAX ? bytes - lengthWith(measured - 1) : lengthWith(measured + 1) - bytes;
  return { bytes: bytes + (count - measured) * entry, whole: count <= WHOLE_MAX };
}

/** A bin's length; it has room for a signature whether it is signed or not. */
function binFile(count: number, { pathBytes, fileBytes, binVersion }: Shape): number {
  const value = targetValue(fileBytes, HASH, undefined);
  const ops = Array.from({ length: count }, (_, i): BinOp => [
    String(i).padStart(pathBytes, '0'),
    value,
  ]);
  const bin = BinFile.empty();
  bin.apply(packOps(ops), new BinScratch());
  bin.stamp(binVersion, formatExpires(0));
  return bin.length;
}

function snapshotFile(count: number, shape: Shape, bin: Meta, offline: OfflineMeta): number {
  const meta = new Map<string, MetaInput>(Object.entries(offline));
  for (let i = 0; i < count; i++) meta.set(binRoleName(BIN_PREFIX, shape.bits, i), bin);
  const signed = snapshotSigned({ ...COMMON, version: shape.snapshotVersion, meta });
  return signMetadata(signed, SIGNERS.slice(0, 1)).length;
}

/** What a snapshot says of targets.json and bins.json, as they are made with the ledger. */
function offlineMeta(bits: number): OfflineMeta {
  let drawn = 0;
  const distinct = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(++drawn);
  const ledger = {
    name: 'ledger',
    bins: 2 ** bits,
    partitions: 1,
    delegation: 'succinct',
  } as const;
  const { targets, bins } = planLedger(ledger, distinct, 0).roleDocuments;
  const metaOf = ({ length }: Uint8Array): Meta => ({ length, sha256: HASH, version: 1 });
  return { targets: metaOf(targets), bins: metaOf(bins) };
}

/** bins.json with lists of prefixes: all its roles are alike, but there may be too many to write them all. */
function prefixesSize(bits: number): Size {
  const { keys, roles } = prefixDelegations({
    key: ed25519Key(HASH),
    bits,
    prefix: BIN_PREFIX,
  }) as { keys: JsonObject; roles: JsonObject[] };
  return sizeOf((count) => {
    const delegations = { keys, roles: roles.slice(0, count) };
    return signMetadata(targetsSigned({ ...COMMON, delegations }), SIGNERS).length;
  }, roles.length);
}

/** Between the first bin's and the last one's: a step to the left is written `-1`, one to the right `1`. */
function binProof(bits: number, meta: Meta): number {
  const last = 2 ** bits - 1;
  const lengthOf = (bin: number): number =>
    proofFile(
      bin * 2 ** (slotBitsOf(bits) - bits),
      [[binRoleName(BIN_PREFIX, bits, bin), meta]],
      bits,
    );
  return (lengthOf(0) + lengthOf(last)) / 2;
}

function offlineProofs(bits: number, bin: Meta, offline: OfflineMeta): number {
  const slotBits = slotBitsOf(bits);
  const slotsPerBin = 2 ** (slotBits - bits);
  let bytes = 0;
  for (const role of OFFLINE_ROLES) {
    const slot = slotOfRole(role, { prefix: BIN_PREFIX, bits }, slotBits, sha256HexNative);
    const roles: [string, Meta][] = [[role, offline[role]]];
    // It may share its slot with a bin.
    if (slot % slotsPerBin === 0)
      roles.push([binRoleName(BIN_PREFIX, bits, slot / slotsPerBin), bin]);
    bytes += proofFile(slot, roles, bits);
  }
  return bytes;
}

function proofFile(slot: number, roles: readonly [string, Meta][], bits: number): number {
  const contents = Object.fromEntries(
    roles.map(([role, { length, sha256, version }]) => [
      `${role}.json`,
      { hashes: { sha256 }, length, version },
    ]),
  );
  const path = Array.from({ length: slotBitsOf(bits) }, () => new Uint8Array(32));
  return makeTap16File(slot, contents, path).length;
}

function timestampFile(version: number, snapshotBytes: number): number {
  const snapshot = { version, length: snapshotBytes, sha256: HASH };
  const signed = timestampSigned({ ...COMMON, version, snapshot, merkleRoot: HASH });
  return signMetadata(signed, SIGNERS.slice(0, 1)).length;
}
