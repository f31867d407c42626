/** One HTTP request and its answer, within bounds of size and time: of a socket in a folder, or of another machine. */
import { request as requestHttp, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import { OperatingFault } from '@tidemark/canonical';
import { within } from '../within.ts';

export interface Bounds {
  /** Of the body. */
  readonly bytesMax: number;
  /** For an answer to begin. */
  readonly answerMs: number;
  /** Of the body, without a byte. */
  readonly silenceMs: number;
  /** For the whole body. */
  readonly wholeMs: number;
}

/** Two minutes for an answer: one that waits for a snapshot takes as long as that does. */
export const BOUNDS: Bounds = {
  bytesMax: 64 << 20,
  answerMs: 120_000,
  silenceMs: 30_000,
  wholeMs: 600_000,
};

/**
 * Sends a request, and returns once the answer has begun. Its body has to be read, by `chunksIn`, or destroyed.
 * @param to where, with `protocol`, or `socketPath`
 * @throws what Node throws where there is no connection, or it breaks; OperatingFault `ledger.slow`
 */
export async function send(
  to: RequestOptions,
  body: string | undefined,
  { answerMs }: Pick<Bounds, 'answerMs'>,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const sent = (to.protocol === 'https:' ? requestHttps : requestHttp)(to);
  sent.on('error', reject).once('response', resolve);
  sent.end(body);
  const late = slow(`it did not answer in ${answerMs} ms`);
  return within(answerMs, promise, late, () => sent.destroy());
}

/**
 * The body, as it comes.
 * @throws what Node throws where the connection breaks; OperatingFault `ledger.slow`, `ledger.too_large`
 */
export async function* chunksIn(
  answer: IncomingMessage,
  { bytesMax, silenceMs, wholeMs }: Omit<Bounds, 'answerMs'>,
): AsyncGenerator<Buffer> {
  const chunks = answer[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const started = performance.now();
  let bytes = 0;
  try {
    for (;;) {
      const left = Math.max(0, wholeMs - (performance.now() - started));
      const ms = Math.min(silenceMs, left);
      const why = ms < silenceMs ? `took more than ${wholeMs} ms` : `stopped for ${silenceMs} ms`;
      const late = slow(`its answer ${why}`);
      const next = await within(ms, chunks.next(), late, () => answer.destroy());
      if (next.done === true) return;
      bytes += next.value.length;
      if (bytes > bytesMax) {
        throw new OperatingFault(
          'ledger.too_large',
          `the answer is longer than ${bytesMax} bytes, which is more than it can be`,
        );
      }
      yield next.value;
    }
  } finally {
    answer.destroy();
  }
}

/** The whole body. @throws as `chunksIn` */
export async function bodyOf(answer: IncomingMessage, bounds: Bounds): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of chunksIn(answer, bounds)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function slow(why: string): () => OperatingFault {
  return () => new OperatingFault('ledger.slow', why);
}
