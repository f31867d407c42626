/**
 * Files as answers, by RFC 9110: entity tags, 304, compression, HEAD, and how long they may be kept.
 *
 * A file and its compressed forms are different bytes, so each has a strong tag of its own.
 */
import { sha256HexNative } from '@tidemark/canonical/native';
import type { Context } from 'hono';
import { codingFor, compress, COMPRESSED_BYTES_MIN, type Coding } from './coding.ts';
import { problem } from './problem.ts';

/** For what has a version or a hash in its name. */
export const FOR_EVER = 'public, max-age=31536000, immutable';
/** For what is replaced by every snapshot. */
export const FOR_SECONDS = 'public, max-age=1';

export interface FileKind {
  readonly type: string;
  readonly cacheControl: typeof FOR_EVER | typeof FOR_SECONDS;
}

/** Compressed files kept in memory; snapshot.json with 65,536 bins is 4 MB of it. */
const KEPT_BYTES_MAX = 32 << 20;

/** Answers with files; keeps what it has compressed of late, so that one file is compressed once for all. */
export class FileAnswers {
  private readonly kept = new Map<string, Promise<Uint8Array>>();
  private readonly keptBytesMax: number;
  private keptBytes = 0;

  constructor(keptBytesMax = KEPT_BYTES_MAX) {
    this.keptBytesMax = keptBytesMax;
  }

  /** Answers with a file, or with 404 where there is none. */
  async file(
    context: Context,
    bytes: Uint8Array | undefined,
    { type, cacheControl }: FileKind,
  ): Promise<Response> {
    if (bytes === undefined) return absent(context);
    const digest = sha256HexNative(bytes).slice(0, 32);
    const coding =
      bytes.length < COMPRESSED_BYTES_MIN
        ? undefined
        : codingFor(context.req.header('accept-encoding'));
    const etag = coding === undefined ? `"${digest}"` : `"${digest}-${coding}"`;
    const headers: Record<string, string> = {
      'cache-control': cacheControl,
      etag,
      vary: 'Accept-Encoding',
    };
    if (isKnown(context.req.header('if-none-match'), etag)) {
      return new Response(null, { status: 304, headers });
    }
    const body = coding === undefined ? bytes : await this.compressed(coding, digest, bytes);
    headers['content-type'] = type;
    headers['content-length'] = String(body.length);
    if (coding !== undefined) headers['content-encoding'] = coding;
    return new Response(body as BodyInit, { headers });
  }

  private async compressed(coding: Coding, digest: string, bytes: Uint8Array): Promise<Uint8Array> {
    const key = `${digest}-${coding}`;
    const known = this.kept.get(key);
    if (known !== undefined) {
      this.kept.delete(key);
      this.kept.set(key, known);
      return known;
    }
    const made = compress(coding, bytes);
    this.kept.set(key, made);
    this.keptBytes += (await made).length;
    for (const [oldest, file] of this.kept) {
      if (this.keptBytes <= this.keptBytesMax) break;
      this.kept.delete(oldest);
      this.keptBytes -= (await file).length;
    }
    return made;
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
