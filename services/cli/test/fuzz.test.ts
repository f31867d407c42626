// Every parser of this service on spoilt input.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { RejectedInput } from '@tidemark/canonical';
import type { GenesisSigned } from '@tidemark/event';
import { Hono } from 'hono';
import { afterAll, beforeAll } from 'vitest';
import { temporaryFolder } from '../../../test/support/files.ts';
import { fuzz, parser } from '../../../test/support/fuzz.ts';
import { isKnown } from '../src/http/answer.ts';
import { codingFor } from '../src/http/coding.ts';
import { decodeCursor, encodeCursor } from '../src/http/cursor.ts';
import { itemsOf, type Item } from '../src/http/items.ts';
import { rangeOf } from '../src/http/range.ts';
import { parseKeyFile } from '../src/folder/keystore-format.ts';
import { parseLedgerFile } from '../src/folder/ledgerFolder.ts';
import { LineSplitter, type Line } from '../src/lines.ts';
import { openSource, type SourceItem } from '../src/sources.ts';
import { readServeConfig } from '../src/config/readConfig.ts';
import { collect, SHA, stanza, tsv } from './lists.ts';

/**
 * What is read elsewhere: `readKeys` through `parseKeyFile`, `readLedgerFile` through `parseLedgerFile`, `readGenesis`
 * through the records' decoder; `readCertificate` by OpenSSL; `readPassphrase` takes whatever it is.
 */
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

const GENESIS = { ledger: '01234567'.repeat(4), partitions: 4 } as GenesisSigned;
const EVENT = {
  id: 'a',
  type: 'target.added',
  path: 'a/b',
  length: 3,
  hashes: { sha256: SHA },
  custom: { yanked: 'x' },
};
const LINE = JSON.stringify(EVENT);
const SOURCES = [
  `${tsv('a/1')}\n${tsv('a/2')}\r\n\n${tsv('a/3')}`,
  `${LINE}\n{"path":"a/b","length":1,"sha256":"${SHA}"}\n`,
  `${stanza('pool/a.deb')}\n${stanza('pool/b.deb')}`,
];
const SOURCE_REFUSALS = /^source\.(?:empty|format|gzip|truncated|too_large|ratio)$/;
const ITEM_CODES = /^(?:line|stanza|json|event|simple|path|source)\.[a-z0-9_]+$/;
const PROJECT = {
  meta: { 'api-version': '1.1' },
  name: 'demo',
  files: [
    { filename: 'demo-1.tar.gz', size: 3, hashes: { sha256: SHA }, yanked: false },
    { filename: 'demo-2.tar.gz', size: 4, hashes: { sha256: SHA }, yanked: 'broken' },
  ],
};
const KEY_FILE = {
  version: 1,
  purpose: 'timestamp',
  public: 'ab'.repeat(32),
  kdf: { name: 'scrypt', N: 2 ** 14, r: 8, p: 1, salt: 'cd'.repeat(16) },
  cipher: 'aes-256-gcm',
  nonce: 'ef'.repeat(12),
  ciphertext: '12'.repeat(32),
  tag: '34'.repeat(16),
};
const LEDGER_FILE = {
  format: 1,
  name: 'demo',
  ledger: '01234567'.repeat(4),
  partitions: 4,
  offline_keys: '/offline',
};
const LIMITS = {
  bodyBytesMax: 8192,
  eventsMax: 50,
  bodyMsMax: 60_000,
  silenceMsMax: 60_000,
  depthMax: 8,
};

async function sourceItems(bytes: Buffer): Promise<SourceItem[]> {
  const limits = { lineBytesMax: 2000, decompressedBytesMax: 1 << 20, ratioMax: 50 };
  const source = await openSource('-', { stdin: Readable.from([bytes]), ...limits });
  return collect(source.items);
}

function demandItems(items: readonly SourceItem[], bytes: Buffer): void {
  if (items.length > (1 << 20) + bytes.length) throw new Error('more items than bytes');
  for (const item of items) {
    if (!('event' in item) && !ITEM_CODES.test(item.code)) throw new Error(item.code);
  }
}

async function requestItems(bytes: Buffer, type: string): Promise<Item[]> {
  const items: Item[] = [];
  let failure: unknown;
  const app = new Hono().post('/', async (context) => {
    try {
      for await (const some of itemsOf(context, LIMITS)) items.push(...some);
    } catch (error) {
      failure = error;
    }
    return context.text('');
  });
  await app.request('/', {
    method: 'POST',
    body: new Uint8Array(bytes),
    headers: { 'content-type': type },
  });
  if (failure !== undefined) throw failure;
  return items;
}

fuzz([
  parser({
    name: 'decodeCursor',
    samples: [encodeCursor(GENESIS, { n: 7, partition: 3, bin: 12, op: 0 })],
    read: (bytes) => decodeCursor(GENESIS, bytes.toString('latin1')),
    refusals: /^changes\.cursor$/,
    write: (cursor) => encodeCursor(GENESIS, cursor),
  }),
  parser({
    name: 'rangeOf',
    samples: ['bytes=0-9', 'bytes=5-', 'bytes=-3', 'bytes=999999999999999-'],
    read: (bytes) => rangeOf(bytes.toString('latin1'), 20),
    demand: (range) => {
      if (range === undefined || range === 'unsatisfiable') return;
      const { start, end } = range;
      if (!(start >= 0 && start <= end && end < 20)) throw new Error(`${start}-${end}`);
    },
  }),
  parser({
    name: 'codingFor and isKnown',
    samples: ['gzip, zstd;q=0.5, *;q=0', 'identity', '"abc", W/"def"', '*'],
    read: (bytes) => {
      const header = bytes.toString('latin1');
      return [codingFor(header), isKnown(header, '"abc"')];
    },
  }),
  parser({
    name: 'itemsOf, JSON',
    samples: [LINE, `[${LINE},1,null]`],
    read: (bytes) => requestItems(bytes, 'application/json'),
    refusals: /^(?:json\.[a-z0-9_]+|http\.(?:too_large|too_many|empty))$/,
    share: 0.3,
  }),
  parser({
    name: 'itemsOf, lines',
    samples: [`${LINE}\n\n{\n1`, `${LINE}\r\n`],
    read: (bytes) => requestItems(bytes, 'application/x-ndjson'),
    refusals: /^http\.(?:too_large|too_many|empty)$/,
    demand: (items) => {
      for (const { value } of items) {
        const isRefused = value instanceof RejectedInput;
        if (isRefused && !/^(?:json|line)\.[a-z0-9_]+$/.test(value.code)) throw value;
      }
    },
    share: 0.3,
  }),
  parser({
    name: 'LineSplitter',
    samples: [...SOURCES, '\ufeffa\r\n\nb', 'é\n'],
    read: (bytes) => {
      const splitter = new LineSplitter(100);
      return [...splitter.push(bytes), ...splitter.end()];
    },
    demand: (lines: readonly Line[], bytes) => {
      const breaks = bytes.filter((byte) => byte === 0x0a).length;
      if (lines.length !== breaks + (bytes.length > 0 && bytes.at(-1) !== 0x0a ? 1 : 0)) {
        throw new Error(`${lines.length} lines`);
      }
    },
  }),
  parser({
    name: 'openSource',
    samples: SOURCES,
    read: sourceItems,
    refusals: SOURCE_REFUSALS,
    demand: demandItems,
    share: 0.4,
  }),
  parser({
    name: 'openSource, packed and spoilt',
    samples: SOURCES.map((source) => gzipSync(source)),
    read: sourceItems,
    refusals: SOURCE_REFUSALS,
    demand: demandItems,
    share: 0.2,
  }),
  parser({
    name: 'openSource, spoilt and packed',
    samples: SOURCES,
    read: (bytes) => sourceItems(gzipSync(bytes)),
    refusals: SOURCE_REFUSALS,
    demand: demandItems,
    share: 0.2,
  }),
  parser({
    name: 'openSource, a folder',
    samples: [JSON.stringify(PROJECT)],
    read: async (bytes) => {
      await writeFile(join(folder.path, 'demo.json'), bytes);
      const source = await openSource(folder.path, { stdin: Readable.from([]) });
      return collect(source.items);
    },
    demand: demandItems,
    share: 0.2,
  }),
  parser({
    name: 'parseKeyFile',
    samples: [JSON.stringify(KEY_FILE)],
    read: (bytes) => parseKeyFile(bytes, 'x.json'),
    kind: 'OperatingFault',
    refusals: /^keys\.format$/,
    write: (file) => JSON.stringify(file),
    // Nobody's file makes a process take more than a gigabyte.
    demand: ({ kdf: { N, r, p } }) => {
      if (128 * N * r > 2 ** 30 || p > 4) throw new Error(`${N} ${r} ${p}`);
    },
  }),
  parser({
    name: 'parseLedgerFile',
    samples: [JSON.stringify(LEDGER_FILE)],
    read: (bytes) => parseLedgerFile(bytes.toString(), '/ledger/ledger.json'),
    kind: 'OperatingFault',
    refusals: /^ledger\.(format|damaged)$/,
    write: (file) => JSON.stringify(file),
  }),
  parser({
    name: 'readServeConfig',
    samples: ['{"listen":{"port":1},"http":{"headers_time":"5s"},"uploads":{"body_size":"1M"}}'],
    read: async (bytes) => {
      const file = join(folder.path, 'serve.config');
      await writeFile(file, bytes);
      return readServeConfig({ file, environment: {}, flags: new Map() });
    },
    refusals: /^config\.invalid$/,
    share: 0.05,
  }),
]);
