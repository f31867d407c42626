/** A request's body as it arrives, within bounds of size and time. */
import { RejectedInput } from '@tidemark/canonical';
import type { Context } from 'hono';
import { within } from '../within.ts';

export interface BodyLimits {
  /** Of one request. */
  readonly bodyBytesMax: number;
  /** For the whole body to arrive; what the server does meanwhile does not count. */
  readonly bodyMsMax: number;
  /** Without a byte. */
  readonly silenceMsMax: number;
  /** Where bodies are while they arrive, together with those of other requests. */
  readonly memory?: BodyMemory;
}

/** Bounds what all bodies that are arriving take together: each alone may be within its limits. */
export class BodyMemory {
  private readonly bytesMax: number;
  private bytes = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** @throws RejectedInput `http.bodies` where there is no room; nothing is taken then */
  take(bytes: number): void {
    if (this.bytes + bytes > this.bytesMax) {
      throw new RejectedInput('http.bodies', 'too much is being sent at once; come again later');
    }
    this.bytes += bytes;
  }

  giveBack(bytes: number): void {
    this.bytes -= bytes;
  }
}

/**
 * @throws RejectedInput `http.too_large`, `http.slow`, `http.bodies`, `http.encoding` for a compressed one:
 *   what it would come to is known too late
 */
export async function* chunksOf(context: Context, limits: BodyLimits): AsyncGenerator<Buffer> {
  const { bodyBytesMax, bodyMsMax, silenceMsMax, memory } = limits;
  demandPlain(context.req.header('content-encoding'), 'identity');
  demandPlain(context.req.header('transfer-encoding'), 'chunked');
  const { body } = context.req.raw;
  if (Number(context.req.header('content-length') ?? 0) > bodyBytesMax)
    throw tooLarge(bodyBytesMax);
  if (body === null) return;
  const reader = body.getReader();
  let bytes = 0;
  let taken = 0;
  let waitedMs = 0;
  try {
    for (;;) {
      const started = performance.now();
      const rest = Math.min(silenceMsMax, bodyMsMax - waitedMs);
      const chunk = await within(rest, reader.read(), () => tooSlow(limits));
      if (chunk.value === undefined) return;
      waitedMs += performance.now() - started;
      bytes += chunk.value.length;
      if (bytes > bodyBytesMax) throw tooLarge(bodyBytesMax);
      memory?.take(chunk.value.length);
      taken = bytes;
      yield Buffer.from(chunk.value.buffer, chunk.value.byteOffset, chunk.value.length);
    }
  } finally {
    memory?.giveBack(taken);
    // Where it is not read to its end, the rest is not worth reading.
    void reader.cancel().catch(() => undefined);
  }
}

/** The body as a whole. @throws RejectedInput as {@link chunksOf} */
export async function bodyOf(context: Context, limits: BodyLimits): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of chunksOf(context, limits)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function demandPlain(coding: string | undefined, plain: string): void {
  if (coding === undefined || coding.toLowerCase() === plain) return;
  throw new RejectedInput('http.encoding', `send it as it is, not as ${coding}`);
}

function tooSlow({ bodyMsMax, silenceMsMax }: BodyLimits): RejectedInput {
  const limits = `${bodyMsMax / 1000} s in all, ${silenceMsMax / 1000} s without a byte`;
  return new RejectedInput('http.slow', `it took longer to arrive than ${limits}`);
}

function tooLarge(bytesMax: number): RejectedInput {
  return new RejectedInput('http.too_large', `more than ${bytesMax} bytes; send it in parts`);
}
