/** Every form of list that import takes, and everything that can be wrong with a line of it. */
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { brief, idOf, itemsOf, read, SHA, stanza, tsv } from './lists.ts';

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
