/**
 * What a publisher is opened with, and what it starts from: its image, and what the store already shows.
 */
import { BrokenInvariant } from '@tidemark/canonical';
import type { Signer } from '@tidemark/canonical/native';
import { resumeControl, type StateDb } from '@tidemark/ledger';
import type { Sleep } from '@tidemark/log';
import type { PublicationStore } from '@tidemark/publish';
import { demandNoLostCut } from '@tidemark/shard';
import { PublisherFold, type FoldOptions } from './publisherFold.ts';
import type { SnapshotIndex } from './snapshotIndex.ts';
import type { PublisherObserver } from './steps.ts';
import { Vouching } from './vouched.ts';

/** The keys of a publisher that seals; one that only follows has none. */
export interface PublisherKeys {
  readonly timestamp: Signer;
  readonly snapshot: Signer;
  readonly checkpoint: Signer;
  readonly service: Signer;
}

export interface PublisherOptions extends FoldOptions {
  readonly db: StateDb;
  readonly store: PublicationStore;
  readonly keys: PublisherKeys | undefined;
  readonly now: () => number;
  readonly sleep: Sleep;
  readonly observer?: PublisherObserver | undefined;
}

/** Number of the newest snapshot in a publication store; 0 where it has none, or none that can be read. */
export async function newestIn(store: PublicationStore): Promise<number> {
  // The checkpoint advances first. Its second line is the snapshot log's size, and entry 0 is genesis.
  const checkpoint = (await store.get('checkpoint')) ?? new Uint8Array();
  const [, size] = /^[^\n]*\n(\d{1,15})\n/.exec(Buffer.from(checkpoint).toString('latin1')) ?? [];
  return size === undefined ? 0 : Number(size) - 1;
}

/**
 * The fold as of the newest image, or from the beginning, with the control log read to its end.
 * @throws BrokenInvariant `state.image`; `state.control`; `state.unsigned` where nobody signed for what is stored;
 *   `log.truncated`
 */
export async function foldFrom(
  options: PublisherOptions,
  index: SnapshotIndex,
): Promise<PublisherFold> {
  const { logs } = options;
  const image = await index.image();
  const newest = await index.newest();
  if (image !== undefined && image.state.leaf.n > (newest?.n ?? 0)) {
    throw new BrokenInvariant(
      'state.image',
      'the publisher’s image is ahead of its snapshots; delete this state, it is rebuilt from the log',
    );
  }
  const fold = new PublisherFold(options, image);
  if (image?.control !== undefined) await resumeControl(fold.control, image.control, logs.control);
  const vouching = new Vouching(image, newest);
  await fold.readControl((change) => vouching.take(change));
  demandNoLostCut(fold.control.settled, newest?.n ?? 0);
  const dues = await vouching.demand(fold.snapshots, logs.leaves);
  if (dues !== undefined) fold.continueAt(vouching.cut!, dues);
  return fold;
}
