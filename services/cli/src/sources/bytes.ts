/** Where bytes come from: a file or a stream, counted, and looked at before they are read. */
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';

import { OperatingFault } from '@tidemark/canonical';

const CHUNK_BYTES = 64 * 1024;
const SNIFF_BYTES = 4096;

/** A source's bytes, as they lie or come. */
export interface Raw {
  readonly chunks: AsyncGenerator<Buffer>;
  readonly bytesTotal: number | undefined;
}

/** @throws OperatingFault `source.read` */
export async function fromFile(file: string): Promise<Raw> {
  try {
    const handle = await open(file);
    const stats = await handle.stat();
    const stream = handle.createReadStream({ highWaterMark: CHUNK_BYTES });
    return { ...fromStream(stream), bytesTotal: stats.isFile() ? stats.size : undefined };
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** A failure of the stream is thrown where its bytes are read: OperatingFault `source.read`. */
export function fromStream(stream: Readable): Raw {
  const chunks = async function* (): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of stream as AsyncIterable<Buffer | string>) {
        yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      }
    } catch (error) {
      throw unreadable('the source', error);
    }
  };
  return { chunks: chunks(), bytesTotal: undefined };
}

/** What the disk, or a stream, said, as a fault; one that is a fault already stays itself. */
export function unreadable(file: string, error: unknown): OperatingFault {
  if (error instanceof OperatingFault) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new OperatingFault('source.read', `cannot read ${file}: ${text}`, { cause: error });
}

/** Passes the chunks on, and counts their bytes. */
export async function* counted(
  chunks: AsyncIterable<Buffer>,
  count: { bytes: number },
): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    count.bytes += chunk.length;
    yield chunk;
  }
}

export interface Peeked {
  /** The first bytes, up to some thousands: fewer only if there are no more. */
  readonly head: Buffer;
  /** All bytes, those too. */
  readonly chunks: AsyncGenerator<Buffer>;
  /** What ended the looking, if it was that; `chunks` will come to it too. */
  readonly failure: unknown;
  /** Closes what is read from, for when `chunks` is not iterated: a generator that was never started has nothing to clean up. */
  close(): Promise<unknown>;
}

/** Looks at the first bytes without taking them. @throws as the chunks, where they fail before the first byte */
export async function peek(chunks: AsyncGenerator<Buffer>): Promise<Peeked> {
  const first: Buffer[] = [];
  let bytes = 0;
  let failure: unknown;
  try {
    while (bytes < SNIFF_BYTES) {
      const { value, done } = await chunks.next();
      if (done === true) break;
      first.push(value);
      bytes += value.length;
    }
  } catch (error) {
    if (bytes === 0) throw error;
    failure = error; // comes after the bytes before it
  }
  const close = (): Promise<unknown> => chunks.return(undefined);
  const all = async function* (): AsyncGenerator<Buffer> {
    try {
      yield* first.splice(0);
      if (failure !== undefined) throw failure;
      yield* chunks;
    } finally {
      await close();
    }
  };
  return { head: Buffer.concat(first).subarray(0, SNIFF_BYTES), chunks: all(), failure, close };
}
