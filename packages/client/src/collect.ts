/** A file that comes in pieces, as a whole. */

import { RejectedInput } from '@tidemark/canonical';

/** What is taken at first; more only as it is needed, whatever length was stated. */
const FIRST_BYTES = 65_536;

/** @throws RejectedInput `client.length` for a file that is longer than it may be */
export async function collect(
  name: string,
  chunks: AsyncIterable<Uint8Array>,
  bytesMax: number,
): Promise<Uint8Array> {
  let kept = new Uint8Array(Math.min(bytesMax, FIRST_BYTES));
  let bytes = 0;
  for await (const chunk of chunks) {
    const end = bytes + chunk.length;
    if (end > bytesMax) {
      throw new RejectedInput('client.length', `${name} is longer than ${bytesMax} bytes`);
    }
    if (end > kept.length) {
      const larger = new Uint8Array(Math.min(bytesMax, Math.max(end, kept.length * 2)));
      larger.set(kept.subarray(0, bytes));
      kept = larger;
    }
    kept.set(chunk, bytes);
    bytes = end;
  }
  return kept.slice(0, bytes);
}
