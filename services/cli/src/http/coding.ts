/** How answers are compressed, by RFC 9110: the coding that a client likes best. */
import { promisify } from 'node:util';
import { gzip, zstdCompress } from 'node:zlib';
import type { MiddlewareHandler } from 'hono';
import { parseAccept } from 'hono/utils/accept';

/** Less than this comes in one packet anyway. */
export const COMPRESSED_BYTES_MIN = 1024;

/** In order of preference where a client likes them as much. */
const CODINGS = ['zstd', 'gzip'] as const;
export type Coding = (typeof CODINGS)[number];

const COMPRESS: { readonly [coding in Coding]: (bytes: Uint8Array) => Promise<Uint8Array> } = {
  zstd: promisify(zstdCompress),
  gzip: promisify(gzip),
};

export async function compress(coding: Coding, bytes: Uint8Array): Promise<Uint8Array> {
  return COMPRESS[coding](bytes);
}

/** The coding a client likes best of those that it accepts, undefined for the file as it is. */
export function codingFor(acceptEncoding: string | undefined): Coding | undefined {
  if (acceptEncoding === undefined) return undefined;
  const accepted = parseAccept(acceptEncoding.toLowerCase());
  const qualityOf = (coding: string): number | undefined =>
    accepted.find(({ type }) => type === coding)?.q;
  const anything = qualityOf('*') ?? 0;
  const asItIs = qualityOf('identity') ?? 0;
  const [best] = CODINGS.map((coding) => ({ coding, q: qualityOf(coding) ?? anything }))
    .filter(({ q }) => q > 0 && q >= asItIs)
    .toSorted((a, b) => b.q - a.q);
  return best?.coding;
}

/**
 * Compresses JSON that is made for one request. An entity tag has to be made behind this: of the bytes that leave.
 */
export const compressedJson: MiddlewareHandler = async (context, next) => {
  await next();
  const { res } = context;
  if (!JSON_TYPE.test(res.headers.get('content-type') ?? '')) return;
  res.headers.append('vary', 'Accept-Encoding');
  const coding = codingFor(context.req.header('accept-encoding'));
  if (coding === undefined) return;
  const bytes = new Uint8Array(await res.arrayBuffer());
  const isWorth = bytes.length >= COMPRESSED_BYTES_MIN;
  if (isWorth) res.headers.set('content-encoding', coding);
  const body = isWorth ? await compress(coding, bytes) : bytes;
  context.res = new Response(body as BodyInit, { status: res.status, headers: res.headers });
};

const JSON_TYPE = /^application\/(?:problem\+)?json\b/;
