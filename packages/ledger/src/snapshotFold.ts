/**
 * From all partitions' parts of a cut to the snapshot: `merkle_root`, snapshot.json, timestamp.json,
 * the snapshot-log leaf and its checkpoint. A pure function of the logs and the signatures.
 *
 * Who holds the keys makes the signatures ({@link signing}); everyone else checks those that stand in
 * a `sealed` record ({@link checking}). Both go through {@link SnapshotFold.assemble}, so what is
 * checked is what would have been signed.
 */
import { BrokenInvariant, fromHex, toHex, utf8 } from '@tidemark/canonical';
import { sha256HexNative, sha256Native } from '@tidemark/canonical/native';
import {
  signedSlice,
  type GenesisSigned,
  type RoleSignature,
  type SealedSigned,
  type SnapshotLeaf,
} from '@tidemark/event';
import {
  checkpointNote,
  checkpointText,
  combineRoots,
  CompactRange,
  decodeVerifierKey,
  leafHash,
} from '@tidemark/merkle';
import { formatExpires, type Root } from '@tidemark/tuf';
import type { Cut } from './control.ts';
import type { PartitionCut } from './leafCollector.ts';
import { RoleTable } from './roleTable.ts';
import type { Signatory } from './signatory.ts';
import {
  checkpointOf,
  leafText,
  logWith,
  type Classic,
  type SnapshotFoldState,
} from './snapshotState.ts';
import { envelopeText, timestampText } from './timestampFile.ts';

/** The files of a snapshot and the record that makes them true. */
export interface Snapshot {
  readonly leaf: SnapshotLeaf;
  readonly signatures: SealedSigned['signatures'];
  readonly timestamp: Uint8Array;
  /** Undefined where this cut makes no new snapshot.json. */
  readonly snapshot: Uint8Array | undefined;
  readonly checkpoint: Uint8Array;
  readonly classic: Classic;
}

export class SnapshotFold {
  private readonly genesis: GenesisSigned;
  readonly table: RoleTable;
  private log: CompactRange;
  private control: CompactRange;
  /** Leaf hashes of control records behind `control`. */
  private pending: Uint8Array[] = [];
  private classic: Classic | undefined;
  /** The leaf that was settled last and the log before it; undefined where a void was, or nothing. */
  private settled: Pick<SnapshotFoldState, 'leaf' | 'log'> | undefined;
  /** The last cut settled: sealed or void. */
  n = 0;
  private drafted: { cut: Cut; parts: readonly PartitionCut[]; root: string } | undefined;

  /** @param genesisBytes the genesis record: entry 0 of the snapshot log */
  constructor(genesis: GenesisSigned, genesisBytes: Uint8Array) {
    this.genesis = genesis;
    this.table = new RoleTable(genesis);
    this.control = new CompactRange(sha256Native);
    this.log = new CompactRange(sha256Native);
    this.log.append(leafHash(genesisBytes, sha256Native));
  }

  /** The newest snapshot.json that was settled. */
  get newestClassic(): Classic | undefined {
    return this.classic;
  }

  /** Takes the next control record into its tree. */
  controlRecord(bytes: Uint8Array): void {
    this.pending.push(leafHash(bytes, sha256Native));
  }

  /** The next control offset that {@link controlRecord} expects. */
  get nextControl(): number {
    return this.control.size + this.pending.length;
  }

  /** What to store; undefined where the last number settled is no snapshot, so that nothing vouches for it. */
  state(): SnapshotFoldState | undefined {
    const { settled, control, classic } = this;
    if (settled === undefined || classic === undefined) return undefined;
    return { ...settled, control: control.state(), classic };
  }

  /** Continues at a stored state: control records from its `control.size` on come again. */
  resume({ leaf, log, control, classic }: SnapshotFoldState): void {
    this.n = leaf.n;
    this.log = logWith(log, leaf);
    this.settled = { leaf, log };
    this.control = CompactRange.fromState(control, sha256Native);
    this.classic = classic;
    this.pending = [];
    this.drafted = undefined;
  }

  /** Takes the parts of the next cut, one of each partition. */
  draft(cut: Cut, parts: readonly PartitionCut[]): void {
    if (cut.n !== this.n + 1) {
      throw new BrokenInvariant('snapshot.order', `cut ${cut.n} cannot follow ${this.n}`);
    }
    for (const { roles } of parts) {
      for (const [role, version, length, sha256] of roles) {
        if (this.table.set(role, version, length, sha256)) continue;
        throw new BrokenInvariant(
          'snapshot.role',
          `a shard reports ${role}, which is none of ours`,
        );
      }
    }
    while (this.control.size < cut.control) {
      const hash = this.pending.shift();
      if (hash === undefined) {
        throw new BrokenInvariant('snapshot.control', `cut ${cut.n} covers unread control records`);
      }
      this.control.append(hash);
    }
    const roots = parts.map(({ subtree }) => fromHex(subtree.map));
    this.drafted = { cut, parts, root: toHex(combineRoots(roots, sha256Native).root) };
  }

  /**
   * Makes the drafted snapshot's files with a signatory.
   * @returns undefined where a signature does not verify
   */
  assemble(signatory: Signatory): Snapshot | undefined {
    const { cut, parts, root: merkleRoot } = this.drafted!;
    const root = cut.view.documents.root!.envelope.signed;
    const made = this.makeClassic(cut, signatory, root);
    if (made === undefined) return undefined;
    const { classic } = made;
    const stated = { version: classic.version, length: classic.length, sha256: classic.sha256 };
    const text = timestampText(cut, { snapshot: stated, merkle_root: merkleRoot });
    const timestampBy = signatory('timestamp', utf8(text), root);
    if (timestampBy === undefined) return undefined;
    const timestamp = utf8(envelopeText(timestampBy, text));
    const leaf: SnapshotLeaf = {
      n: cut.n,
      time: cut.time,
      merkle_root: merkleRoot,
      timestamp: sha256HexNative(timestamp),
      snapshot: stated,
      root: root.version,
      partitions: parts.map(({ subtree: { events, leaves, map } }) => ({ events, leaves, map })),
      control: { size: this.control.size, root: toHex(this.control.root()) },
    };
    const checkpoint = this.checkpoint(leaf, signatory, root);
    if (checkpoint === undefined) return undefined;
    return {
      leaf,
      signatures: { timestamp: timestampBy, snapshot: made.by ?? null, checkpoint: checkpoint.sig },
      timestamp,
      snapshot: made.file,
      checkpoint: checkpoint.note,
      classic,
    };
  }

  /** The drafted snapshot is sealed: it is what the next one follows. */
  settle(snapshot: Snapshot): void {
    const { leaf } = snapshot;
    this.settled = { leaf, log: this.log.state() };
    this.log = logWith(this.settled.log, leaf);
    this.classic = snapshot.classic;
    this.n = leaf.n;
    this.drafted = undefined;
  }

  /** Whether a draft was begun: then a void makes it necessary to start again from stored state. */
  get hasDraft(): boolean {
    return this.drafted !== undefined;
  }

  /** Number n is void: the void record stands in its place in the snapshot log. */
  settleVoid(n: number, record: Uint8Array): void {
    if (n !== this.n + 1 || this.drafted !== undefined) {
      throw new BrokenInvariant(
        'snapshot.order',
        `void ${n} cannot follow ${this.n}, or its draft`,
      );
    }
    this.log.append(leafHash(signedSlice(record), sha256Native));
    this.settled = undefined;
    this.n = n;
  }

  /** The snapshot.json of this cut where one is due, else the newest there is. */
  private makeClassic(
    cut: Cut,
    signatory: Signatory,
    root: Root,
  ): { classic: Classic; file: Uint8Array | undefined; by: RoleSignature | undefined } | undefined {
    const held = this.classic;
    const isListed = held !== undefined && root.roles.snapshot.keyids.includes(held.keyid);
    if (isListed && classicDue(held, cut) > cut.time) {
      return { classic: held, file: undefined, by: undefined };
    }
    const { expiry_s, snapshot_hashes } = cut.view.policy;
    const expires = cut.time + expiry_s.snapshot * 1000;
    const text =
      `{"_type":"snapshot","expires":"${formatExpires(expires)}","meta":${this.table.metaText(snapshot_hashes)},` +
      `"spec_version":"1.0.31","version":${cut.n}}`;
    const by = signatory('snapshot', Buffer.from(text, 'latin1'), root);
    if (by === undefined) return undefined;
    const file = Buffer.from(envelopeText(by, text), 'latin1');
    const { n: version, time } = cut;
    const sha256 = sha256HexNative(file);
    const classic = { version, length: file.length, sha256, time, expires, keyid: by.keyid };
    return { classic, file, by };
  }

  private checkpoint(
    leaf: SnapshotLeaf,
    signatory: Signatory,
    root: Root,
  ): { sig: string; note: Uint8Array } | undefined {
    const checkpoint = checkpointOf(logWith(this.log.state(), leaf), root);
    const by = signatory('checkpoint', utf8(checkpointText(checkpoint)), root);
    if (by === undefined) return undefined;
    const { publicKey } = decodeVerifierKey(root.tidemark!.checkpoint);
    return { sig: by.sig, note: checkpointNote(checkpoint, publicKey, fromHex(by.sig)) };
  }
}

/** The cut time (ms) from which on a cut makes a new snapshot.json. */
export function classicDue(held: Classic, cut: Pick<Cut, 'view'>): number {
  const { classic_ms } = cut.view.policy;
  const renewal = classicRenewal(held, cut);
  return classic_ms === null ? renewal : Math.min(renewal, held.time + classic_ms);
}

/** The cut time (ms) from which on a snapshot.json is too old to be left, whatever it states. */
export function classicRenewal(held: Classic, cut: Pick<Cut, 'view'>): number {
  const { expiry_s, renew_below_percent } = cut.view.policy;
  return held.expires - expiry_s.snapshot * 10 * renew_below_percent;
}

/** Whether a `sealed` record says exactly what the fold gave. */
export function isSealOf(sealed: SealedSigned, cut: Cut, snapshot: Snapshot): boolean {
  return (
    sealed.cut === cut.hash &&
    leafText(sealed.leaf) === leafText(snapshot.leaf) &&
    (sealed.signatures.snapshot === null) === (snapshot.snapshot === undefined)
  );
}
