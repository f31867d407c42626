/** All records: one union, one encoder, one decoder. What the decoder refuses, every reader of the log ignores. */

import {
  fromUtf8,
  isObject,
  readJson,
  recordText,
  RejectedInput,
  toHex,
  utf8,
} from '@tidemark/canonical';
import type { Json, JsonObject } from '@tidemark/canonical';
import type { Signer } from '@tidemark/canonical/native';
import { z } from 'zod';
import { isBatch, isBatchText, textOfBatch } from './batch.ts';
import type { BatchSigned } from './batch.ts';
import { cutSchema, sealedSchema, voidSchema } from './cut.ts';
import type { CutSigned, SealedSigned, VoidSigned } from './cut.ts';
import { partSchema, roleSchema, rootSchema } from './document.ts';
import type { PartSigned, RoleSigned, RootSigned } from './document.ts';
import { frameText, signaturesMax, signedSlice } from './frame.ts';
import type { Signature } from './frame.ts';
import { genesisSchema, policyRecordSchema, servicesRecordSchema } from './genesis.ts';
import type { GenesisSigned, PolicySigned, ServicesSigned } from './genesis.ts';
import { keyIdOfPublic } from './keys.ts';
import { recordBytesMax } from './shape.ts';
import { indexSchema, outcomesSchema, rolesSchema, subtreeSchema } from './subtree.ts';
import type { IndexSigned, OutcomesSigned, RolesSigned, SubtreeSigned } from './subtree.ts';

/** What a record says, by its `type`. */
export type Signed =
  | GenesisSigned
  | BatchSigned
  | CutSigned
  | VoidSigned
  | SealedSigned
  | RootSigned
  | RoleSigned
  | PartSigned
  | ServicesSigned
  | PolicySigned
  | RolesSigned
  | OutcomesSigned
  | IndexSigned
  | SubtreeSigned;

/** A decoded record. Its signatures are well-formed, not verified. */
export interface LogRecord<S extends Signed = Signed> {
  readonly signatures: readonly Signature[];
  readonly signed: S;
  /** The bytes that the signatures cover: a view into the record's. */
  readonly signedBytes: Uint8Array;
}

/** How a type's `signed` of an older version becomes one of the next: by `<type> <version>`, for example `cut 1`. */
export type Upcasts = ReadonlyMap<string, (signed: JsonObject) => JsonObject>;

/**
 * A record's bytes.
 * @param signatures over `recordText(signed)`; none for a record that carries its own authority
 * @throws RejectedInput `record.too_large`
 */
export function encodeRecord(signed: Signed, signatures: readonly Signature[] = []): Uint8Array {
  return framed(recordText(signed as unknown as Json), signatures);
}

/**
 * A record's bytes, signed; the signatures are in order of key id.
 * @throws RejectedInput `record.too_large`
 */
export function signRecord(signed: Signed, signers: readonly Signer[]): Uint8Array {
  const text = recordText(signed as unknown as Json);
  const message = utf8(text);
  const signatures = signers
    .map((signer) => ({
      keyid: keyIdOfPublic(signer.publicKey),
      sig: toHex(signer.sign(message)),
    }))
    .sort((a, b) => (a.keyid < b.keyid ? -1 : 1));
  return framed(text, signatures);
}

/**
 * Reads a record: canonical, complete, every field in its range.
 * @param upcasts for tests; otherwise those of this build
 * @throws RejectedInput `record.too_large`, `record.syntax`, `record.not_canonical`, `record.type`,
 *   `record.version` (newer than this build knows), `record.shape`
 */
export function decodeRecord(bytes: Uint8Array, upcasts: Upcasts = UPCASTS): LogRecord {
  if (bytes.length > recordBytesMax) {
    throw new RejectedInput('record.too_large', `more than ${recordBytesMax} bytes`);
  }
  const text = textOf(bytes);
  const { signatures, signed } = envelopeOf(text);
  const isNewBatch = signed['type'] === 'batch' && signed['v'] === 1;
  const content = isNewBatch
    ? batchOf(signed, signatures, text)
    : recordOf(signed, signatures, text, upcasts);
  return { signatures, signed: content, signedBytes: signedSlice(bytes) };
}

/**
 * As {@link decodeRecord}, for a record that has to be a batch.
 * @throws RejectedInput `record.type` if it is another, and as {@link decodeRecord}
 */
export function decodeBatch(bytes: Uint8Array): LogRecord<BatchSigned> {
  const record = decodeRecord(bytes);
  if (!isBatchRecord(record)) throw new RejectedInput('record.type', 'not a batch');
  return record;
}

/** The schema of each type in its newest version, which all have at 1; batches are read by hand. */
const SCHEMAS = new Map<string, z.ZodType<Signed>>([
  ['genesis', genesisSchema],
  ['cut', cutSchema],
  ['void', voidSchema],
  ['sealed', sealedSchema],
  ['root', rootSchema],
  ['role', roleSchema],
  ['part', partSchema],
  ['services', servicesRecordSchema],
  ['policy', policyRecordSchema],
  ['roles', rolesSchema],
  ['outcomes', outcomesSchema],
  ['index', indexSchema],
  ['subtree', subtreeSchema],
]);
const newestVersion = 1;

/** No type has had an older version yet. */
const UPCASTS: Upcasts = new Map();

function framed(signed: string, signatures: readonly Signature[]): Uint8Array {
  const bytes = utf8(frameText(signatures, signed));
  if (bytes.length > recordBytesMax || signatures.length > signaturesMax) {
    throw new RejectedInput('record.too_large', `a record of ${bytes.length} bytes`);
  }
  return bytes;
}

function textOf(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes);
  } catch (cause) {
    throw new RejectedInput('record.syntax', 'not UTF-8', { cause });
  }
}

/** The two parts of a record; that there is nothing else in it shows when it is encoded again. */
function envelopeOf(text: string): { signatures: readonly Signature[]; signed: JsonObject } {
  let parsed: Json;
  try {
    parsed = readJson(text);
  } catch (cause) {
    throw new RejectedInput('record.syntax', 'not JSON', { cause });
  }
  if (!isObject(parsed)) throw new RejectedInput('record.shape', 'not an object');
  const { signatures, signed } = parsed;
  if (!isObject(signed) || !isSignatures(signatures)) {
    throw new RejectedInput('record.shape', 'a record is {"signatures": […], "signed": {…}}');
  }
  return { signatures, signed };
}

function batchOf(signed: JsonObject, signatures: readonly Signature[], text: string): BatchSigned {
  const before = frameText(signatures, '').slice(0, -1);
  if (text.startsWith(before) && isBatchText(text, before.length, signed)) return signed;
  if (!isBatch(signed)) throw badBatch();
  throw notCanonical();
}

function recordOf(
  signed: JsonObject,
  signatures: readonly Signature[],
  text: string,
  upcasts: Upcasts,
): Signed {
  const newest = upcast(signed, upcasts);
  if (frameText(signatures, textOfJson(signed)) !== text) throw notCanonical();
  const { type } = newest;
  if (type === 'batch') {
    if (!isBatch(newest) || textOfBatch(newest) !== textOfJson(newest)) throw badBatch();
    return newest;
  }
  const parsed = SCHEMAS.get(type as string)?.safeParse(newest);
  if (parsed === undefined) throw new RejectedInput('record.type', 'unknown type');
  if (parsed.success) return parsed.data;
  const reason = z.prettifyError(parsed.error);
  throw new RejectedInput('record.shape', `${type as string}: ${reason}`, { cause: parsed.error });
}

function badBatch(): RejectedInput {
  return new RejectedInput('record.shape', 'batch: a field is missing, wrong or unknown');
}

/** Takes what is signed to the newest version of its type. */
function upcast(signed: JsonObject, upcasts: Upcasts): JsonObject {
  const { type, v } = signed;
  if (typeof type !== 'string' || (type !== 'batch' && !SCHEMAS.has(type))) {
    throw new RejectedInput('record.type', 'unknown type');
  }
  if (typeof v !== 'number') throw new RejectedInput('record.shape', 'no version');
  let newest = signed;
  for (let version = v; version !== newestVersion; version++) {
    const step = version < newestVersion ? upcasts.get(`${type} ${version}`) : undefined;
    if (step === undefined) {
      throw new RejectedInput('record.version', `${type}: unknown version ${v}`);
    }
    newest = step(newest);
  }
  return newest;
}

function textOfJson(signed: JsonObject): string {
  try {
    return recordText(signed);
  } catch (cause) {
    if (cause instanceof RejectedInput) throw notCanonical(cause);
    throw cause;
  }
}

function notCanonical(cause?: RejectedInput): RejectedInput {
  return new RejectedInput('record.not_canonical', 'not the canonical encoding', { cause });
}

function isSignatures(value: Json | undefined): value is readonly (Signature & JsonObject)[] {
  if (!Array.isArray(value) || value.length > signaturesMax) return false;
  return value.every((item: Json) => {
    if (!isObject(item)) return false;
    const { keyid, sig } = item;
    return (
      typeof keyid === 'string' && KEYID.test(keyid) && typeof sig === 'string' && SIG.test(sig)
    );
  });
}

const KEYID = /^[0-9a-f]{64}$/;
const SIG = /^[0-9a-f]{128}$/;

function isBatchRecord(record: LogRecord): record is LogRecord<BatchSigned> {
  return record.signed.type === 'batch';
}
