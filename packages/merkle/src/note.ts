/**
 * C2SP signed notes, with Ed25519 keys. https://c2sp.org/signed-note@v1.0.0
 *
 *     note      = text "\n" 1*signature           text ends in "\n"; the last empty line separates
 *     signature = "— " name " " base64(key ID ‖ bytes) "\n"        "—" is U+2014
 *     key ID    = SHA-256(name "\n" 0x01 public key)[:4]
 *     vkey      = name "+" hex(key ID) "+" base64(0x01 ‖ public key)
 *
 * A name is not empty and has neither white space nor "+". A note has no control characters but newline.
 * Malformed input is RejectedInput `note.*` or `vkey.*`.
 */

import {
  RejectedInput,
  concat,
  fromUtf8,
  sha256 as portable,
  toHex,
  utf8,
  fromHex,
  verifyEd25519 as portableVerify,
} from '@tidemark/canonical';
import type { Sha256 } from '@tidemark/canonical';
import { fromBase64, toBase64 } from './base64.ts';

/** One signature line. */
export interface NoteSignature {
  readonly name: string;
  /** 8 hex digits */
  readonly keyId: string;
  /** 64 bytes of Ed25519; of other algorithms, any number */
  readonly signature: Uint8Array;
}

export interface Note {
  /** ends in a newline */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** Whose signature, and with which key, is to be believed. */
export interface VerifierKey {
  readonly name: string;
  /** 8 hex digits */
  readonly keyId: string;
  /** 64 hex digits */
  readonly publicKey: string;
}

/** Browsers pass noble's, servers the native one. */
export type VerifyEd25519 = (
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
) => boolean;

/** The specification asks for at least 16 signatures; post-quantum ones have nearly 5 kB. */
const signaturesMax = 64;
const noteBytesMax = 512 * 1024;

/**
 * Key ID of an Ed25519 key under a name.
 * @param publicKey 64 hex digits
 * @returns 8 hex digits
 * @throws RejectedInput `note.name`
 */
export function keyId(name: string, publicKey: string, sha256: Sha256 = portable): string {
  checkName(name);
  return toHex(
    sha256(concat(utf8(`${name}\n`), ED25519, fromHex(publicKey))).subarray(0, KEY_ID_BYTES),
  );
}

export function encodeVerifierKey(
  name: string,
  publicKey: string,
  sha256: Sha256 = portable,
): string {
  const key = toBase64(concat(ED25519, fromHex(publicKey)));
  return `${name}+${keyId(name, publicKey, sha256)}+${key}`;
}

/** @throws RejectedInput `vkey.syntax`, `vkey.algorithm` (not Ed25519), `vkey.key_id` (does not match the key) */
export function decodeVerifierKey(vkey: string, sha256: Sha256 = portable): VerifierKey {
  const [, name, id, encoded] = /^([^+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(vkey) ?? [];
  const key = encoded === undefined ? undefined : fromBase64(encoded);
  if (name === undefined || id === undefined || key === undefined || !isName(name)) {
    throw new RejectedInput('vkey.syntax', 'not a verifier key');
  }
  if (key[0] !== ED25519[0] || key.length !== 33) {
    throw new RejectedInput('vkey.algorithm', 'not an Ed25519 verifier key');
  }
  const publicKey = toHex(key.subarray(1));
  if (keyId(name, publicKey, sha256) !== id) {
    throw new RejectedInput('vkey.key_id', 'the key ID does not belong to this name and key');
  }
  return { name, keyId: id, publicKey };
}

/** A signature that was made over the bytes of the text, as a line of the note. */
export function noteSignature(
  name: string,
  publicKey: string,
  signature: Uint8Array,
  sha256: Sha256 = portable,
): NoteSignature {
  return { name, keyId: keyId(name, publicKey, sha256), signature };
}

/** @throws RejectedInput `note.text`, `note.name` */
export function formatNote(note: Note): Uint8Array {
  if (!isText(note.text)) throw new RejectedInput('note.text', 'not the text of a note');
  const lines = note.signatures.map(({ name, keyId, signature }) => {
    checkName(name);
    return `${DASH}${name} ${toBase64(concat(fromHex(keyId), signature))}\n`;
  });
  return utf8(`${note.text}\n${lines.join('')}`);
}

/** @throws RejectedInput `note.too_large`, `note.text`, `note.signature_line` */
export function parseNote(bytes: Uint8Array): Note {
  if (bytes.length > noteBytesMax)
    throw new RejectedInput('note.too_large', 'the note is too long');
  const whole = wholeText(bytes);
  const split = whole.lastIndexOf('\n\n');
  const text = whole.slice(0, split + 1);
  const lines = whole.slice(split + 2).split('\n');
  if (split < 0 || !isText(text) || lines.pop() !== '') {
    throw new RejectedInput('note.text', 'not a note');
  }
  if (lines.length === 0) throw new RejectedInput('note.signature_line', 'no signature');
  if (lines.length > signaturesMax) {
    throw new RejectedInput('note.too_large', `more than ${signaturesMax} signatures`);
  }
  return { text, signatures: lines.map(parseSignature) };
}

/**
 * Verifies the signatures of known keys; those of others are ignored.
 * @param keys of which at least one must have signed
 * @returns the keys that did, in the order of `keys`
 * @throws RejectedInput `note.signature` if a known key's does not verify, `note.unsigned` if no known key signed
 */
export function verifyNote(
  note: Note,
  keys: readonly VerifierKey[],
  verify: VerifyEd25519 = portableVerify,
): readonly VerifierKey[] {
  const message = utf8(note.text);
  const signed = keys.filter((key) => {
    const own = note.signatures.filter(
      ({ name, keyId }) => name === key.name && keyId === key.keyId,
    );
    if (!own.every(({ signature }) => verify(fromHex(key.publicKey), message, signature))) {
      throw new RejectedInput('note.signature', `the signature of ${key.name} does not verify`);
    }
    return own.length > 0;
  });
  if (signed.length === 0) throw new RejectedInput('note.unsigned', 'no known key has signed');
  return signed;
}

const ED25519 = Uint8Array.of(1);
const KEY_ID_BYTES = 4;
const DASH = '\u2014 ';

function wholeText(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes);
  } catch (cause) {
    throw new RejectedInput('note.text', 'not valid UTF-8', { cause });
  }
}

function parseSignature(line: string): NoteSignature {
  const [, name, encoded] = /^\u2014 (\S+) (\S+)$/u.exec(line) ?? [];
  const bytes = encoded === undefined ? undefined : fromBase64(encoded);
  if (name === undefined || !isName(name) || bytes === undefined || bytes.length <= KEY_ID_BYTES) {
    throw new RejectedInput('note.signature_line', 'not a signature line');
  }
  return {
    name,
    keyId: toHex(bytes.subarray(0, KEY_ID_BYTES)),
    signature: bytes.slice(KEY_ID_BYTES),
  };
}

function checkName(name: string): void {
  if (!isName(name)) throw new RejectedInput('note.name', 'not the name of a note key');
}

function isName(name: string): boolean {
  return /^[^\s\p{White_Space}+\p{Cc}]+$/u.test(name) && name.isWellFormed();
}

function isText(text: string): boolean {
  return text.endsWith('\n') && !hasControls(text) && text.isWellFormed();
}

function hasControls(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 && code !== 0x0a) return true;
  }
  return false;
}
