/** Lists to import, and everything that can be wrong with them. */
import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';

import type { Json, RejectedInput } from '@tidemark/canonical';
import { encodeEvent, parseEvent } from '@tidemark/event';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { importEventId } from '../src/sources/item.ts';
import { openSource } from '../src/sources.ts';
import type { SourceItem, SourceOptions } from '../src/sources.ts';

const DATA = join(import.meta.dirname, '../../../test/data');
const SAMPLE = join(DATA, 'debian-bookworm-5000.tsv');
const PACKAGES = join(DATA, 'debian-bookworm-20.packages');

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-sources-'));
});
afterAll(() => rm(directory, { recursive: true }));

const idOf = (path: string, length: number, sha256: string, since?: number): string =>
  importEventId({ type: 'target.added', path, length, hashes: { sha256 } }, since);

type Options = Omit<SourceOptions, 'stdin'>;

async function itemsOf(file: string, options: Options & { stdin?: Readable } = {}) {
  const source = await openSource(file, { stdin: Readable.from([]), ...options });
  return collect(source.items);
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Reads `content` from a file, and again from a pipe in small pieces: both must give the same. */
async function read(content: string | Buffer, options: Options = {}): Promise<SourceItem[]> {
  const bytes = Buffer.from(content);
  const file = join(directory, 'list');
  await writeFile(file, bytes);
  const items = await itemsOf(file, options);
  const size = bytes.length < 2000 ? 7 : 777;
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );
  expect(await itemsOf('-', { ...options, stdin: Readable.from(pieces) })).toEqual(items);
  return items;
}

/** `3:pool/a.deb` for a good line, `3!line.length` for a bad one. */
const brief = (items: readonly SourceItem[]): string[] =>
  items.map((item) =>
    'event' in item ? `${item.line}:${item.event.path}` : `${item.line}!${item.code}`,
  );

const SHA = 'c0'.repeat(32);
const tsv = (path: string): string => `${path}\t12\t${SHA}`;
const stanza = (path: string): string =>
  `Package: a\nFilename: ${path}\nSize: 12\nSHA256: ${SHA}\n`;

describe('the real lists', () => {
  test('all 5,000 lines of the sample, and the same gzipped', async () => {
    const items = await itemsOf(SAMPLE);
    expect(items).toHaveLength(5000);
    expect(items[0]).toEqual({
      line: 1,
      event: {
        id: idOf(
          'pool/main/0/0ad/0ad_0.0.26-3_amd64.deb',
          7891488,
          '3a2118df47bf3f04285649f0455c2fc6fe2dc7f0b237073038aa00af41f0d5f2',
        ),
        type: 'target.added',
        path: 'pool/main/0/0ad/0ad_0.0.26-3_amd64.deb',
        length: 7891488,
        hashes: { sha256: '3a2118df47bf3f04285649f0455c2fc6fe2dc7f0b237073038aa00af41f0d5f2' },
      },
    });
    expect(items.every((item, i) => 'event' in item && item.line === i + 1)).toBe(true);
    expect(new Set(items.map((item) => ('event' in item ? item.event.id : ''))).size).toBe(5000);
    for (const item of items) {
      if ('event' in item)
        expect(parseEvent(JSON.parse(encodeEvent(item.event)) as Json)).toEqual(item.event);
    }
    const packed = join(directory, 'sample.tsv.gz');
    await writeFile(packed, gzipSync(await readFile(SAMPLE)));
    expect(await itemsOf(packed)).toEqual(items);
  });

  test('20 stanzas, each at its first line', async () => {
    const items = await itemsOf(PACKAGES);
    expect(items.map((item) => item.line)).toEqual(Array.from({ length: 20 }, (_, i) => i * 7 + 1));
    expect(items[3]).toMatchObject({
      event: {
        path: 'pool/main/f/folding-mode-el/elpa-folding_0.0~git20220110.1ce338b-1_all.deb',
        length: 62076,
        hashes: { sha256: '7fed1a9d4b4b4ac132c329a0be0e7d3ff3f0004887c3cd28839aac6ec8477473' },
      },
    });
  });

  const whole = join(process.env['TIDEMARK_DATA'] ?? '', 'debian-bookworm.tsv.gz');
  test.skipIf(process.env['TIDEMARK_DATA'] === undefined)(
    'all 63,440 lines, of which the sample is every ⌊i · 63,440 / 5,000⌋',
    async () => {
      const source = await openSource(whole, { stdin: Readable.from([]) });
      const paths: string[] = [];
      for await (const item of source.items) {
        if (!('event' in item)) throw new Error(`line ${item.line}: ${item.message}`);
        paths.push(item.event.path);
      }
      expect(paths).toHaveLength(63_440);
      expect(source.bytesRead()).toBe(source.bytesTotal);
      const sample = (await readFile(SAMPLE, 'utf8')).trimEnd().split('\n');
      expect(sample.map((line) => line.split('\t')[0])).toEqual(
        sample.map((_, i) => paths[Math.floor((i * 63_440) / 5000)]),
      );
    },
  );
});

describe('lines', () => {
  test('every code, each with its number, the good ones kept', async () => {
    const lines = [
      tsv('ok/1'),
      '',
      `two\t12`,
      `four\t12\t${SHA}\tx`,
      `a/b\t-1\t${SHA}`,
      `a/b\t012\t${SHA}`,
      `a/b\t1e3\t${SHA}`,
      `a/b\t9007199254740992\t${SHA}`,
      `a/b\t12\t${SHA.toUpperCase()}`,
      `a/b\t12\t${SHA.slice(1)}`,
      `a/b\t12\t${SHA} `,
      tsv(''),
      tsv('/etc/passwd'),
      tsv('a/../b'),
      tsv('a//b'),
      tsv('a b'),
      tsv('é'),
      tsv('x'.repeat(513)),
      tsv(Array.from({ length: 17 }, () => 'd').join('/')),
      `a/b\t0\t${SHA}`,
      `a/b\t9007199254740991\t${SHA}`,
    ];
    expect(brief(await read(lines.join('\n')))).toEqual([
      '1:ok/1',
      '3!line.fields',
      '4!line.fields',
      '5!line.length',
      '6!line.length',
      '7!line.length',
      '8!line.length',
      '9!line.sha256',
      '10!line.sha256',
      '11!line.sha256',
      '12!path.empty',
      '13!path.absolute',
      '14!path.dot_segment',
      '15!path.empty_segment',
      '16!path.charset',
      '17!path.charset',
      '18!path.too_long',
      '19!path.too_deep',
      '20:a/b',
      '21:a/b',
    ]);
  });

  test('CRLF, a BOM, no final line end', async () => {
    expect(brief(await read(`\ufeff${tsv('a')}\r\n${tsv('b')}\r\n\r\n${tsv('c')}`))).toEqual([
      '1:a',
      '2:b',
      '4:c',
    ]);
    expect(
      brief(
        await read(
          `\ufeffPackage: a\r\nFilename: a\r\nSize: 12\r\nSHA256: ${SHA}\r\n\r\n${stanza('b')}`,
        ),
      ),
    ).toEqual(['1:a', '6:b']);
    // A byte order mark anywhere else is part of the path.
    expect(brief(await read(`${tsv('a')}\n\ufeff${tsv('b')}\n`))).toEqual([
      '1:a',
      '2!path.charset',
    ]);
  });

  test('not UTF-8', async () => {
    const bytes = Buffer.concat([
      Buffer.from(`${tsv('a')}\n`),
      Buffer.from([0x61, 0xff, 0x0a]),
      Buffer.from(tsv('b')),
    ]);
    expect(brief(await read(bytes))).toEqual(['1:a', '2!line.utf8', '3:b']);
  });

  test('an over-long line is one bad line, however long, and exactly the limit is none', async () => {
    const limit = tsv('abc').length;
    const lines = [tsv('abc'), tsv('abcd'), 'x'.repeat(300_000), tsv('c')];
    expect(brief(await read(lines.join('\n'), { lineBytesMax: limit }))).toEqual([
      '1:abc',
      '2!line.too_long',
      '3!line.too_long',
      '4:c',
    ]);
    expect(brief(await read(`${tsv('a')}\n${'x'.repeat(100)}`, { lineBytesMax: 80 }))).toEqual([
      '1:a',
      '2!line.too_long',
    ]);
  });

  test('messages show what was wrong without passing control characters on', async () => {
    const [, bad] = await read(`${tsv('a')}\na\t\u001b[2J\u009b1\t${SHA}\n`);
    expect(bad).toEqual({
      line: 2,
      code: 'line.length',
      message: String.raw`"\u001b[2J?1" is not a length in bytes`,
    });
  });

  test('any text ends in items with rising numbers, never in an error', async () => {
    const word = fc.oneof(
      fc.constantFrom('\t', '\n', '\r\n', ' ', ':', 'Size', 'Filename: a', '12', SHA, 'a/b'),
      fc.string(),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(word, { maxLength: 30 }),
        fc.constantFrom(tsv('a'), 'Package: a', '{"path": "a"}'),
        async (words, first) => {
          const stdin = Readable.from([Buffer.from(`${first}\n${words.join('')}`)]);
          const numbers = (await itemsOf('-', { stdin })).map((item) => item.line);
          expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('Packages', () => {
  test('continuations, unknown fields, case of names, several empty lines', async () => {
    const text = `Package: a\nDescription: one\n two\n .\n\tSize: 99\nFILENAME:a\nsize:  12\t\nSHA256:${SHA}\n\n\n\n${stanza('b')}\n\n`;
    expect(brief(await read(text))).toEqual(['1:a', '12:b']);
  });

  test('every code, one per stanza, the good ones kept', async () => {
    const stanzas = [
      stanza('ok'), // 1
      `Package: a\nFilename: a\nSize: 12\n`, // 6
      `Package: a\n`, // 10
      `Package: a\nnonsense\nSize: x\n`, // 12
      ` folded\nPackage: a\n`, // 16
      `Package: a\nFilename:\n pool/a\nSize: 12\nSHA256: ${SHA}\n`, // 19
      `${stanza('a')}Filename: b\n`, // 25
      `Package: a\nFilename: a\nSize: 12k\nSHA256: ${SHA}\n`, // 31
      `Package: a\nFilename: a\nSize: 12\nSHA256: c0\n`, // 36
      `Package: a\nFilename: ../a\nSize: 12\nSHA256: ${SHA}\n`, // 41
      `#Package: a\n${stanza('a')}`, // 46
      stanza('fine'), // 52
    ];
    const items = await read(stanzas.join('\n'));
    expect(brief(items)).toEqual([
      '1:ok',
      '6!stanza.missing',
      '10!stanza.missing',
      '13!stanza.syntax',
      '16!stanza.syntax',
      '21!stanza.folded',
      '29!stanza.duplicate',
      '33!line.length',
      '39!line.sha256',
      '42!path.dot_segment',
      '46!stanza.syntax',
      '52:fine',
    ]);
    expect(items[2]).toMatchObject({ message: 'the stanza has no Filename, no Size, no SHA256' });
  });

  test('an unreadable line takes its stanza with it, not the next', async () => {
    const text = `${stanza('a')}Tag: ${'x'.repeat(100)}\n\n${stanza('b')}`;
    expect(brief(await read(text, { lineBytesMax: 90 }))).toEqual(['5!line.too_long', '7:b']);
  });
});

describe('.jsonl', () => {
  const object = (more: object): string => JSON.stringify({ path: 'a/b', length: 12, ...more });
  const hashes = { sha256: SHA };

  test('an event a line; what is missing is made up from the rest', async () => {
    const lines = [
      object({ sha256: SHA }),
      object({ hashes: { sha256: SHA, blake2b_256: 'ff' } }),
      '',
      object({ hashes, id: 'mine-1', custom: { license: 'MIT' }, expected: 'absent' }),
      object({ sha256: SHA, hashes, custom: { license: 'MIT' } }),
      '{"path": "a/b", "type": "target.removed"}\r',
      '{"path": "a/b", "type": "target.yanked", "custom": {"yanked": "broken"}}',
    ].join('\n');
    const added = { type: 'target.added', path: 'a/b', length: 12, hashes };
    const items = await read(lines);
    const idAt = (at: number): string => (items[at] as { event: { id: string } }).event.id;
    expect(items).toEqual([
      { line: 1, event: { ...added, id: idOf('a/b', 12, SHA) } },
      { line: 2, event: { ...added, id: idOf('a/b', 12, SHA) } },
      {
        line: 4,
        event: { ...added, id: 'mine-1', custom: { license: 'MIT' }, expected: 'absent' },
        ownId: true,
      },
      { line: 5, event: { ...added, id: idAt(3), custom: { license: 'MIT' } } },
      { line: 6, event: { id: idAt(4), type: 'target.removed', path: 'a/b' } },
      {
        line: 7,
        event: {
          id: idAt(5),
          type: 'target.yanked',
          path: 'a/b',
          custom: { yanked: 'broken' },
        },
      },
    ]);
    // First 32 digits of: printf 'tidemark import 2\n{"path":"a/b","type":"target.removed"}\n' | sha256sum
    expect(idAt(4)).toBe('436eaaae-d3ff-8c19-8b78-62eff1dd58a1');
    expect(new Set([0, 3, 4, 5].map(idAt)).size).toBe(4);
    expect(await read(gzipSync(lines))).toEqual(items);
  });

  test('every code, each with its number, the good ones kept', async () => {
    const lines = [
      object({ sha256: SHA }),
      '{"path": "a/b",',
      '[1]',
      '"path"',
      object({}),
      object({ sha256: SHA.toUpperCase() }),
      object({ sha256: SHA, hashes: { sha256: 'c1'.repeat(32) } }),
      object({ hashes: { md5: 'c0' } }),
      object({ sha256: SHA, length: -1 }),
      object({ sha256: SHA, length: '12' }),
      object({ sha256: SHA, length: 1e21 }),
      object({ sha256: SHA, path: '../b' }),
      object({ sha256: SHA, path: 7 }),
      object({ sha256: SHA, id: 'no spaces' }),
      object({ sha256: SHA, type: 'target.moved' }),
      object({ sha256: SHA, custom: { note: 'naïve' } }),
      object({ sha256: SHA, expected: 0 }),
      object({ sha256: SHA, size: 12 }),
      object({ sha256: SHA, by: 1 }),
      `{"path": "a/b", "length": 12, "length": 13, "sha256": "${SHA}"}`,
      `{"path": "a/b", "length": 12, "sha256": "${SHA}", "__proto__": {"custom": {"a": 1}}}`,
      object({ sha256: SHA, path: 'ok' }),
    ];
    expect(brief(await read(lines.join('\n')))).toEqual([
      '1:a/b',
      '2!json.syntax',
      '3!event.shape',
      '4!event.shape',
      '5!event.hash',
      '6!event.hash',
      '7!event.hash',
      '8!event.hash',
      '9!event.length',
      '10!event.length',
      '11!json.number',
      '12!path.dot_segment',
      '13!path.empty',
      '14!event.id',
      '15!event.type',
      '16!event.custom',
      '17!event.expected',
      '18!event.unknown_field',
      '19!event.unknown_field',
      '20!json.duplicate_key',
      '21!event.unknown_field',
      '22:ok',
    ]);
  });
});

describe('gzip', () => {
  const many = Array.from({ length: 3000 }, (_, i) => tsv(`dir/${i}`)).join('\n');

  test('truncated anywhere: the lines before, then one item that says so; half a line is dropped', async () => {
    const whole = gzipSync(many);
    for (const cut of [1, 8, 100, Math.floor(whole.length / 2)]) {
      const items = await read(whole.subarray(0, whole.length - cut));
      const last = items.pop();
      expect(last).toMatchObject({ code: 'source.truncated', line: items.length + 1 });
      expect(brief(items)).toEqual(Array.from(items, (_, i) => `${i + 1}:dir/${i}`));
    }
    // All was there but the checksum: only the last line, whose end was not seen, is in doubt.
    expect(await read(whole.subarray(0, -8))).toHaveLength(3000);
  });

  test('a stanza cut short is not taken for a whole one', async () => {
    const text = `${stanza('a')}\nPackage: b\nFilename: b\nSHA256: ${SHA}\nSize: 12`;
    const whole = gzipSync(`${text}34\n`, { level: 0 });
    const at = whole.indexOf('34\n', whole.indexOf('Size: 12', 200));
    expect(brief(await read(whole.subarray(0, at)))).toEqual(['1:a', '9!source.truncated']);
  });

  test('a flipped bit is found at the latest by the checksum', async () => {
    const whole = gzipSync(many, { level: 0 });
    const flipped = Buffer.from(whole);
    const at = whole.indexOf('dir/2000') + 4;
    flipped[at] = 0x33; // "dir/3000": a valid line that is not what was packed
    const items = await itemsOf('-', { stdin: Readable.from([flipped]) });
    expect(items.at(-1)).toMatchObject({ code: 'source.gzip' });
    expect(items.slice(0, -1).every((item, i) => item.line === i + 1)).toBe(true);
    const header = Buffer.from(gzipSync(many));
    header[2] = 0;
    await expect(read(header)).rejects.toMatchObject({ code: 'source.gzip' });
  });

  test('several members are one list; anything else after the end is damage', async () => {
    const two = Buffer.concat([gzipSync(`${tsv('a')}\n`), gzipSync(`${tsv('b')}\n`)]);
    expect(brief(await read(two))).toEqual(['1:a', '2:b']);
    for (const after of ['trailing', '\0\0\0\0', '\u001f']) {
      const pieces = [two, Buffer.from(after), Buffer.from('more'), Buffer.from('and more')];
      expect(brief(await itemsOf('-', { stdin: Readable.from(pieces) }))).toEqual([
        '1:a',
        '2:b',
        '3!source.gzip',
      ]);
      const whole = itemsOf('-', { stdin: Readable.from([Buffer.concat(pieces)]) });
      const outcome = await whole.then(brief, (error: RejectedInput) => [error.code]);
      expect(outcome.at(-1)).toMatch(/source\.gzip$/);
    }
  });

  test('a bomb stops at the cap, in bounded memory', async () => {
    const bomb = Buffer.concat([gzipSync(`${tsv('a')}\n`), gzipSync(Buffer.alloc(200_000_000))]);
    expect(bomb.length).toBeLessThan(200_000);
    const file = join(directory, 'bomb');
    await writeFile(file, bomb);
    const before = process.memoryUsage.rss();
    const ratioMax = 10_000;
    expect(brief(await itemsOf(file, { decompressedBytesMax: 150_000_000, ratioMax }))).toEqual([
      '1:a',
      '2!source.too_large',
    ]);
    expect(brief(await itemsOf(file, { ratioMax }))).toEqual(['1:a', '2!line.too_long']);
    expect(brief(await itemsOf(file))).toEqual(['1:a', '2!source.ratio']);
    expect(process.memoryUsage.rss() - before).toBeLessThan(120_000_000);
  });
});

describe('opening', () => {
  test('what it is shows in the content', async () => {
    const open = (content: string | Buffer) =>
      openSource('-', { stdin: Readable.from([Buffer.from(content)]) }).then(async (source) => {
        await collect(source.items);
        return source.format;
      });
    expect(await open(`broken\n${tsv('a')}\n`)).toBe('tsv');
    expect(await open(`\n\n${stanza('a')}`)).toBe('packages');
    expect(await open(gzipSync(stanza('a')))).toBe('packages');
    expect(await open('\n{ "path": "a"}')).toBe('jsonl');
    const refused = (content: string | Buffer, code: string) =>
      expect(open(content)).rejects.toMatchObject({ code });
    await refused('', 'source.empty');
    await refused(gzipSync(''), 'source.empty');
    await refused('<html>not found</html>\n', 'source.format');
    await refused('\n\n', 'source.format');
    await refused('[{"path": "a"}]\n', 'source.format');
    await refused(Buffer.from('fd377a585a000004', 'hex'), 'source.format');
    await refused(Buffer.from('28b52ffd0000', 'hex'), 'source.format');
    await refused(gzipSync(tsv('a')).subarray(0, 5), 'source.truncated');
  });

  test('absent, a folder, a disk that fails half-way', async () => {
    await expect(itemsOf(join(directory, 'absent'))).rejects.toMatchObject({ code: 'source.read' });
    await expect(itemsOf(directory)).rejects.toMatchObject({ code: 'source.format' });
    const failing = async function* () {
      yield Buffer.from(`${Array.from({ length: 200 }, (_, i) => tsv(`a/${i}`)).join('\n')}\n`);
      throw Object.assign(new Error('input/output error'), { code: 'EIO' });
    };
    const source = await openSource('-', { stdin: Readable.from(failing()) });
    await expect(collect(source.items)).rejects.toMatchObject({
      name: 'OperatingFault',
      code: 'source.read',
    });
  });

  test('progress: bytes read of the file as it lies on disk; stopping early closes it', async () => {
    const packed = join(directory, 'progress.gz');
    await writeFile(packed, gzipSync(await readFile(SAMPLE), { level: 0 }));
    const stdin = createReadStream(packed, { highWaterMark: 10_000 });
    const source = await openSource('-', { stdin });
    expect(source.bytesTotal).toBeUndefined();
    const seen = [source.bytesRead()];
    for await (const item of source.items) {
      if (item.line % 1000 === 0) seen.push(source.bytesRead());
      if (item.line === 3000) break;
    }
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(seen[3]).toBeGreaterThan(300_000);
    expect(seen[3]).toBeLessThan(600_000);
    expect(stdin.destroyed).toBe(true);
  });
});

describe('ids', () => {
  test('are UUIDs of version 8 that follow from path, length and hash alone', () => {
    // First 32 digits of: printf 'tidemark import 1\na/b\n12\n%s\n' c0…c0 | sha256sum
    expect(idOf('a/b', 12, SHA)).toBe('f2c8e54b-4fe8-83db-b6df-8af9824a69cc');
    fc.assert(
      fc.property(fc.string(), fc.nat(), (path, length) => {
        expect(idOf(path, length, SHA)).toMatch(
          /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
        );
      }),
    );
    const ids = [
      idOf('a/b', 12, SHA),
      idOf('a/b', 13, SHA),
      idOf('a/b', 12, SHA, 1),
      idOf('a/b', 12, SHA, 2),
      idOf('a/c', 12, SHA),
      idOf('a/b', 12, 'c1'.repeat(32)),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });
});
