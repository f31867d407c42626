// The reference fold of snapshots: the files and the leaf of one, from a cut and its partitions' events.
import { canonicalText, fromHex, toHex, utf8, type Json } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import {
  signedSlice,
  type RoleSignature,
  type SealedSigned,
  type SnapshotLeaf,
} from '@tidemark/event';
import { checkpointNote, checkpointText } from '@tidemark/merkle';
import { signMetadata, snapshotSigned, timestampSigned, type MetaInput } from '@tidemark/tuf';
import { keyOf, ORIGIN, type Fixture } from './fixture.ts';
import { ModelPartition, type ModelBin, type ModelPart } from './modelPartition.ts';
import { ModelTree, rootOfRoots } from './modelTree.ts';
import type { ModelCut } from './modelViews.ts';

/** What snapshot n is. */
export interface Truth {
  readonly cut: ModelCut;
  readonly leaf: SnapshotLeaf;
  readonly timestamp: Uint8Array;
  /** Undefined where this snapshot goes on with an older snapshot.json. */
  readonly snapshot: Uint8Array | undefined;
  readonly checkpoint: Uint8Array;
  readonly parts: readonly ModelPart[];
  /** The newest version of every bin, by role. */
  readonly bins: ReadonlyMap<string, ModelBin>;
}

interface Classic {
  readonly version: number;
  readonly length: number;
  readonly sha256: string;
  readonly time: number;
  readonly expires: number;
}

export class ModelSnapshots {
  readonly partitions: readonly ModelPartition[];
  private readonly roles = new Map<string, Required<MetaInput>>();
  private readonly log = new ModelTree();
  private readonly control = new ModelTree();
  private classic: Classic | undefined;

  constructor(fixture: Fixture) {
    const { partitions } = fixture.shape;
    this.partitions = Array.from({ length: partitions }, (_, p) => new ModelPartition(fixture, p));
    this.log.add(fixture.genesisBytes);
  }

  /** Takes the next record of control. */
  controlRecord(bytes: Uint8Array): void {
    this.control.add(bytes);
  }

  /** What a cut makes, which follows the last one settled. @param events by partition */
  fold(cut: ModelCut, events: readonly (readonly Uint8Array[])[]): Truth {
    const parts = this.partitions.map((partition, p) => partition.fold(cut, events[p]!));
    for (const [role, version, length, sha256] of parts.flatMap(({ roles }) => roles)) {
      this.roles.set(role, { version, length, sha256 });
    }
    const { policy, documents } = cut.view;
    const merkleRoot = rootOfRoots(parts.map(({ map }) => map));
    const { version, length, sha256, snapshot } = this.snapshotFile(cut);
    const timestamp = signMetadata(
      timestampSigned({
        version: cut.n,
        expiresMs: cut.time + policy.expiry_s.timestamp * 1000,
        snapshot: { version, length, sha256 },
        merkleRoot,
      }),
      [keyOf('timestamp')],
    );
    const leaf: SnapshotLeaf = {
      n: cut.n,
      time: cut.time,
      merkle_root: merkleRoot,
      timestamp: sha256HexNative(timestamp),
      snapshot: { version, length, sha256 },
      root: documents.root!.version,
      partitions: parts.map(({ events, leaves, map }) => ({ events, leaves, map })),
      control: { size: cut.control, root: this.control.root(cut.control) },
    };
    const bins = new Map<string, ModelBin>();
    for (const partition of this.partitions) {
      for (const [bin, held] of partition.bins) bins.set(partition.nameOf(bin), held);
    }
    return { cut, leaf, timestamp, snapshot, checkpoint: this.checkpoint(leaf), parts, bins };
  }

  /** A snapshot is sealed. */
  settle({ cut, leaf, snapshot }: Truth): void {
    this.log.add(utf8(canonicalText(leaf as unknown as Json)));
    if (snapshot === undefined) return;
    const expires = cut.time + cut.view.policy.expiry_s.snapshot * 1000;
    this.classic = { ...leaf.snapshot, time: cut.time, expires };
  }

  /** A void takes the place of a snapshot. */
  settleVoid(record: Uint8Array): void {
    this.log.add(signedSlice(record));
    for (const partition of this.partitions) partition.foldVoid();
  }

  private snapshotFile(cut: ModelCut): {
    version: number;
    length: number;
    sha256: string;
    snapshot: Uint8Array | undefined;
  } {
    const { classic_ms, expiry_s, renew_below_percent, snapshot_hashes } = cut.view.policy;
    if (this.classic !== undefined) {
      const { time, expires } = this.classic;
      const renewal = expires - expiry_s.snapshot * 10 * renew_below_percent;
      const due = classic_ms === null ? renewal : Math.min(renewal, time + classic_ms);
      if (due > cut.time) return { ...this.classic, snapshot: undefined };
    }
    const snapshot = signMetadata(
      snapshotSigned({
        version: cut.n,
        expiresMs: cut.time + expiry_s.snapshot * 1000,
        meta: new Map(
          [...this.roles].map(([role, { version, length, sha256 }]): [string, MetaInput] => [
            role,
            snapshot_hashes ? { version, length, sha256 } : { version },
          ]),
        ),
      }),
      [keyOf('snapshot')],
    );
    return {
      version: cut.n,
      length: snapshot.length,
      sha256: sha256HexNative(snapshot),
      snapshot,
    };
  }

  private checkpoint(leaf: SnapshotLeaf): Uint8Array {
    const log = new ModelTree();
    log.leaves.push(...this.log.leaves);
    log.add(utf8(canonicalText(leaf as unknown as Json)));
    const checkpoint = { origin: ORIGIN, size: log.leaves.length, root: fromHex(log.root()) };
    const { publicKey, sign } = keyOf('checkpoint');
    return checkpointNote(checkpoint, publicKey, sign(utf8(checkpointText(checkpoint))));
  }
}

/** Whether a `sealed` record is of a cut and leads to a signed timestamp, true or not. */
export function isTimestamped({ leaf, signatures }: SealedSigned, cut: ModelCut): boolean {
  const { policy, documents } = cut.view;
  const file = signMetadata(
    timestampSigned({
      version: cut.n,
      expiresMs: cut.time + policy.expiry_s.timestamp * 1000,
      snapshot: leaf.snapshot,
      merkleRoot: leaf.merkle_root,
    }),
    [keyOf('timestamp')],
  );
  return (
    leaf.n === cut.n &&
    leaf.time === cut.time &&
    leaf.root === documents.root?.version &&
    leaf.control.size === cut.control &&
    leaf.partitions.map(({ events }) => events.size).join() === cut.vector.join() &&
    leaf.timestamp === sha256HexNative(file) &&
    signatures.timestamp.sig === signatureOf(file).sig
  );
}

/** Whether a `sealed` record says what snapshot n is, signatures included. */
export function says({ leaf, signatures, cut }: SealedSigned, truth: Truth): boolean {
  const text = (value: unknown): string => canonicalText(value as Json);
  return (
    cut === truth.cut.hash &&
    text(leaf) === text(truth.leaf) &&
    text(signatures) === text(signaturesOf(truth))
  );
}

/** The signatures that make a snapshot true. */
export function signaturesOf({
  timestamp,
  snapshot,
  checkpoint,
}: Truth): SealedSigned['signatures'] {
  const note = Buffer.from(checkpoint).toString();
  const blob = Buffer.from(note.trimEnd().split(' ').at(-1)!, 'base64');
  return {
    timestamp: signatureOf(timestamp),
    snapshot: snapshot === undefined ? null : signatureOf(snapshot),
    checkpoint: toHex(blob.subarray(4)),
  };
}

function signatureOf(file: Uint8Array): RoleSignature {
  const { signatures } = JSON.parse(Buffer.from(file).toString()) as {
    signatures: [RoleSignature];
  };
  return signatures[0];
}
