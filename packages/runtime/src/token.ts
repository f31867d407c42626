/**
 * Bearer tokens: who may upload below which paths, read, administer.
 *
 *     tdm_<id, 16 hex>_<secret, 43 base64url>
 *
 * What is kept is the SHA-256 of the secret: 256 random bits need no slow hash, and whoever reads the
 * file cannot upload with it. A token that was revoked is kept nowhere, so it is as unknown as one that
 * never was.
 */
import { OperatingFault, parseJson, RejectedInput, toHex, utf8 } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import { z } from 'zod';

const ID_BYTES = 8;
const SECRET_BYTES = 32;
const TOKEN = /^tdm_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

const recordSchema = z.strictObject({
  v: z.literal(1),
  id: z.string().regex(/^[0-9a-f]{16}$/),
  /** Goes into the batches of events that are uploaded with it. */
  subject: z.string().regex(/^[A-Za-z0-9._@:/-]{1,64}$/),
  /** Path prefixes of whole segments; `""` is every path. */
  upload: z.array(z.string().max(512)).max(64),
  read: z.boolean(),
  admin: z.boolean(),
  /** Milliseconds since the epoch. */
  created: z.int().nonnegative(),
  expires: z.int().nonnegative().nullable(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

/** A token as it is kept. */
export type TokenRecord = Readonly<z.infer<typeof recordSchema>>;

/** What a new token may do and until when. */
export type TokenGrant = Pick<TokenRecord, 'subject' | 'upload' | 'read' | 'admin' | 'expires'>;

/**
 * A new token.
 * @returns `text` for its bearer, to be shown once, and `record` to be kept
 * @throws RejectedInput `token.grant`
 */
export function makeToken(
  grant: TokenGrant,
  now: number,
  random: (bytes: number) => Uint8Array,
): { text: string; record: TokenRecord } {
  const id = toHex(random(ID_BYTES));
  const secret = Buffer.from(random(SECRET_BYTES)).toString('base64url');
  const upload = grant.upload.map((prefix) => prefix.replace(/\/+$/, ''));
  const made = { v: 1, ...grant, upload, id, created: now, sha256: sha256HexNative(secret) };
  const record = recordSchema.safeParse(made);
  if (record.success) return { text: `tdm_${id}_${secret}`, record: record.data };
  throw new RejectedInput('token.grant', z.prettifyError(record.error));
}

/** @throws OperatingFault `token.record` for a file that no token was written to */
export function parseTokenRecord(text: string, where: string): TokenRecord {
  try {
    return recordSchema.parse(parseJson(text));
  } catch (cause) {
    throw new OperatingFault('token.record', `${where} is no token; remove it`, { cause });
  }
}

/**
 * The token that an `Authorization` header bears.
 * @param known the record of an id, if there is one
 * @throws RejectedInput `token.absent`, `token.form`, `token.unknown`, `token.expired`
 */
export function tokenOf(
  header: string | undefined,
  known: (id: string) => TokenRecord | undefined,
  now: number,
): TokenRecord {
  if (header === undefined) {
    throw new RejectedInput('token.absent', 'this needs a token: Authorization: Bearer tdm_…');
  }
  const [, id = '', secret = ''] = TOKEN.exec(header.replace(/^bearer +/i, '')) ?? [];
  if (id === '') throw new RejectedInput('token.form', 'Authorization is not Bearer tdm_…');
  const record = known(id);
  // Also where the id is unknown, so that the answer takes as long.
  const isRight = isSame(sha256HexNative(secret), record?.sha256 ?? '0'.repeat(64));
  if (record === undefined || !isRight) {
    throw new RejectedInput('token.unknown', 'no such token; it may have been revoked');
  }
  if (record.expires !== null && record.expires <= now) {
    const since = new Date(record.expires).toISOString();
    throw new RejectedInput('token.expired', `this token expired at ${since}; ask for another`);
  }
  return record;
}

/** Whether a token allows to upload a path: prefixes are whole segments, `a` does not allow `ab`. */
export function mayUpload({ upload }: TokenRecord, path: string): boolean {
  return upload.some((prefix) => prefix === '' || path === prefix || path.startsWith(`${prefix}/`));
}

/** Compares digests in a time that does not tell where they differ. */
function isSame(a: string, b: string): boolean {
  const left = utf8(a);
  const right = utf8(b);
  let difference = left.length ^ right.length;
  for (let i = 0; i < left.length; i++) difference |= left[i]! ^ (right[i] ?? 0);
  return difference === 0;
}
