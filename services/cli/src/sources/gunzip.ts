/**
 * Decompression in bounded memory, in steps: node's streams, used the obvious way, drop what they have already decompressed when
 * the file turns out to be truncated. So every byte before a truncation comes out; before other damage, all but the last step's.
 */
import { createGunzip } from 'node:zlib';
import type { Gunzip } from 'node:zlib';

import { RejectedInput } from '@tidemark/canonical';

/** Deflate expands at most about a thousandfold, so one step makes at most some 16 MiB. */
const STEP_BYTES = 16 * 1024;

/** Below so many bytes nothing is a bomb, whatever it was packed from: a list may have one long repetitive line. */
const RATIO_BYTES_MIN = 2 ** 20;

export interface GunzipLimits {
  /** Of decompressed bytes. */
  readonly bytesMax: number;
  /** Decompressed bytes for each that was read. */
  readonly ratioMax: number;
}

/**
 * @throws RejectedInput `source.truncated`, `source.gzip` (damaged, or followed by something else), `source.too_large`,
 *   `source.ratio`
 */
export async function* gunzip(
  chunks: AsyncIterable<Buffer>,
  { bytesMax, ratioMax }: GunzipLimits,
): AsyncGenerator<Buffer> {
  const stream = createGunzip();
  const state: State = { output: [], failure: undefined, ended: false };
  stream.on('data', (data: Buffer) => state.output.push(data));
  stream.on('error', (error) => (state.failure = error));
  stream.on('end', () => (state.ended = true));
  let bytes = 0;
  let packedBytes = 0;
  const drain = function* (): Generator<Buffer> {
    for (const data of state.output.splice(0)) {
      bytes += data.length;
      if (bytes > bytesMax) {
        const message = `decompressed, it is longer than ${bytesMax} bytes: split it`;
        throw new RejectedInput('source.too_large', message);
      }
      if (bytes > RATIO_BYTES_MIN && bytes > ratioMax * packedBytes) {
        const message = `decompressed, it is more than ${ratioMax} times as long`;
        throw new RejectedInput('source.ratio', message);
      }
      yield data;
    }
  };
  try {
    for await (const chunk of chunks) {
      for (let from = 0; from < chunk.length; from += STEP_BYTES) {
        const input = chunk.subarray(from, from + STEP_BYTES);
        packedBytes += input.length;
        await step(stream, input);
        yield* drain();
        if (state.failure !== undefined) throw damage(state.failure);
        if (state.ended) {
          throw new RejectedInput(
            'source.gzip',
            'something follows after the end of the gzip data',
          );
        }
      }
    }
    await step(stream);
    yield* drain();
    if (state.failure !== undefined) throw damage(state.failure);
  } finally {
    stream.destroy();
  }
}

interface State {
  readonly output: Buffer[];
  failure: Error | undefined;
  ended: boolean;
}

/** Resolves when `input`, or without it all that is left, has been decompressed or given up on. */
async function step(stream: Gunzip, input?: Buffer): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => resolve();
  // After trailing garbage the stream ends and never calls back.
  for (const event of ['end', 'error', 'close']) stream.once(event, done);
  if (input === undefined) stream.end();
  else stream.write(input, done);
  await promise;
  for (const event of ['end', 'error', 'close']) stream.off(event, done);
}

function damage(error: Error): RejectedInput {
  const truncated = 'code' in error && error.code === 'Z_BUF_ERROR';
  return truncated
    ? new RejectedInput('source.truncated', 'the gzip data stops before its end', { cause: error })
    : new RejectedInput(
        'source.gzip',
        `damaged gzip data (${error.message}): lines read before this one may be wrong, too`,
        {
          cause: error,
        },
      );
}
