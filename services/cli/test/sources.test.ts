/** Lists to import: the real ones, what a list is, and the ids of its events. */
import { createReadStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import type { Json } from '@tidemark/canonical';
import { encodeEvent, parseEvent } from '@tidemark/event';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/files.ts';
import { openSource } from '../src/sources.ts';
import { collect, DATA, idOf, itemsOf, SAMPLE, SHA, stanza, tsv } from './lists.ts';

const PACKAGES = join(DATA, 'debian-bookworm-20.packages');

describe('the real lists', () => {
  test('all 5,000 lines of the sample, and the same gzipped', async () => {
    await using folder = await temporaryFolder();
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
    const packed = join(folder.path, 'sample.tsv.gz');
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
    await using folder = await temporaryFolder();
    await expect(itemsOf(join(folder.path, 'absent'))).rejects.toMatchObject({
      code: 'source.read',
    });
    await expect(itemsOf(folder.path)).rejects.toMatchObject({ code: 'source.format' });
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
    await using folder = await temporaryFolder();
    const packed = join(folder.path, 'progress.gz');
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
