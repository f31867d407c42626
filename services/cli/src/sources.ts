/**
 * Lists of files to import, as streams: a `.tsv` (path, length, sha256), a `.jsonl` (an event a line) or a Debian
 * `Packages` index, each plain or gzipped, from a file, a URL or standard input; or a folder of PEP 691 documents. What it is
 * shows in its content; a name may be anything. Bad lines are yielded with their number and a code, between the good
 * ones; memory does not grow with the source.
 */
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';

import { RejectedInput } from '@tidemark/canonical';

import { counted, fromFile, fromStream, peek } from './sources/bytes.ts';
import { download } from './sources/download.ts';
import type { Download, DownloadOptions } from './sources/download.ts';
import { gunzip } from './sources/gunzip.ts';
import type { LineParser, SourceItem } from './sources/item.ts';
import { jsonlParser } from './sources/jsonl.ts';
import { LineSplitter } from './lines.ts';
import type { Line } from './lines.ts';
import { packagesParser } from './sources/packages.ts';
import { openSimpleFolder } from './sources/simpleFolder.ts';
import { tsvParser } from './sources/tsv.ts';

export type { BadLine, GoodLine, SourceItem } from './sources/item.ts';

export interface Source {
  readonly format: keyof typeof PARSERS | 'simple';
  /** The file's size, as it lies on disk or comes; undefined where that is not known. */
  readonly bytesTotal: number | undefined;
  /** How much of it has been read: for a progress bar, with `bytesTotal`. */
  bytesRead(): number;
  /** To be iterated once; leaving it early closes the file. What fails on the way is thrown: OperatingFault
   * `source.read`, `source.broken`, `source.slow`. */
  readonly items: AsyncGenerator<SourceItem>;
}

export interface SourceOptions {
  /** Read for the name `-`. */
  readonly stdin: Readable;
  /** Bytes; a longer line is a bad line. Default 1 MiB: some packages' fields are tens of kilobytes long. */
  readonly lineBytesMax?: number;
  /** Of gzipped sources. Default 16 GiB. */
  readonly decompressedBytesMax?: number;
  /** Of gzipped sources: decompressed bytes for each that is read. Default 100; lists come to 3 to 10. */
  readonly ratioMax?: number;
  /** For an `http(s)://` URL. */
  readonly download?: DownloadOptions;
}

const PARSERS = { tsv: tsvParser, jsonl: jsonlParser, packages: packagesParser };

const LINE_BYTES_MAX = 2 ** 20;
const DECOMPRESSED_BYTES_MAX = 2 ** 34;
const RATIO_MAX = 100;

/**
 * Opens `file` (`-`: standard input; or an `http(s)://` URL) and looks at its beginning.
 *
 * @throws OperatingFault `source.read`; RejectedInput `source.empty`, `source.format`, `source.gzip`, `source.truncated`;
 *   of a URL, as `download`
 */
export async function openSource(file: string, options: SourceOptions): Promise<Source> {
  if (file !== '-' && (await isFolder(file))) return openFolder(file);
  const raw = await rawOf(file, options);
  const count = { bytes: 0 };
  const limits = {
    bytesMax: options.decompressedBytesMax ?? DECOMPRESSED_BYTES_MAX,
    ratioMax: options.ratioMax ?? RATIO_MAX,
  };
  const came = counted(raw.chunks, count);
  const stored = await peek(raw.isGzipped ? gunzip(came, limits) : came);
  const packed = packing(stored.head);
  if (packed === 'other') {
    await stored.close();
    const advice = 'decompress it on the way in (xz -dc FILE | tidemark import DIR -)';
    throw new RejectedInput('source.format', `${file} is compressed, but not with gzip: ${advice}`);
  }
  const plain = packed === 'gzip' ? await peek(gunzip(stored.chunks, limits)) : stored;
  const format = formatOf(plain.head);
  if (format === undefined) {
    await plain.close();
    if (plain.failure !== undefined) throw plain.failure;
    throw plain.head.length === 0
      ? new RejectedInput('source.empty', `${file} is empty`)
      : new RejectedInput(
          'source.format',
          `${file} is neither a .tsv (path, length, sha256) nor a .jsonl (an event a line) nor a Debian Packages index`,
        );
  }
  return {
    format,
    bytesTotal: raw.bytesTotal,
    bytesRead: () => count.bytes,
    items: parse(
      plain.chunks,
      PARSERS[format](),
      new LineSplitter(options.lineBytesMax ?? LINE_BYTES_MAX),
    ),
  };
}

async function rawOf(file: string, options: SourceOptions): Promise<Download> {
  if (/^https?:\/\//i.test(file)) {
    const url = URL.parse(file);
    if (url === null) throw new RejectedInput('source.url', `${file} is not a URL`);
    return download(url, options.download ?? {});
  }
  const raw = file === '-' ? fromStream(options.stdin) : await fromFile(file);
  return { ...raw, isGzipped: false };
}

async function openFolder(folder: string): Promise<Source> {
  const count = { bytes: 0 };
  const items = await openSimpleFolder(folder, (bytes) => (count.bytes += bytes));
  return { format: 'simple', bytesTotal: undefined, bytesRead: () => count.bytes, items };
}

/** What is not there is none; reading it will say so. */
async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
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

function packing(head: Buffer): 'gzip' | 'other' | 'none' {
  const magic = head.toString('latin1', 0, 6);
  if (magic.startsWith('\u001f\u008b')) return 'gzip';
  const others = ['\u00fd7zXZ\0', '\u0028\u00b5\u002f\u00fd', 'BZh', 'PK\u0003\u0004'];
  return others.some((other) => magic.startsWith(other)) ? 'other' : 'none';
}

/** By the first lines that are one thing or the other: a bad first line is no reason to refuse the rest. */
function formatOf(head: Buffer): keyof typeof PARSERS | undefined {
  for (const line of head
    .toString('latin1')
    .replace(/^\u00ef\u00bb\u00bf/, '')
    .split('\n')) {
    if (/^\{\s*"/.test(line)) return 'jsonl';
    if (/^[A-Za-z0-9][A-Za-z0-9-]*:(?:[ \t\r]|$)/.test(line)) return 'packages';
    if (line.includes('\t') && !line.startsWith('\t') && !line.startsWith(' ')) return 'tsv';
  }
  return undefined;
}
