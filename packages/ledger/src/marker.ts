/**
 * A cut's marker: everything about a partition that is valid at that cut besides its role versions.
 *
 * It is written last, so the newest marker is the partition's state; whatever lies beyond it has no
 * effect. The digest over it stands in the signed subtree record: replicas compare it, and state that
 * was tampered with cannot pass for the state that was signed.
 */
import {
  BrokenInvariant,
  canonicalText,
  fromUtf8,
  readJson,
  utf8,
  type JsonObject,
} from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import type { GenesisSigned } from '@tidemark/event';
import type { CompactRangeState } from '@tidemark/merkle';
import { CUTS_IN_FLIGHT_MAX } from './cutRules.ts';

export interface Marker {
  readonly n: number;
  /** Hash of the cut (or void) record. */
  readonly cut: string;
  /** The cut's time in ms. */
  readonly time: number;
  /** The next events offset to fold. */
  readonly next: number;
  /** Role versions the partition has signed or skipped: a version is k·P + p + 1. */
  readonly k: number;
  /** The first k of this cut's versions; {@link changed}'s bins have k0, k0+1, … in order. */
  readonly k0: number;
  /** The bins changed by this cut, ascending, as {@link packBins} writes them. */
  readonly changed: string;
  /** The id of the key that the bins are signed with. */
  readonly keyid: string;
  /** Offline roles in the partition's slots: name, version, length, sha256. */
  readonly offline: readonly (readonly [string, number, number, string])[];
  /** Runs of intakes: id, last sequence number, cut time when last heard of. */
  readonly intakes: readonly (readonly [string, number, number])[];
  readonly window: WindowState;
  readonly events: CompactRangeState;
  readonly leaves: CompactRangeState;
  /** The subtree's root. */
  readonly map: string;
  /** Where in the leaves log to look for later cuts: a hint that differs between replicas. */
  readonly position?: number;
}

/** The idempotency window. */
export interface WindowState {
  /** Time (ms) from which on entries count; never decreases, so that no policy brings one back. */
  readonly since: number;
  /** Ordinals of the first entry kept, and of the next one to come. */
  readonly first: number;
  readonly next: number;
  /** Hash chain over all entries ever. */
  readonly digest: string;
}

/** What the subtree record commits to. */
export function stateDigest({ position: _hint, ...marker }: Marker): string {
  return sha256HexNative(canonicalText(marker as unknown as JsonObject));
}

/**
 * The marker of a void behind another marker: nothing changes but that versions are spent. Nobody signs
 * for it, so it counts only as what its predecessor, or a partition's beginning, gives.
 */
export function voidMarker(
  before: Marker | undefined,
  { n, cut, map }: Pick<Marker, 'n' | 'cut' | 'map'>,
  genesis: GenesisSigned,
): Marker {
  const bins = 2 ** genesis.bits / genesis.partitions;
  const from = before ?? { ...BEGINNING, time: genesis.time, map };
  const k = from.k + CUTS_IN_FLIGHT_MAX * bins;
  return { ...from, n, cut, k, k0: from.k, changed: '' };
}

const EMPTY_RANGE = { size: 0, hashes: [] };
const BEGINNING = {
  next: 0,
  k: 0,
  keyid: '',
  offline: [],
  intakes: [],
  window: { since: 0, first: 0, next: 0, digest: '00'.repeat(32) },
  events: EMPTY_RANGE,
  leaves: EMPTY_RANGE,
};

export function encodeMarker(marker: Marker): Uint8Array {
  return utf8(canonicalText(marker as unknown as JsonObject));
}

/** @throws BrokenInvariant `state.marker` for a row whose checksum holds but which is no marker */
export function decodeMarker(row: Uint8Array): Marker {
  let marker: Partial<Marker> | null;
  try {
    marker = readJson(fromUtf8(row)) as Partial<Marker> | null;
  } catch (cause) {
    throw new BrokenInvariant('state.marker', 'a marker row is no JSON', { cause });
  }
  if (typeof marker?.n !== 'number' || typeof marker.changed !== 'string') {
    throw new BrokenInvariant('state.marker', 'a marker row has another form');
  }
  return marker as Marker;
}

/** Ascending bins as base64 of varint differences: one or two bytes a bin. */
export function packBins(bins: readonly number[]): string {
  const out = Buffer.allocUnsafe(bins.length * 5);
  let at = 0;
  let before = -1;
  for (const bin of bins) {
    let difference = bin - before;
    for (; difference > 0x7f; difference >>>= 7) out[at++] = (difference & 0x7f) | 0x80;
    out[at++] = difference;
    before = bin;
  }
  return out.toString('base64', 0, at);
}

export function unpackBins(packed: string): number[] {
  const bytes = Buffer.from(packed, 'base64');
  const bins: number[] = [];
  let before = -1;
  for (let at = 0; at < bytes.length;) {
    let difference = 0;
    let shift = 0;
    for (; bytes[at]! > 0x7f; at++, shift += 7) difference |= (bytes[at]! & 0x7f) << shift;
    difference |= bytes[at++]! << shift;
    before += difference;
    bins.push(before);
  }
  return bins;
}
