// The configuration of `serve`: its file, its documents, and that nothing about it is said twice.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readServeConfig } from '../src/config/readConfig.ts';
import { DOCUMENTS } from '../src/docs/documents.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function configOf(text: string) {
  const file = join(folder, 'serve.json');
  await writeFile(file, text);
  return readServeConfig({ file, environment: {}, flags: new Map() });
}

test.each([...DOCUMENTS.keys()])('docs/%s is what `npm run docs` makes', async (name) => {
  const path = join(import.meta.dirname, '../../../docs', name);
  expect(await readFile(path, 'utf8')).toBe(await DOCUMENTS.get(name)!());
});

test('a file of settings is read', async () => {
  const text = '{"listen": {"port": 0}, "uploads": {"body_size": "1M", "depth": 8}}';
  const config = await configOf(text);
  expect(config.listen).toEqual({ host: '127.0.0.1', port: 0 });
  expect(config.uploads).toMatchObject({ body_size: 2 ** 20, depth: 8, items: 10_000 });
});

test.each<[string, string, string]>([
  ['no JSON', '{', 'not JSON (json.syntax)'],
  ['a repeated key', '{"listen": {"port": 1, "port": 2}}', 'json.duplicate_key'],
  ['a part longer than the whole', '{"http": {"headers_time": "5m"}}', 'http.headers_time is more'],
  ['a body larger than all', '{"uploads": {"memory": "1M"}}', 'uploads.body_size is more'],
  ['two flaws', '{"listen": {"port": -1}, "x": {}}', '2 flaws:'],
])('%s is refused', async (_, text, said) => {
  await expect(configOf(text)).rejects.toMatchObject({
    code: 'config.invalid',
    message: expect.stringContaining(said),
  });
});

test('a file that is absent, or is a folder, is a fault of the surroundings', async () => {
  for (const file of [join(folder, 'absent.json'), folder]) {
    const read = readServeConfig({ file, environment: {}, flags: new Map() });
    await expect(read).rejects.toMatchObject({ code: 'config.file' });
  }
});

test('where only a flag is wrong, it is a mistake in usage', async () => {
  const flags = new Map([['listen.port', 'x']]);
  const read = readServeConfig({ environment: {}, flags });
  await expect(read).rejects.toMatchObject({ code: 'option.invalid' });
});
