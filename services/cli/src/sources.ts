/**
 * Lists of files to import, as streams: a `.tsv` (path, length, sha256) or a Debian `Packages` index, each plain or gzipped,
 * from a file or standard input. What it is shows in its content; a name may be anything. Bad lines are yielded with
 * their number and a code, between the good ones; memory does not grow with the source.
 */
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';

import { OperatingFault, RejectedInput } from '@tidemark/canonical';

import { gunzip } from './sources/gunzip.ts';
import type { LineParser, SourceItem } from './sources/item.ts';
import { LineSplitter } from './sources/lines.ts';
import type { Line } from './sources/lines.ts';
import { packagesParser } from './sources/packages.ts';
import { tsvParser } from './sources/tsv.ts';

export type { BadLine, GoodLine, SourceItem } from './sources/item.ts';

export interface Source {
  readonly format: 'tsv' | 'packages';
  /** The file's size, as it lies on disk; undefined for a pipe. */
  readonly bytesTotal: number | undefined;
  /** How much of it has been read: for a progress bar, with `bytesTotal`. */
  bytesRead(): number;
  /** To be iterated once; leaving it early closes the file. A read error of the disk is thrown: OperatingFault `source.read`. */
  readonly items: AsyncGenerator<SourceItem>;
}

export interface SourceOptions {
  /** Read for the name `-`. */
  readonly stdin: Readable;
  /** Bytes; a longer line is a bad line. Default 1 MiB: some packages' fields are tens of kilobytes long. */
  readonly lineBytesMax?: number;
  /** Of gzipped sources. Default 16 GiB. */
  readonly decompressedBytesMax?: number;
}

const CHUNK_BYTES = 64 * 1024;
const SNIFF_BYTES = 4096;
const LINE_BYTES_MAX = 2 ** 20;
const DECOMPRESSED_BYTES_MAX = 2 ** 34;

/**
 * Opens `file` (`-`: standard input) and looks at its beginning.
 *
 * @throws OperatingFault `source.read`; RejectedInput `source.empty`, `source.format`, `source.gzip`, `source.truncated`
 */
export async function openSource(file: string, options: SourceOptions): Promise<Source> {
  const raw = file === '-' ? fromStream(options.stdin) : await fromFile(file);
  const count = { bytes: 0 };
  const stored = await peek(counted(raw.chunks, count));
  const packed = packing(stored.head);
  if (packed === 'other') {
    await stored.close();
    const advice = 'decompress it on the way in (xz -dc FILE | tidemark import DIR -)';
    throw new RejectedInput('source.format', `${file} is compressed, but not with gzip: ${advice}`);
  }
  const bytesMax = options.decompressedBytesMax ?? DECOMPRESSED_BYTES_MAX;
  const plain = packed === 'gzip' ? await peek(gunzip(stored.chunks, bytesMax)) : stored;
  const format = formatOf(plain.head);
  if (format === undefined) {
    await plain.close();
    throw plain.head.length === 0
      ? new RejectedInput('source.empty', `${file} is empty`)
      : new RejectedInput(
          'source.format',
          `${file} is neither a .tsv (path, length, sha256) nor a Debian Packages index`,
        );
  }
  const parser = format === 'tsv' ? tsvParser() : packagesParser();
  return {
    format,
    bytesTotal: raw.bytesTotal,
    bytesRead: () => count.bytes,
    items: parse(plain.chunks, parser, new LineSplitter(options.lineBytesMax ?? LINE_BYTES_MAX)),
  };
}

async function* parse(
  chunks: AsyncIterable<Buffer>,
  parser: LineParser,
  splitter: LineSplitter,
): AsyncGenerator<SourceItem> {
  const parseLine = (line: Line): SourceItem | undefined =>
    'text' in line
      ? parser.line(line.number, line.text)
      : parser.unreadable({ line: line.number, code: line.code, message: line.message });
  try {
    for await (const chunk of chunks) {
      for (const line of splitter.push(chunk)) {
        const item = parseLine(line);
        if (item !== undefined) yield item;
      }
    }
  } catch (error) {
    if (!(error instanceof RejectedInput)) throw error;
    // What was half read is dropped: "Size: 12" may be the beginning of "Size: 1234".
    yield { line: splitter.number, code: error.code, message: error.message };
    return;
  }
  for (const line of splitter.end()) {
    const item = parseLine(line);
    if (item !== undefined) yield item;
  }
  const last = parser.end();
  if (last !== undefined) yield last;
}

interface Raw {
  readonly chunks: AsyncGenerator<Buffer>;
  readonly bytesTotal: number | undefined;
}

async function fromFile(file: string): Promise<Raw> {
  try {
    const handle = await open(file);
    const stats = await handle.stat();
    if (stats.isDirectory()) {
      await handle.close();
      throw new OperatingFault('source.read', `${file} is a folder, not a list of files`);
    }
    const stream = handle.createReadStream({ highWaterMark: CHUNK_BYTES });
    return { ...fromStream(stream), bytesTotal: stats.isFile() ? stats.size : undefined };
  } catch (error) {
    throw unreadable(file, error);
  }
}

function fromStream(stream: Readable): Raw {
  const chunks = async function* (): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of stream as AsyncIterable<Buffer | string>) {
        yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      }
    } catch (error) {
      throw unreadable('the source', error);
    }
  };
  return { chunks: chunks(), bytesTotal: undefined };
}

function unreadable(file: string, error: unknown): OperatingFault {
  if (error instanceof OperatingFault) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new OperatingFault('source.read', `cannot read ${file}: ${text}`, { cause: error });
}

async function* counted(
  chunks: AsyncIterable<Buffer>,
  count: { bytes: number },
): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    count.bytes += chunk.length;
    yield chunk;
  }
}

interface Peeked {
  /** The first bytes, up to some thousands: fewer only if there are no more. */
  readonly head: Buffer;
  /** All bytes, those too. */
  readonly chunks: AsyncGenerator<Buffer>;
  /** Closes what is read from, for when `chunks` is not iterated: a generator that was never started has nothing to clean up. */
  close(): Promise<unknown>;
}

async function peek(chunks: AsyncGenerator<Buffer>): Promise<Peeked> {
  const first: Buffer[] = [];
  let bytes = 0;
  let failure: unknown;
  try {
    while (bytes < SNIFF_BYTES) {
      const { value, done } = await chunks.next();
      if (done === true) break;
      first.push(value);
      bytes += value.length;
    }
  } catch (error) {
    if (bytes === 0) throw error;
    failure = error; // comes after the bytes before it
  }
  const close = (): Promise<unknown> => chunks.return(undefined);
  const all = async function* (): AsyncGenerator<Buffer> {
    try {
      yield* first.splice(0);
      if (failure !== undefined) throw failure;
      yield* chunks;
    } finally {
      await close();
    }
  };
  return { head: Buffer.concat(first).subarray(0, SNIFF_BYTES), chunks: all(), close };
}

function packing(head: Buffer): 'gzip' | 'other' | 'none' {
  const magic = head.toString('latin1', 0, 6);
  if (magic.startsWith('\u001f\u008b')) return 'gzip';
  const others = ['\u00fd7zXZ\0', '\u0028\u00b5\u002f\u00fd', 'BZh', 'PK\u0003\u0004'];
  return others.some((other) => magic.startsWith(other)) ? 'other' : 'none';
}

/** By the first lines that are one thing or the other: a bad first line is no reason to refuse the rest. */
function formatOf(head: Buffer): Source['format'] | undefined {
  for (const line of head
    .toString('latin1')
    .replace(/^\u00ef\u00bb\u00bf/, '')
    .split('\n')) {
    if (/^[A-Za-z0-9][A-Za-z0-9-]*:(?:[ \t\r]|$)/.test(line)) return 'packages';
    if (line.includes('\t') && !line.startsWith('\t') && !line.startsWith(' ')) return 'tsv';
  }
  return undefined;
}
