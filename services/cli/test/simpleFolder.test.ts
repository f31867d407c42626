/** Folders of PEP 691 documents: what becomes of each file, and what is refused with which code. */
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/files.ts';
import { importEventId } from '../src/sources/item.ts';
import { openSource, type SourceItem } from '../src/sources.ts';

const SHA = 'c0'.repeat(32);
const hashes = { sha256: SHA };
const META = { 'api-version': '1.1' };

let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
let folders = 0;
beforeAll(async () => {
  temporary = await temporaryFolder();
});
afterAll(() => temporary[Symbol.asyncDispose]());

/** Writes documents (objects as JSON) into a new folder. */
async function folderOf(documents: Readonly<Record<string, unknown>>): Promise<string> {
  const folder = join(temporary.path, String(folders++));
  await mkdir(folder);
  for (const [path, document] of Object.entries(documents)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    const text = typeof document === 'string' ? document : JSON.stringify(document);
    await writeFile(join(folder, path), text);
  }
  return folder;
}

async function read(folder: string): Promise<{ items: SourceItem[]; bytesRead: number }> {
  const source = await openSource(folder, { stdin: Readable.from([]) });
  expect(source.format).toBe('simple');
  const items: SourceItem[] = [];
  for await (const item of source.items) items.push(item);
  return { items, bytesRead: source.bytesRead() };
}

const brief = ({ items }: { items: readonly SourceItem[] }): string[] =>
  items.map((item) =>
    'event' in item
      ? `${item.document}:${item.line}:${item.event.path}`
      : `${item.document}:${item.line}!${item.code}`,
  );

const file = (filename: string, more: object = {}): object => ({
  filename,
  url: `https://files.example/${filename}`,
  size: 12,
  hashes,
  'requires-python': null,
  ...more,
});

describe('documents', () => {
  test('become targets PROJECT/FILENAME, yanked with their reason, in the order of names', async () => {
    const lib = {
      meta: META,
      name: 'demo-lib',
      versions: ['1.0', '1.1'],
      files: [
        file('demo_lib-1.0.tar.gz', {
          yanked: 'breaks on 32 bit',
          hashes: { ...hashes, md5: 'x' },
        }),
        file('demo_lib-1.1.tar.gz', { yanked: false }),
        file('demo_lib-1.1-py3-none-any.whl', { yanked: true }),
      ],
    };
    const documents = {
      'index.json': { meta: META, projects: [{ name: 'demo-lib' }] },
      'README.txt': 'not a document',
      'notes/readme.txt': 'nor this',
      'demo-lib/index.json': lib,
      'a.json': { meta: { 'api-version': '1.0' }, name: 'a', files: [file('a-1.zip')] },
      'Zope.Interface/index.v1_json': { meta: META, name: 'zope.interface', files: [] },
      'zed/index.v1_json': { meta: META, name: 'ZED', files: [file('zed-1.zip')] },
    };
    const { items, bytesRead } = await read(await folderOf(documents));
    const added = (path: string, custom: object = {}): object => {
      const event = { type: 'target.added', path, length: 12, hashes, ...custom } as const;
      return { ...event, id: importEventId(event) };
    };
    const document = 'demo-lib/index.json';
    expect(items).toEqual([
      { line: 1, document: 'a.json', event: added('a/a-1.zip') },
      {
        line: 1,
        document,
        event: added('demo-lib/demo_lib-1.0.tar.gz', { custom: { yanked: 'breaks on 32 bit' } }),
      },
      { line: 2, document, event: added('demo-lib/demo_lib-1.1.tar.gz') },
      {
        line: 3,
        document,
        event: added('demo-lib/demo_lib-1.1-py3-none-any.whl', { custom: { yanked: true } }),
      },
      { line: 1, document: 'zed/index.v1_json', event: added('zed/zed-1.zip') },
    ]);
    const texts = [
      'a.json',
      'Zope.Interface/index.v1_json',
      'demo-lib/index.json',
      'zed/index.v1_json',
    ];
    const lengths = texts.map((path) => JSON.stringify(documents[path as 'a.json']).length);
    expect(bytesRead).toBe(lengths.reduce((a, b) => a + b));
  });

  test('a reason is cut and its other characters replaced: the yank holds', async () => {
    const files = [
      file('a-1.zip', { yanked: 'naïve\n“quoted”' }),
      file('a-2.zip', { yanked: 'x'.repeat(5000) }),
    ];
    const { items } = await read(await folderOf({ 'a.json': { meta: META, name: 'a', files } }));
    expect(items.map((item) => 'event' in item && item.event.custom)).toEqual([
      { yanked: 'na?ve?quoted?' },
      { yanked: 'x'.repeat(1000) },
    ]);
  });
});

describe('refused', () => {
  test('a file with its place and a code, the good ones kept', async () => {
    const without = (filename: string, ...names: string[]): object =>
      Object.fromEntries(Object.entries(file(filename)).filter(([name]) => !names.includes(name)));
    const files = [
      file('ok-1.zip'),
      without('a.zip', 'size'),
      file('a.zip', { size: '12' }),
      file('a.zip', { size: -1 }),
      without('a.zip', 'hashes'),
      file('a.zip', { hashes: {} }),
      file('a.zip', { hashes: { sha256: SHA.toUpperCase() } }),
      file('a.zip', { yanked: '' }),
      file('a.zip', { yanked: null }),
      without('a.zip', 'filename'),
      file('../b/b.zip'),
      file('..'),
      file('a b.zip'),
      'a.zip',
      null,
      file('ok-2.zip'),
    ];
    const document = { meta: META, name: 'a', files };
    expect(brief(await read(await folderOf({ 'a.json': document })))).toEqual(
      [
        '1:a/ok-1.zip',
        '2!simple.size',
        '3!simple.size',
        '4!simple.size',
        '5!simple.sha256',
        '6!simple.sha256',
        '7!simple.sha256',
        '8!simple.yanked',
        '9!simple.yanked',
        '10!simple.filename',
        '11!simple.filename',
        '12!path.dot_segment',
        '13!path.charset',
        '14!simple.file',
        '15!simple.file',
        '16:a/ok-2.zip',
      ].map((each) => `a.json:${each}`),
    );
  });

  test('a document as a whole, the others kept', async () => {
    const project = (more: object): object => ({ meta: META, name: 'x', files: [], ...more });
    const folder = await folderOf({
      'a.json': '{"meta": ',
      'b.json': project({ meta: { 'api-version': '2.0' } }),
      'c.json': project({ meta: { 'api-version': 1 } }),
      'd.json': project({ meta: {} }),
      'e.json': project({ files: {} }),
      'f.json': project({ name: 'other', files: [file('other-1.zip')] }),
      'g.json': project({ name: 7 }),
      'h.json': '[]',
      'i.json': '{"meta": {"api-version": "1.1"}, "name": "i", "name": "j", "files": []}',
      'j.json/index.html': '',
      'ok.json': project({ name: 'ok', files: [file('ok-1.zip')] }),
    });
    await symlink('/dev/zero', join(folder, 'l.json'));
    expect(brief(await read(folder))).toEqual([
      'a.json:0!json.syntax',
      'b.json:0!simple.version',
      'c.json:0!simple.version',
      'd.json:0!simple.document',
      'e.json:0!simple.document',
      'f.json:0!simple.name',
      'g.json:0!simple.name',
      'h.json:0!simple.document',
      'i.json:0!json.duplicate_key',
      'l.json:0!simple.document',
      'ok.json:1:ok/ok-1.zip',
    ]);
  });

  test('a folder without documents', async () => {
    for (const documents of [{}, { 'index.json': {}, 'list.tsv': '', 'a/b.json': '{}' }]) {
      const opened = openSource(await folderOf(documents), { stdin: Readable.from([]) });
      await expect(opened).rejects.toMatchObject({ code: 'source.format' });
    }
  });

  test('any JSON ends in items, never in an error', async () => {
    const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom('a.zip', 12, hashes));
    const entry = fc.record({ filename: value, size: value, hashes: value, yanked: value });
    const document = fc.record({
      meta: fc.oneof(value, fc.constant(META)),
      name: fc.oneof(value, fc.constant('a')),
      files: fc.oneof(value, fc.array(fc.oneof(value, entry), { maxLength: 5 })),
    });
    await fc.assert(
      fc.asyncProperty(document, async (each) => {
        const { items } = await read(await folderOf({ 'a.json': each }));
        for (const item of items) expect(item.document).toBe('a.json');
      }),
      { numRuns: 200 },
    );
  });
});
