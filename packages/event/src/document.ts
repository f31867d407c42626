/**
 * TUF files signed elsewhere: roots and offline roles. Their authority is TUF's own, so the records are unsigned.
 *
 *   root  {type, v, document}                                 a root.json
 *   role  {type, v, role, document}                           an offline-signed role
 *   part  {type, v, kind: "root"|"role", role?, sha256, i, k, data}   piece i of k of a document too long for one record
 */

import { fromUtf8, RejectedInput, recordText, sha256Hex, utf8 } from '@tidemark/canonical';
import { z } from 'zod';
import { count, hex32Bytes, positive, recordBytesMax, roleName } from './shape.ts';

export interface RootSigned {
  readonly type: 'root';
  readonly v: 1;
  /** The file's text, exactly as published. */
  readonly document: string;
}

export interface RoleSigned {
  readonly type: 'role';
  readonly v: 1;
  readonly role: string;
  /** The file's text, exactly as published. */
  readonly document: string;
}

/** Effective with the last piece to arrive. */
export interface PartSigned {
  readonly type: 'part';
  readonly v: 1;
  readonly kind: 'root' | 'role';
  /** The role's name; absent for a root. */
  readonly role?: string;
  /** SHA-256 of the whole document. */
  readonly sha256: string;
  /** 0 ≤ i < k. */
  readonly i: number;
  readonly k: number;
  readonly data: string;
}

/** Which file a document is. */
export type DocumentName =
  | { readonly kind: 'root' }
  | { readonly kind: 'role'; readonly role: string };

export const documentBytesMax = 16 * 1024 * 1024;
const partsMax = 1_024;

/**
 * The records that carry a document: one `root` or `role` where it fits, else its parts in order.
 * @param document bytes of a UTF-8 file, at most {@link documentBytesMax}
 * @throws RejectedInput `bytes.utf8`, `part.too_large`
 */
export function splitDocument(
  name: DocumentName,
  document: Uint8Array,
): readonly (RootSigned | RoleSigned | PartSigned)[] {
  if (document.length > documentBytesMax) throw tooLarge();
  const text = fromUtf8(document);
  const whole: RootSigned | RoleSigned =
    name.kind === 'root'
      ? { type: 'root', v: 1, document: text }
      : { type: 'role', v: 1, role: name.role, document: text };
  if (encodedBytes(text) <= dataBytesMax) return [whole];
  const pieces = split(text);
  const sha256 = sha256Hex(document);
  return pieces.map((data, i) => ({
    type: 'part',
    v: 1,
    ...name,
    sha256,
    i,
    k: pieces.length,
    data,
  }));
}

export function tooLarge(): RejectedInput {
  return new RejectedInput('part.too_large', `a document of more than ${documentBytesMax} bytes`);
}

/** What a record holds besides its text: names, hash, numbers, empty list of signatures. */
const frameBytesMax = 512;
const dataBytesMax = recordBytesMax - frameBytesMax;

/** Cuts a text where its encoding would pass the limit; never inside a character. */
function split(text: string): string[] {
  const pieces: string[] = [];
  let start = 0;
  while (start < text.length) {
    let end = Math.min(text.length, start + dataBytesMax);
    // Escapes take up to six bytes a unit: shrink until it fits.
    for (;;) {
      if (isHighSurrogate(text.charCodeAt(end - 1))) end--;
      const bytes = encodedBytes(text.slice(start, end));
      if (bytes <= dataBytesMax) break;
      end = start + Math.floor(((end - start) * dataBytesMax) / bytes);
    }
    pieces.push(text.slice(start, end));
    start = end;
  }
  return pieces;
}

function encodedBytes(text: string): number {
  return utf8(recordText(text)).length;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

const text = z.string().min(1);

export const rootSchema: z.ZodType<RootSigned> = z.strictObject({
  type: z.literal('root'),
  v: z.literal(1),
  document: text,
});

export const roleSchema: z.ZodType<RoleSigned> = z.strictObject({
  type: z.literal('role'),
  v: z.literal(1),
  role: roleName,
  document: text,
});

export const partSchema: z.ZodType<PartSigned> = z
  .strictObject({
    type: z.literal('part'),
    v: z.literal(1),
    kind: z.enum(['root', 'role']),
    role: roleName.exactOptional(),
    sha256: hex32Bytes,
    i: count,
    k: positive.max(partsMax),
    data: text,
  })
  .refine(({ kind, role }) => (kind === 'role') === (role !== undefined), {
    message: 'a role has a name, a root has none',
  })
  .refine(({ i, k }) => i < k, { message: 'i < k' });
