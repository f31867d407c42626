/**
 * Whether stored state is what a shard signed for: its digest stands in the subtree record of its cut,
 * beside the digest of what the control log came to. The latter is held against the fold here, which may
 * have gone on from a checkpoint that was stored with the state.
 *
 * Whoever can write to LevelDB can make rows whose checksums hold. What they cannot make is the
 * signature over the digest of the state, so such rows are never signed over (design: a shard halts).
 */
import { BrokenInvariant, RejectedInput } from '@tidemark/canonical';
import { verifyEd25519Native } from '@tidemark/canonical/native';
import { decodeRecord, verifyRecord } from '@tidemark/event';
import type { Cut } from '@tidemark/ledger';
import type { Log } from '@tidemark/log';

/** How many records before its hint the search begins; then ever further back. */
const SEARCH_FIRST = 256;

/**
 * Looks for the subtree record that vouches for a state, from `position` backward.
 * @param state its digest
 * @param cut as the control log's fold has it
 * @throws BrokenInvariant `state.unsigned` where there is none
 */
export async function demandVouched(
  leaves: Log,
  partition: number,
  position: number,
  state: string,
  cut: Cut,
): Promise<void> {
  let to = await leaves.end(partition);
  let from = Math.max(0, Math.min(position, to) - SEARCH_FIRST);
  for (let span = SEARCH_FIRST; to > 0; span *= 8) {
    for (let next = from; next < to;) {
      const { records } = await leaves.read(partition, next);
      if (records.some((bytes) => vouches(bytes, partition, state, cut))) return;
      next += records.length;
    }
    to = from;
    from = Math.max(0, from - span * 8);
  }
  throw unsigned(partition, cut.n);
}

/** The halt for a state that nobody who could has signed for. */
export function unsigned(partition: number, n: number): BrokenInvariant {
  return new BrokenInvariant(
    'state.unsigned',
    `partition ${partition}: no shard signed for the stored state of cut ${n}; ` +
      'delete this state, it is rebuilt from the log',
  );
}

function vouches(bytes: Uint8Array, partition: number, state: string, cut: Cut): boolean {
  // Nearly all of the log lists roles: to decode that takes a hundred times as long as to look through it.
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!text.includes(state)) return false;
  try {
    const record = decodeRecord(bytes);
    const { signed } = record;
    if (signed.type !== 'subtree' || signed.partition !== partition) return false;
    if (signed.n !== cut.n || signed.state !== state) return false;
    if (signed.control !== cut.digest) return false;
    return verifyRecord(record, cut.view.keys.shard, 1, verifyEd25519Native);
  } catch (error) {
    if (error instanceof RejectedInput) return false;
    throw error;
  }
}
