/**
 * A list from an `http(s)://` URL, as a stream of bounded size and time. Where the connection breaks it goes on at the byte
 * it had come to, if the server says how to tell that the file is still the same. RFC 9110 #section-13.1.5
 */
import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { OperatingFault, RejectedInput } from '@tidemark/canonical';
import { within } from '../within.ts';
import { INTERNET, type Network } from './addresses.ts';
import type { Raw } from './bytes.ts';
import { get } from './request.ts';

export interface DownloadOptions {
  /** Whether addresses of this machine and its network may be asked. Default: no. */
  readonly allowPrivate?: boolean;
  /** As they come, before any decompression. Default 4 GiB. */
  readonly bytesMax?: number;
  /** For an answer to begin. Default 10 s. */
  readonly connectMs?: number;
  /** Without a byte. Default 30 s. */
  readonly idleMs?: number;
  /** Of waiting for the server, in sum; what the import takes in between does not count. Default one hour. */
  readonly wholeMs?: number;
  /** Before the first time that a broken connection is made again; doubles. Default 1 s. */
  readonly pauseMs?: number;
  readonly network?: Network;
}

const DEFAULTS = {
  allowPrivate: false,
  bytesMax: 4 * 2 ** 30,
  connectMs: 10_000,
  idleMs: 30_000,
  wholeMs: 3_600_000,
  pauseMs: 1000,
  network: INTERNET,
} satisfies Required<DownloadOptions>;

type Settings = Required<DownloadOptions>;

const RESUMED_MAX = 5;

export interface Download extends Raw {
  /** Whether the transfer itself is packed: by `Content-Encoding`. */
  readonly isGzipped: boolean;
}

/**
 * Asks for the list, and returns once the answer has begun.
 * @throws as `get`, RejectedInput `source.format` (an encoding that is not known); from the chunks also RejectedInput
 *   `source.too_large`, OperatingFault `source.slow`, `source.broken`
 */
export async function download(url: URL, options: DownloadOptions): Promise<Download> {
  const settings = { ...DEFAULTS, ...options };
  const answer = await get(url, { 'accept-encoding': 'identity' }, settings);
  const encoding = answer.headers['content-encoding'] ?? 'identity';
  if (!['identity', 'gzip', 'x-gzip'].includes(encoding)) {
    answer.destroy();
    const message = `${url.host} sent it with the encoding ${JSON.stringify(encoding)}`;
    throw new RejectedInput('source.format', message);
  }
  const length = lengthOf(answer);
  if (length !== undefined && length > settings.bytesMax) {
    answer.destroy();
    throw tooLarge(settings);
  }
  return {
    bytesTotal: length,
    isGzipped: encoding !== 'identity',
    chunks: chunksOf(url, answer, settings),
  };
}

/** The body, over as many connections as it takes. */
async function* chunksOf(
  url: URL,
  first: IncomingMessage,
  settings: Settings,
): AsyncGenerator<Buffer> {
  const validator = validatorOf(first);
  const wait = new Wait(settings);
  let answer = first;
  let bytes = 0;
  let tries = 0;
  try {
    for (;;) {
      const body = bodyOf(answer, wait);
      for (let next = await body(); next !== undefined; next = await body()) {
        bytes += next.length;
        if (bytes > settings.bytesMax) throw tooLarge(settings);
        yield next;
      }
      if (answer.complete) return;
      if (validator === undefined || tries === RESUMED_MAX) {
        throw broken(url, bytes, validator === undefined ? undefined : tries);
      }
      ({ answer, tries } = await resume(url, validator, { bytes, tries }, settings));
    }
  } finally {
    answer.destroy();
  }
}

/** Reads one answer. The function gives the next chunk, or undefined where it ends or breaks: see `complete`. */
function bodyOf(answer: IncomingMessage, wait: Wait): () => Promise<Buffer | undefined> {
  const chunks = answer[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  return async () => {
    const next = chunks.next().catch((error: unknown) => {
      // A connection that breaks is what this file is for; everything else is a defect.
      if (!(error instanceof Error && 'code' in error)) throw error;
      return { done: true, value: undefined } as const;
    });
    const { done, value } = await wait.for(next, () => answer.destroy());
    return done === true ? undefined : value;
  };
}

/** Time limits of waiting: each time, and in sum. */
class Wait {
  private readonly idleMs: number;
  private readonly wholeMs: number;
  private waitedMs = 0;

  constructor({ idleMs, wholeMs }: Settings) {
    this.idleMs = idleMs;
    this.wholeMs = wholeMs;
  }

  /** @param giveUp ends what is waited for @throws OperatingFault `source.slow` */
  async for<T>(result: Promise<T>, giveUp: () => unknown): Promise<T> {
    const left = this.wholeMs - this.waitedMs;
    const ms = Math.max(0, Math.min(this.idleMs, left));
    const what = ms < this.idleMs ? `took more than ${this.wholeMs}` : `sent nothing for ${ms}`;
    const late = (): Error => new OperatingFault('source.slow', `the server ${what} ms`);
    const started = performance.now();
    try {
      return await within(ms, result, late, giveUp);
    } finally {
      this.waitedMs += performance.now() - started;
    }
  }
}

/** What tells this version of the file from others; undefined where nothing does, or no ranges are served. */
function validatorOf({ headers }: IncomingMessage): string | undefined {
  if (headers['accept-ranges'] === 'none') return undefined;
  const { etag } = headers;
  return etag !== undefined && !etag.startsWith('W/') ? etag : headers['last-modified'];
}

interface Progress {
  /** Had already. */
  readonly bytes: number;
  /** To go on, so far. */
  readonly tries: number;
}

/**
 * Goes on at the byte it had come to. A server that is away for a moment is asked again.
 * @throws OperatingFault `source.broken` where what follows is not the rest of the same file; after the last
 *   try as `get`
 */
async function resume(
  url: URL,
  validator: string,
  { bytes, tries: before }: Progress,
  settings: Settings,
): Promise<{ answer: IncomingMessage; tries: number }> {
  const range = { range: `bytes=${bytes}-`, 'if-range': validator };
  for (let tries = before + 1; ; tries++) {
    await delay(settings.pauseMs * 2 ** (tries - 1));
    try {
      const answer = await get(url, { 'accept-encoding': 'identity', ...range }, settings);
      const from = /^bytes (\d+)-/.exec(answer.headers['content-range'] ?? '')?.[1];
      const isSame = validatorOf(answer) === validator;
      if (answer.statusCode === 206 && Number(from) === bytes && isSame) return { answer, tries };
      answer.destroy();
    } catch (error) {
      if (!(error instanceof OperatingFault) || tries === RESUMED_MAX) throw error;
      continue;
    }
    throw broken(url, bytes, undefined);
  }
}

function lengthOf({ headers }: IncomingMessage): number | undefined {
  const length = headers['content-length'];
  return length === undefined ? undefined : Number(length);
}

function tooLarge({ bytesMax }: Settings): RejectedInput {
  return new RejectedInput('source.too_large', `longer than ${bytesMax} bytes: split it`);
}

function broken(url: URL, bytes: number, tries: number | undefined): OperatingFault {
  const why =
    tries === undefined
      ? 'the server offers no way to go on with the same file'
      : `it was tried ${tries} times to go on`;
  return new OperatingFault(
    'source.broken',
    `the connection to ${url.host} broke after ${bytes} bytes, and ${why}; repeating the command is harmless`,
  );
}
