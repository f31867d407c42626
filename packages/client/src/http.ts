/** Fetches over HTTP with what Node and browsers have: bounded in silence and in slowness; bytes are for the client to bound. */

import { OperatingFault } from '@tidemark/canonical';
import type { Fetch } from './ports.ts';

export interface HttpOptions {
  /** Longest time without a byte, in milliseconds. */
  readonly silenceMs?: number;
  /** Bytes a second that have to come, on average, from the first silence's length on. */
  readonly bytesPerSecondMin?: number;
}

/** A slow server withholds an update as well as none; so nobody waits for one for ever (slow retrieval attack). */
export function httpFetch({
  silenceMs = 30_000,
  bytesPerSecondMin = 1_000,
}: HttpOptions = {}): Fetch {
  return async (url, question) => {
    const abort = new AbortController();
    const silence = new Silence(abort, silenceMs);
    const fault = (cause: unknown): OperatingFault => {
      silence.end();
      if (cause instanceof OperatingFault) return cause;
      if (abort.signal.aborted) return slow(url, `nothing came for ${silenceMs / 1000} s`, cause);
      return new OperatingFault('client.fetch', `${url}: ${reasonOf(cause)}`, { cause });
    };
    let response: Response;
    try {
      // A browser would answer from what it has: whoever asks what is new must hear it from the server.
      const options = {
        signal: abort.signal,
        cache: 'no-cache',
        ...(question && asking(question)),
      } as const;
      response = await fetch(url, options);
    } catch (cause) {
      const failure = fault(cause);
      // A browser does not say that a server lets no other site ask: whoever then asks for files finds out if it is there.
      if (question !== undefined && failure.code === 'client.fetch') return undefined;
      throw failure;
    }
    silence.end();
    if (!response.ok) {
      // What else it says is not waited for, nor whether it can be told so.
      void response.body?.cancel().catch(() => undefined);
      const isNothing = question === undefined ? NOTHING : NO_ANSWER;
      if (isNothing.has(response.status)) return undefined;
      throw new OperatingFault('client.fetch', `${url}: the server answers ${response.status}`);
    }
    return chunksOf(response, silence, fault, (bytes, ms) => {
      if (ms < silenceMs || bytes * 1000 >= bytesPerSecondMin * ms) return;
      throw slow(url, `fewer than ${bytesPerSecondMin} bytes a second`);
    });
  };
}

const NOTHING: ReadonlySet<number> = new Set([403, 404]);
/** Servers of files know no POST. */
const NO_ANSWER: ReadonlySet<number> = new Set([...NOTHING, 405, 501]);

function asking(question: Uint8Array): RequestInit {
  const headers = { 'content-type': 'application/json' };
  // A copy: bytes of memory that threads share are no body.
  return { method: 'POST', headers, body: question.slice() };
}

async function* chunksOf(
  { body }: Response,
  silence: Silence,
  fault: (cause: unknown) => OperatingFault,
  demandSpeed: (bytes: number, ms: number) => void,
): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader();
  let bytes = 0;
  let waitedMs = 0;
  try {
    for (;;) {
      silence.begin();
      const start = performance.now();
      const chunk = await reader?.read().catch((cause: unknown) => Promise.reject(fault(cause)));
      if (chunk?.value === undefined) return;
      // What the caller takes its time for is not the server's slowness.
      silence.end();
      waitedMs += performance.now() - start;
      bytes += chunk.value.length;
      demandSpeed(bytes, waitedMs);
      yield chunk.value;
    }
  } finally {
    silence.end();
    await reader?.cancel().catch(() => undefined);
  }
}

/** Aborts a request in which nothing has happened for a while. */
class Silence {
  private readonly abort: AbortController;
  private readonly ms: number;
  private timer: ReturnType<typeof setTimeout>;

  constructor(abort: AbortController, ms: number) {
    this.abort = abort;
    this.ms = ms;
    this.timer = setTimeout(() => abort.abort(), ms);
  }

  begin(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.abort.abort(), this.ms);
  }

  end(): void {
    clearTimeout(this.timer);
  }
}

function slow(url: string, how: string, cause?: unknown): OperatingFault {
  return new OperatingFault('client.slow', `${url}: ${how}`, { cause });
}

/** Node says "fetch failed" and the reason in the cause. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? cause.cause.message : cause.message;
}
