/** Names that others choose, of roles and of targets: whatever they are, they are names and nothing more. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { utf8 } from '@tidemark/canonical';
import * as fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { openTrustFiles } from '../src/files.ts';
import { fileName, memoryStore } from '../src/index.ts';
import { downloaded, repository, ROLES, versionsIn } from './repository.ts';

const folder = await mkdtemp(join(tmpdir(), 'tidemark-names-'));
afterAll(() => rm(folder, { recursive: true }));

const HOSTILE = [
  '..',
  '.',
  '../../up',
  '/etc/passwd',
  'a/../../b',
  'a\\..\\b',
  'C:\\b',
  'a:stream',
  '\\\\host\\share',

  'CON',
  'nul',
  'aux.txt',
  'COM1',
  'lpt9.json',
  'a.',
  'a ',
  ' a',
  '.lock.1',
  '.tmp',
  '.tmp/0',
  '~',
  '-rf',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '1',
  '007',

  'ü',
  'u\u0308',
  '\u{1f600}',
  '\u202egnp.exe',
  'a\u0000b',
  'a\nb',
  '\u001b[2J',
  '%2e%2e',
  '%',
  '*',
  '?',
  '\u212a',
  'roſt',
  'ROOT',
  'Root',
  'TimeStamp',
  'SNAPSHOT',
  'Targets',
  'root.json',
  '%72oot',
];

describe('roles called', () => {
  test.each(HOSTILE)('%j are kept as one file beside the others', async (name) => {
    const directory = join(folder, `role-${HOSTILE.indexOf(name)}`);
    const repo = repository();
    repo.delegate('targets', { name, paths: ['by/*'] });
    repo.add(name, 'by/it');
    repo.publishTargets(name, 'targets');
    repo.publish();
    for (const open of [openTrustFiles, async () => memoryStore()]) {
      const store = await open(directory);
      for (let i = 0; i < 2; i++) {
        const client = await repo.client({ store });
        expect(await downloaded(client, 'by/it')).toBe('content of by/it');
        expect((await client.target('by/it'))?.role).toBe(name);
      }
      expect(await versionsIn(store)).toEqual([1, 2, 2, 2]);
      await store.close();
    }
    const files = (await readdir(directory)).filter((each) => each.endsWith('.json'));
    expect(files).toHaveLength(5);
    // Also where upper and lower case are the same, and where the system has names of its own.
    expect(new Set(files.map((each) => each.toLowerCase())).size).toBe(5);
    expect(files).toEqual(expect.arrayContaining(ROLES.map((role) => `${role}.json`)));
    for (const each of files) expect(each).toMatch(/^[\w.~%-]+$/);
  });

  test('nothing else has come about', async () => {
    const made = (await readdir(folder)).filter((name) => !/^role-\d+$/.test(name));
    expect(made).toEqual([]);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});

test.each(HOSTILE)('targets called %j are listed and downloaded', async (path) => {
  const repo = repository();
  repo.add('targets', path);
  repo.publishTargets('targets');
  repo.publish();
  const client = await repo.client();
  expect((await client.target(path))?.path).toBe(path);
  // Not what every object has.
  for (const other of ['__proto__', 'constructor', 'toString']) {
    if (other !== path) expect(await client.target(other)).toBeUndefined();
  }
});

describe('the name of a file', () => {
  test.each([
    ['..', '.%2E'],
    ['.', '%2E'],
    ['', '%'],
    ['a.', 'a%2E'],
    ['con', '%63on'],
    ['NUL.tar.gz', '%4EUL.tar.gz'],
    ['console', 'console'],
    ['com10', 'com10'],
    ['demo/a-1.0.tar.gz', 'demo%2Fa-1.0.tar.gz'],
    ['a\u0000\\:b', 'a%00%5C%3Ab'],
  ])('%j is %s', (name, file) => {
    expect(fileName(name)).toBe(file);
  });

  test('is one segment, on any system, and another for another name', () => {
    const part = fc.constantFrom(
      '.',
      '..',
      '/',
      '\\',
      '%',
      '%2E',
      '%63',
      'con',
      'CON',
      'a',
      'é',
      ' ',
      ':',
    );
    const name = fc.oneof(
      fc.array(part, { maxLength: 4 }).map((parts) => parts.join('')),
      fc.string({ unit: 'grapheme', maxLength: 6 }).filter((text) => text.isWellFormed()),
    );
    fc.assert(
      fc.property(name, name, (one, other) => {
        const file = fileName(one);
        expect(join('/folder', file)).toBe(`/folder/${file}`);
        expect(basename(file)).toBe(file);
        expect(file).toMatch(/^(?:[\w.~-]|%[0-9A-F]{2})*(?:[\w~-]|%[0-9A-F]{2})$|^%$/);
        expect(file).not.toMatch(/^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i);
        expect(fileName(other) === file).toBe(one === other);
        if (file !== '%') expect(decodeURIComponent(file)).toBe(one);
      }),
      { numRuns: 5000 },
    );
  });
});

test('names are compared as they are: Unicode is not normalized', async () => {
  const repo = repository();
  repo.add('targets', 'caf\u00e9');
  repo.publishTargets('targets');
  repo.publish();
  const client = await repo.client();
  expect((await client.target('caf\u00e9'))?.role).toBe('targets');
  expect(await client.target('cafe\u0301')).toBeUndefined();
  expect(await client.target('caf\ud800')).toBeUndefined();
});

test('a folder that holds a file of no role is none of its business', async () => {
  const store = await openTrustFiles(join(folder, 'role-99'));
  await store.write('a', utf8('1'));
  expect(await store.read('A')).toBeUndefined();
  await store.close();
});
