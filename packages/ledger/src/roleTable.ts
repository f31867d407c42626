/**
 * Every role's version, length and hash as snapshot.json states them: one canonical fragment a role,
 * joined when a snapshot is due. Held equal to the canonical encoder by test.
 */
import { BrokenInvariant, compareText, toHex } from '@tidemark/canonical';
import { binOfRole, binsOfPartition, partitionOfSlot } from '@tidemark/bin';
import type { GenesisSigned } from '@tidemark/event';
import { binRoleName } from '@tidemark/tuf';
import { OFFLINE_ROLES } from './documents.ts';
import { Heads } from './heads.ts';
import { OfflineSlots } from './offlineSlots.ts';
import { treeOf } from './treeOf.ts';

/** Clients without a stated length read 5 MB of a role at the most: from here on it is stated. */
const STATE_LENGTH_FROM = 4 << 20;

/** What the map says nothing about. */
const ONLY_STATED = { cut: 0, before: 0, expires: 0, sinceBody: 0, hasBody: true } as const;

export class RoleTable {
  private readonly genesis: GenesisSigned;
  private readonly names: readonly string[];
  private readonly firstBin: number;
  private readonly versions: Float64Array;
  private readonly lengths: Uint32Array;
  private readonly digests: Buffer;
  /** Fragments by place, '' where a role has no version yet; kept for one form of hashes at a time. */
  private fragments: string[];
  private withHashes = true;

  constructor(genesis: GenesisSigned) {
    this.genesis = genesis;
    const bins = Array.from({ length: 2 ** genesis.bits }, (_, i) =>
      binRoleName(genesis.prefix, genesis.bits, i),
    );
    this.names = [...bins, ...OFFLINE_ROLES].toSorted((a, b) =>
      compareText(`${a}.json`, `${b}.json`),
    );
    this.firstBin = this.names.indexOf(bins[0]!);
    this.versions = new Float64Array(this.names.length);
    this.lengths = new Uint32Array(this.names.length);
    this.digests = Buffer.alloc(this.names.length * 32);
    this.fragments = this.names.map(() => '');
  }

  /** Takes a role version over; a role that this ledger does not have is none of ours and refused. */
  set(role: string, version: number, length: number, sha256: string): boolean {
    const place = this.placeOf(role);
    if (place < 0) return false;
    this.versions[place] = version;
    this.lengths[place] = length;
    this.digests.write(sha256, place * 32, 32, 'hex');
    this.fragments[place] = this.fragment(place);
    return true;
  }

  /** The canonical `meta` object of snapshot.json. */
  metaText(withHashes: boolean): string {
    if (withHashes !== this.withHashes) {
      this.withHashes = withHashes;
      this.fragments = this.names.map((_name, place) =>
        this.versions[place] === 0 ? '' : this.fragment(place),
      );
    }
    const stated = this.fragments.includes('')
      ? this.fragments.filter((fragment) => fragment !== '')
      : this.fragments;
    return `{${stated.join(',')}}`;
  }

  /** The roots (64 hex) of the partitions' subtrees of the map in which these versions stand. */
  mapRoots(): string[] {
    const { partitions, bits, slot_bits } = this.genesis;
    const partitionBits = Math.log2(partitions);
    return Array.from({ length: partitions }, (_, partition) => {
      const { from, to } = binsOfPartition(partition, bits, partitionBits);
      const heads = new Heads(from, to - from);
      for (let bin = from; bin < to; bin++) {
        const { version, length, sha256 } = this.at(this.firstBin + bin);
        heads.set(bin, version, { ...ONLY_STATED, length, sha256 });
      }
      const offline = new OfflineSlots(this.genesis, partition, []);
      for (const role of OFFLINE_ROLES) {
        const { version, length, sha256 } = this.at(this.placeOf(role));
        const owner = partitionOfSlot(offline.slotOf(role), slot_bits, partitionBits);
        if (version > 0 && owner === partition) offline.hold([role, version, length, sha256]);
      }
      return toHex(treeOf(this.genesis, partition, heads, offline).root());
    });
  }

  /** The table as rows for an image: 42 bytes a role. */
  encode(): Buffer {
    const image = Buffer.alloc(this.names.length * 42);
    this.names.forEach((_name, place) => {
      const at = place * 42;
      image.writeUIntBE(this.versions[place]!, at, 6);
      image.writeUInt32BE(this.lengths[place]!, at + 6);
      this.digests.copy(image, at + 10, place * 32, place * 32 + 32);
    });
    return image;
  }

  /** Takes an image back. @throws BrokenInvariant `state.roles` where it is of another shape */
  decode(image: Buffer): void {
    if (image.length !== this.names.length * 42) {
      throw new BrokenInvariant('state.roles', `an image of ${image.length / 42} roles`);
    }
    this.names.forEach((_name, place) => {
      const at = place * 42;
      this.versions[place] = image.readUIntBE(at, 6);
      this.lengths[place] = image.readUInt32BE(at + 6);
      image.copy(this.digests, place * 32, at + 10, at + 42);
      this.fragments[place] = this.versions[place] === 0 ? '' : this.fragment(place);
    });
  }

  private at(place: number): { version: number; length: number; sha256: string } {
    const sha256 = this.digests.toString('hex', place * 32, place * 32 + 32);
    return { version: this.versions[place]!, length: this.lengths[place]!, sha256 };
  }

  private placeOf(role: string): number {
    const bin = binOfRole(role, this.genesis);
    if (bin !== undefined) return this.firstBin + bin;
    return OFFLINE_ROLES.some((name) => name === role) ? this.names.indexOf(role) : -1;
  }

  private fragment(place: number): string {
    const { version, length, sha256 } = this.at(place);
    const hashes = this.withHashes ? `"hashes":{"sha256":"${sha256}"},` : '';
    const stated = this.withHashes || length >= STATE_LENGTH_FROM ? `"length":${length},` : '';
    return `"${this.names[place]}.json":{${hashes}${stated}"version":${version}}`;
  }
}
