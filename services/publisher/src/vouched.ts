/**
 * Whether a publisher's stored state is what was signed: its newest snapshot and the image of its fold.
 *
 * Checksums find damage, not who can write to LevelDB. So nothing of this state is published or signed
 * over before it agrees with the logs: with a `sealed` record and the checkpoint's signature in it, and
 * with the subtree records that shards signed for the same cut.
 */
import { isDeepStrictEqual } from 'node:util';
import { BrokenInvariant, fromHex, RejectedInput, utf8 } from '@tidemark/canonical';
import { sha256HexNative, verifyEd25519Native } from '@tidemark/canonical/native';
import {
  decodeRecord,
  verifyRecord,
  type LogRecord,
  type SealedSigned,
  type SubtreeSigned,
} from '@tidemark/event';
import {
  contradictionIn,
  vouchesFor,
  type ControlChange,
  type Cut,
  type SnapshotFold,
} from '@tidemark/ledger';
import { demandNoTruncation, type Log } from '@tidemark/log';
import { checkpointNote, decodeVerifierKey, openCheckpoint } from '@tidemark/merkle';
import type { Image, SnapshotRow } from './snapshotIndex.ts';

/** Looks on while the control log is read, from its start or from the image's checkpoint. */
export class Vouching {
  private readonly image: Image | undefined;
  private readonly newest: SnapshotRow | undefined;
  /** The valid cuts that the state speaks of, by number. */
  private readonly cuts = new Map<number, Cut>();
  private readonly vouched = { newest: false, image: false, classic: false };

  constructor(image: Image | undefined, newest: SnapshotRow | undefined) {
    this.image = image;
    this.newest = newest;
  }

  /** The cut of the image; only behind {@link demand}. */
  get cut(): Cut | undefined {
    return this.image && this.cuts.get(this.image.state.leaf.n);
  }

  take(change: ControlChange): void {
    const { image, newest, vouched } = this;
    const classic = image?.state.classic;
    if (change.type === 'cut') {
      const { n } = change.cut;
      const isSpokenOf = [newest?.n, image?.state.leaf.n, classic?.version].includes(n);
      if (isSpokenOf) this.cuts.set(n, change.cut);
    }
    if (change.type !== 'sealed') return;
    const { sealed } = change;
    const cut = this.cuts.get(sealed.n);
    if (cut === undefined) return;
    vouched.newest ||= newest !== undefined && isShownBy(sealed, cut, newest);
    vouched.image ||= image !== undefined && vouchesFor(sealed, cut, image.state);
    vouched.classic ||= image !== undefined && isClassicOf(sealed, cut, image);
  }

  /**
   * @returns when each partition next needs a cut for a renewal, ms; undefined without an image
   * @throws BrokenInvariant `state.unsigned` where something of the state was not signed
   */
  async demand({ table }: SnapshotFold, leaves: Log): Promise<number[] | undefined> {
    const { image, newest, vouched } = this;
    if (newest !== undefined && !vouched.newest) {
      throw unsigned(`what it shows as snapshot ${newest.n} was never sealed`);
    }
    if (image === undefined) return undefined;
    const { leaf } = image.state;
    const contradiction = contradictionIn(image.state, table);
    if (contradiction !== undefined) throw unsigned(`image ${leaf.n}: ${contradiction}`);
    if (!vouched.image) {
      throw unsigned(
        `image ${leaf.n}: no sealed record signs its leaf and the snapshot log before it`,
      );
    }
    if (!vouched.classic) {
      throw unsigned(`image ${leaf.n}: no sealed record made its snapshot.json as it says`);
    }
    return Promise.all(leaf.partitions.map((_, p) => this.due(p, image, leaves)));
  }

  /** What the partition's subtree record says, which stands before the image's position. */
  private async due(partition: number, image: Image, leaves: Log): Promise<number> {
    const { leaf } = image.state;
    const position = image.positions[partition] ?? 0;
    demandNoTruncation('leaves', partition, await leaves.end(partition), position);
    const { records } = position < 1 ? { records: [] } : await leaves.read(partition, position - 1);
    const record = records[0] && subtreeIn(records[0]);
    const heads = leaf.partitions[partition];
    const fits =
      record?.signed.cut === this.cut!.hash &&
      record.signed.control === this.cut!.digest &&
      record.signed.partition === partition &&
      record.signed.map === heads?.map &&
      verifyRecord(record, this.cut!.view.keys.shard, 1, verifyEd25519Native);
    if (fits) return record.signed.due;
    throw unsigned(
      `image ${leaf.n}: leaves/${partition} has no subtree record of it before offset ${position}`,
    );
  }
}

/** Whether a snapshot as it is stored is the one that a `sealed` record describes. */
function isShownBy(sealed: SealedSigned, cut: Cut, row: SnapshotRow): boolean {
  const { leaf } = sealed;
  return (
    sealed.cut === cut.hash &&
    leaf.n === row.n &&
    leaf.timestamp === sha256HexNative(row.timestamp) &&
    leaf.merkle_root === row.merkleRoot &&
    isDeepStrictEqual(leaf, row.leaf) &&
    leaf.snapshot.version === row.classic &&
    cut.time === row.time &&
    cut.vector.every((next, p) => next === row.vector[p]) &&
    row.checkpoint === checkpointIn(sealed, cut, row)
  );
}

/** The stored checkpoint with the signature of a `sealed` record, where both verify. */
function checkpointIn(sealed: SealedSigned, cut: Cut, row: SnapshotRow): string | undefined {
  const key = decodeVerifierKey(cut.view.documents.root!.envelope.signed.tidemark!.checkpoint);
  try {
    const checkpoint = openCheckpoint(utf8(row.checkpoint), key, verifyEd25519Native);
    if (checkpoint.size !== row.n + 1) return undefined;
    const signature = fromHex(sealed.signatures.checkpoint);
    return Buffer.from(checkpointNote(checkpoint, key.publicKey, signature)).toString();
  } catch (error) {
    if (error instanceof RejectedInput) return undefined;
    throw error;
  }
}

/** Whether the image's snapshot.json was made by the cut that a `sealed` record is for, as the image says. */
function isClassicOf(sealed: SealedSigned, cut: Cut, { state: { classic } }: Image): boolean {
  return (
    sealed.n === classic.version &&
    sealed.cut === cut.hash &&
    sealed.signatures.snapshot?.keyid === classic.keyid &&
    sealed.leaf.snapshot.sha256 === classic.sha256 &&
    cut.time === classic.time &&
    cut.time + cut.view.policy.expiry_s.snapshot * 1000 === classic.expires
  );
}

function subtreeIn(bytes: Uint8Array): LogRecord<SubtreeSigned> | undefined {
  try {
    const record = decodeRecord(bytes);
    return record.signed.type === 'subtree' ? (record as LogRecord<SubtreeSigned>) : undefined;
  } catch (error) {
    if (error instanceof RejectedInput) return undefined;
    throw error;
  }
}

function unsigned(what: string): BrokenInvariant {
  return new BrokenInvariant(
    'state.unsigned',
    `the publisher’s state: ${what}; delete state/publisher, it is rebuilt from the log`,
  );
}
