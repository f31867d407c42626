/**
 * Files as answers, by RFC 9110: entity tags, 304, compression, HEAD, and how long they may be kept.
 *
 * A file and its compressed forms are different bytes, so each has a strong tag of its own.
 */
import type { Context } from 'hono';
import { codingFor, COMPRESSED_BYTES_MIN } from './coding.ts';
import { FileCache, keptFile, type KeptFile } from './fileCache.ts';
import { problem } from './problem.ts';

/** For what has a version or a hash in its name. */
export const FOR_EVER = 'public, max-age=31536000, immutable';
/** For what is replaced by every snapshot. */
export const FOR_SECONDS = 'public, max-age=1';

export interface FileKind {
  readonly type: string;
  readonly cacheControl: typeof FOR_EVER | typeof FOR_SECONDS;
}

/** Answers with files, of which it keeps those that were asked for of late. */
export class FileAnswers {
  private readonly cache: FileCache;

  constructor(keptBytesMax?: number) {
    this.cache = new FileCache(keptBytesMax);
  }

  /** Answers with a file that is at hand, or with 404 where there is none. */
  async file(context: Context, bytes: Uint8Array | undefined, kind: FileKind): Promise<Response> {
    return this.answer(context, bytes && keptFile(bytes), kind);
  }

  /**
   * Answers with a file that is made where it was not asked for of late, or with 404 where there is none.
   * @param name as {@link FileCache.named} has it
   */
  async named(
    context: Context,
    name: string,
    make: () => Promise<Uint8Array | undefined>,
    kind: FileKind,
  ): Promise<Response> {
    return this.answer(context, await this.cache.named(name, make), kind);
  }

  private async answer(
    context: Context,
    file: KeptFile | undefined,
    { type, cacheControl }: FileKind,
  ): Promise<Response> {
    if (file === undefined) return absent(context);
    const coding =
      file.bytes.length < COMPRESSED_BYTES_MIN
        ? undefined
        : codingFor(context.req.header('accept-encoding'));
    const etag = coding === undefined ? `"${file.digest}"` : `"${file.digest}-${coding}"`;
    const headers: Record<string, string> = {
      'cache-control': cacheControl,
      etag,
      vary: 'Accept-Encoding',
    };
    if (isKnown(context.req.header('if-none-match'), etag)) {
      return new Response(null, { status: 304, headers });
    }
    const body = coding === undefined ? file.bytes : await this.cache.compressed(file, coding);
    headers['content-type'] = type;
    headers['content-length'] = String(body.length);
    if (coding !== undefined) headers['content-encoding'] = coding;
    return new Response(body as BodyInit, { headers });
  }
}

/** 404 for what does not exist, and never anything else: other codes break clients that look for the next root. */
export function absent(context: Context): Response {
  return problem(context, 404, 'http.not_found', 'there is nothing here', {
    'cache-control': FOR_SECONDS,
  });
}

/** Whether an `If-None-Match` names this tag: a list of tags, weak or strong, or `*`. */
export function isKnown(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  return [...header.matchAll(/(?:W\/)?("[^"]*")/g)].some(([, tag]) => tag === etag);
}
