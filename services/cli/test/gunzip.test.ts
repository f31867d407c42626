/** Packed lists that are cut short, damaged, or made to fill the memory. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import type { RejectedInput } from '@tidemark/canonical';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/files.ts';
import { brief, itemsOf, read, SHA, stanza, tsv } from './lists.ts';

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
    await using folder = await temporaryFolder();
    const bomb = Buffer.concat([gzipSync(`${tsv('a')}\n`), gzipSync(Buffer.alloc(200_000_000))]);
    expect(bomb.length).toBeLessThan(200_000);
    const file = join(folder.path, 'bomb');
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
