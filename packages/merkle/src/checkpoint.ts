/**
 * C2SP checkpoints: the signed head of the snapshot log. https://c2sp.org/tlog-checkpoint@v1.0.0
 *
 *     text = origin "\n" size in decimal "\n" base64(root) "\n"
 *
 * signed as a note ({@link file://./note.ts}) whose first signature is the log's, under its origin as the key's
 * name. No extension lines: witnesses refuse them, so we neither write nor read any.
 */

import { RejectedInput, utf8 } from '@tidemark/canonical';
import { fromBase64, toBase64 } from './base64.ts';
import { formatNote, noteSignature, parseNote, verifyNote } from './note.ts';
import type { VerifierKey, VerifyEd25519 } from './note.ts';

export interface Checkpoint {
  /** which log; never changes */
  readonly origin: string;
  /** leaves */
  readonly size: number;
  /** 32 bytes */
  readonly root: Uint8Array;
}

/**
 * What the log's key signs: the UTF-8 bytes of this text.
 * @throws RejectedInput `checkpoint.origin`, `checkpoint.size`, `checkpoint.root`
 */
export function checkpointText(checkpoint: Checkpoint): string {
  const { origin, size, root } = checkpoint;
  if (!isOrigin(origin)) throw new RejectedInput('checkpoint.origin', 'not an origin');
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new RejectedInput('checkpoint.size', 'not a size');
  }
  if (root.length !== 32) throw new RejectedInput('checkpoint.root', 'a root has 32 bytes');
  return `${origin}\n${size}\n${toBase64(root)}\n`;
}

/** @throws RejectedInput `checkpoint.lines`, `checkpoint.origin`, `checkpoint.size`, `checkpoint.root` */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin, sizeText, rootText, end, ...rest] = text.split('\n');
  if (origin === undefined || sizeText === undefined || rootText === undefined) {
    throw new RejectedInput('checkpoint.lines', 'too few lines');
  }
  if (end !== '' || rest.length > 0) {
    throw new RejectedInput('checkpoint.lines', 'extension lines, or no newline at the end');
  }
  if (!isOrigin(origin)) throw new RejectedInput('checkpoint.origin', 'not an origin');
  const size = Number(sizeText);
  if (!/^(0|[1-9][0-9]{0,15})$/.test(sizeText) || !Number.isSafeInteger(size)) {
    throw new RejectedInput('checkpoint.size', 'not a size');
  }
  const root = fromBase64(rootText);
  if (root?.length !== 32) throw new RejectedInput('checkpoint.root', 'not a root');
  return { origin, size, root };
}

/**
 * The checkpoint as it is published.
 * @param publicKey the log's: 64 hex digits
 * @param signature the log's, over {@link checkpointText}: 64 bytes
 */
export function checkpointNote(
  checkpoint: Checkpoint,
  publicKey: string,
  signature: Uint8Array,
): Uint8Array {
  const text = checkpointText(checkpoint);
  return formatNote({
    text,
    signatures: [noteSignature(checkpoint.origin, publicKey, signature)],
  });
}

/**
 * Reads and verifies a published checkpoint.
 * @param key the log's; its name is the origin expected
 * @throws RejectedInput `note.*`, `checkpoint.*`; `checkpoint.origin` for another log's
 */
export function openCheckpoint(
  bytes: Uint8Array,
  key: VerifierKey,
  verify?: VerifyEd25519,
): Checkpoint {
  const note = parseNote(bytes);
  verifyNote(note, [key], verify);
  const checkpoint = parseCheckpoint(note.text);
  if (checkpoint.origin !== key.name) {
    throw new RejectedInput('checkpoint.origin', `this is the log ${checkpoint.origin}`);
  }
  return checkpoint;
}

/** Stricter than the specification, which only recommends it: an origin is a key's name as well. */
function isOrigin(origin: string): boolean {
  return /^[^\s\p{White_Space}+\p{Cc}]+$/u.test(origin) && utf8(origin).length <= originBytesMax;
}

const originBytesMax = 256;
