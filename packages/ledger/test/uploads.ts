/** Uploads as an intake hands them over: events, and batches that it signed. */
import type { JsonObject } from '@tidemark/canonical';
import { sha256HexNative, type Signer } from '@tidemark/canonical/native';
import { binOfPathHash, partitionOfPathHash } from '@tidemark/bin';
import { encodeBatch, encodeEvent, type Event } from '@tidemark/event';
import { keyOf, LEDGER } from './testLedger.ts';

export function binOf(path: string, bits: number): number {
  return binOfPathHash(sha256HexNative(path), bits);
}

/** The first so many paths of a partition. */
export function pathsOf(partition: number, partitionBits: number, count: number): string[] {
  const paths: string[] = [];
  for (let i = 0; paths.length < count; i++) {
    const path = `pool/p${i}.whl`;
    if (partitionOfPathHash(sha256HexNative(path), partitionBits) === partition) paths.push(path);
  }
  return paths;
}

export interface BatchOptions {
  readonly seq: number;
  readonly time: number;
  readonly partition?: number;
  readonly intake?: string;
  readonly ledger?: string;
  readonly subjects?: readonly string[];
  readonly signer?: Signer;
}

export function batch(events: readonly Event[], options: BatchOptions): Uint8Array {
  const { signer = keyOf('intake'), ...given } = options;
  const header = { partition: 0, intake: 'run-1', ledger: LEDGER, subjects: ['alice'], ...given };
  return encodeBatch(header, events.map(encodeEvent), signer);
}

export function added(id: string, path: string, content: string, more: Partial<Event> = {}): Event {
  const hashes = { sha256: contentHash(content) };
  return { id, type: 'target.added', path, length: content.length, hashes, ...more };
}

export function removed(id: string, path: string, more: Partial<Event> = {}): Event {
  return { id, type: 'target.removed', path, ...more };
}

export function yanked(id: string, path: string, custom?: JsonObject): Event {
  return { id, type: 'target.yanked', path, ...(custom === undefined ? {} : { custom }) };
}

export function contentHash(content: string): string {
  return sha256HexNative(content);
}
