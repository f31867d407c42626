/** A request's body, whole, within bounds of size and time. */
import { RejectedInput } from '@tidemark/canonical';
import type { Context } from 'hono';

/**
 * @throws RejectedInput `http.too_large`, `http.slow`, `http.encoding` for a compressed one: what it
 *   would come to is known too late
 */
export async function bodyOf(
  context: Context,
  bytesMax: number,
  msMax: number,
): Promise<Uint8Array> {
  const encoding = context.req.header('content-encoding') ?? 'identity';
  if (encoding !== 'identity') {
    throw new RejectedInput('http.encoding', `send it as it is, not as ${encoding}`);
  }
  const { body } = context.req.raw;
  if (Number(context.req.header('content-length') ?? 0) > bytesMax) throw tooLarge(bytesMax);
  if (body === null) return new Uint8Array();
  const deadline = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    deadline.reject(
      new RejectedInput('http.slow', `it took more than ${msMax / 1000} s to arrive`),
    );
  }, msMax);
  deadline.promise.catch(() => undefined);
  const reader = body.getReader();
  try {
    return await whole(reader, bytesMax, deadline.promise);
  } catch (error) {
    // The rest is not worth reading.
    void reader.cancel().catch(() => undefined);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function whole(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  bytesMax: number,
  late: Promise<never>,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await Promise.race([reader.read(), late]);
    if (done) return Buffer.concat(parts);
    length += value.length;
    if (length > bytesMax) throw tooLarge(bytesMax);
    parts.push(value);
  }
}

function tooLarge(bytesMax: number): RejectedInput {
  return new RejectedInput('http.too_large', `more than ${bytesMax} bytes; send it in parts`);
}
