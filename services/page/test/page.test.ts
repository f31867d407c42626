// The built page as a server finds it: whole, or not at all.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromUtf8 } from '@tidemark/canonical';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readPage } from '../src/index.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-page-'));
});
afterEach(async () => await rm(folder, { recursive: true }));

test('there is none where nothing was built, or only half of it', async () => {
  expect(await readPage(join(folder, 'absent'))).toBeUndefined();
  expect(await readPage(folder)).toBeUndefined();
  await writeFile(join(folder, 'index.html'), '<p>');
  expect(await readPage(folder)).toBeUndefined();
});

test('its scripts and style sheets have their types; other files are left out', async () => {
  await writeFile(join(folder, 'index.html'), '<p>');
  await mkdir(join(folder, 'page'));
  for (const name of ['a-1.js', 'b-2.css', 'c.map']) {
    await writeFile(join(folder, 'page', name), name);
  }
  const page = (await readPage(folder))!;
  expect(fromUtf8(page.html)).toBe('<p>');
  const files = [...page.assets].map(([name, { type, bytes }]) => [name, type, fromUtf8(bytes)]);
  expect(new Set(files.map(String))).toEqual(
    new Set([
      'a-1.js,text/javascript; charset=utf-8,a-1.js',
      'b-2.css,text/css; charset=utf-8,b-2.css',
    ]),
  );
});
