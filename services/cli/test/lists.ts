// Lists to import as tests write them, read from files and from pipes.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect } from 'vitest';
import { temporaryFolder } from '../../../test/support/files.ts';
import { importEventId } from '../src/sources/item.ts';
import { openSource, type SourceItem, type SourceOptions } from '../src/sources.ts';

type Options = Omit<SourceOptions, 'stdin'>;

export const DATA = join(import.meta.dirname, '../../../test/data');
export const SAMPLE = join(DATA, 'debian-bookworm-5000.tsv');

export const SHA = 'c0'.repeat(32);

export function tsv(path: string): string {
  return `${path}\t12\t${SHA}`;
}

export function stanza(path: string): string {
  return `Package: a\nFilename: ${path}\nSize: 12\nSHA256: ${SHA}\n`;
}

export function idOf(path: string, length: number, sha256: string, since?: number): string {
  return importEventId({ type: 'target.added', path, length, hashes: { sha256 } }, since);
}

/** Reads `content` from a file, and again from a pipe in small pieces: both must give the same. */
export async function read(content: string | Buffer, options: Options = {}): Promise<SourceItem[]> {
  await using folder = await temporaryFolder();
  const bytes = Buffer.from(content);
  const file = join(folder.path, 'list');
  await writeFile(file, bytes);
  const items = await itemsOf(file, options);
  const size = bytes.length < 2000 ? 7 : 777;
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );
  expect(await itemsOf('-', { ...options, stdin: Readable.from(pieces) })).toEqual(items);
  return items;
}

export async function itemsOf(
  file: string,
  options: Options & { stdin?: Readable } = {},
): Promise<SourceItem[]> {
  const source = await openSource(file, { stdin: Readable.from([]), ...options });
  return collect(source.items);
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** `3:pool/a.deb` for a good line, `3!line.length` for a bad one. */
export function brief(items: readonly SourceItem[]): string[] {
  return items.map((item) =>
    'event' in item ? `${item.line}:${item.event.path}` : `${item.line}!${item.code}`,
  );
}
