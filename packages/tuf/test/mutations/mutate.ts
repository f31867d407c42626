/** Ways to spoil the small repository, each in one place. */

import { fromUtf8, utf8 } from '@tidemark/canonical';
import type { Json, JsonObject } from '@tidemark/canonical';
import { encodeEnvelope, keyIdOf, parseMetadata, signMetadata } from '../../src/index.ts';
import { binName, binOfPath, buildDemo, edit, keyOf, signerOf } from '../demo.ts';
import type { Encoding, Mutation } from '../demo.ts';

/** A mutation, the one rule that it breaks, and a file in which that is found. */
export interface Spoilt {
  readonly rule: string;
  readonly file: string;
  readonly how: string;
  readonly mutation: Mutation;
  /** Only where the bins are delegated so. */
  readonly only?: Encoding;
}

export function spoilt(
  rule: string,
  file: string,
  how: string,
  mutation: Mutation,
  only?: Encoding,
): Spoilt {
  return { rule, file, how, mutation, ...(only === undefined ? {} : { only }) };
}

/** A bin without targets, whose file says the same in both snapshots. */
export const quiet = findQuiet();
export const quietName = binName(quiet);
export const quietFile = `${quiet + 1}.${quietName}.json`;
export const quietMeta = `${quietName}.json`;

/** `start` and a number such that the hash puts it into the quiet bin, or outside. */
export function pathInto(start: string, inside = true): string {
  for (let i = 0; ; i++) {
    if ((binOfPath(`${start}${i}`) === quiet) === inside) return `${start}${i}`;
  }
}

export function setSigned(
  file: string,
  path: readonly string[],
  value: Json | undefined,
): Mutation {
  return { signed: (name, signed) => (name === file ? edit(signed, path, value) : signed) };
}

export function setBytes(file: string, change: (bytes: Uint8Array) => Uint8Array): Mutation {
  return { bytes: (name, bytes) => (name === file ? change(bytes) : bytes) };
}

export function setFiles(change: (files: Map<string, Uint8Array>) => unknown): Mutation {
  return { files: (files) => void change(files) };
}

/** Copies a file to another name. */
export function copyFile(from: string, to: string): Mutation {
  return setFiles((files) => files.set(to, bytesOf(files, from)));
}

export function deleteFiles(...names: readonly string[]): Mutation {
  return setFiles((files) => names.forEach((name) => files.delete(name)));
}

/** Gives the quiet bin one target. */
export function setTarget(path: string, extra: JsonObject = {}): Mutation {
  const target = { hashes: { sha256: 'aa'.repeat(32) }, length: 1, ...extra };
  return setSigned(quietFile, ['targets'], { [path]: target });
}

/** Changes the digits of the first signature. */
export function setSignature(file: string, change: (sig: string) => string): Mutation {
  return setBytes(file, (bytes) => {
    const { json, signatures } = parseMetadata(bytes);
    return encodeEnvelope(edit(json, ['signatures', '0', 'sig'], change(signatures[0]?.sig ?? '')));
  });
}

export function flip(sig: string): string {
  return (sig.startsWith('0') ? '1' : '0') + sig.slice(1);
}

export function dropSignature(file: string, signer: string): Mutation {
  return setBytes(file, (bytes) => {
    const { json, signatures } = parseMetadata(bytes);
    const kept = signatures.filter(({ keyid }) => keyid !== keyIdOf(keyOf(signer)));
    return encodeEnvelope({ ...json, signatures: kept.map(({ keyid, sig }) => ({ keyid, sig })) });
  });
}

/** Replaces a file, which others state, by another that is validly signed. */
export function resign(
  file: string,
  path: readonly string[],
  value: Json,
  signer: string,
): Mutation {
  return setFiles((files) => {
    const { json } = parseMetadata(bytesOf(files, file));
    const signed = edit(json['signed'] as JsonObject, path, value);
    files.set(file, signMetadata(signed, [signerOf(signer)]));
  });
}

export function bytesOf(files: ReadonlyMap<string, Uint8Array>, name: string): Uint8Array {
  return files.get(name) ?? utf8('');
}

function findQuiet(): number {
  const files = buildDemo('succinct');
  const isQuiet = (bin: number): boolean =>
    fromUtf8(bytesOf(files, `${bin + 1}.${binName(bin)}.json`)).includes('"targets":{}');
  return [...Array(16).keys()].find((bin) => bin > 0 && isQuiet(bin)) ?? 0;
}
