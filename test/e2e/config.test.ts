// The server's configuration as an operator meets it: a file, variables, flags, and a look beforehand.
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../support/files.ts';
import { initLedger, tidemark, type Ledger } from './tidemark.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let ledger: Ledger;
let file: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  ledger = await initLedger(join(folder.path, 'index'), '--bins', '64');
  file = join(folder.path, 'serve.json');
});
afterAll(() => folder[Symbol.asyncDispose]());

const configure = (config: object): Promise<void> => writeFile(file, JSON.stringify(config));

test('a server works by its file; a flag wins over it', async () => {
  await configure({
    listen: { host: 'localhost', port: 1 },
    ledger: { cut_interval: '50ms', shards: 1 },
    uploads: { body_size: '1K' },
  });
  await using server = await ledger.serve('--config', file);
  expect(server.url).toMatch(/^http:\/\/localhost:\d{4,5}\/$/);
  expect(await ledger.json('status')).toMatchObject({ shards: 1 });
  const { token } = JSON.parse(
    (await tidemark(['tokens', 'create', ledger.folder, '--subject', 'x', '--upload', '--json']))
      .stdout,
  ) as { token: string };
  const answer = await fetch(new URL('v1/events', server.url), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: 'x'.repeat(1025),
  });
  expect(answer.status).toBe(413);
});

test('--check looks at everything and opens nothing', async () => {
  await configure({ listen: { port: 8443 } });
  const before = (await readdir(ledger.folder)).toSorted();
  const right = await tidemark(['serve', ledger.folder, '--config', file, '--check']);
  expect(right).toEqual({ code: 0, stdout: 'The configuration is right.\n', stderr: '' });
  await configure({ listen: { port: 99_999, prot: 1 }, ledger: { memory: 'much' } });
  const wrong = await tidemark(['serve', ledger.folder, '--config', file, '--check']);
  expect(wrong).toMatchObject({ code: 1, stdout: '' });
  expect(wrong.stderr).toContain('3 flaws:');
  for (const name of ['listen.prot', 'listen.port', 'ledger.memory']) {
    expect(wrong.stderr).toContain(`${file}: ${name} is`);
  }
  expect((await readdir(ledger.folder)).toSorted()).toEqual(before);
});

test('a wrong flag is a mistake in usage, whatever else is wrong it is none', async () => {
  await configure({});
  const flag = await tidemark(['serve', ledger.folder, '--config', file, '--port', 'x', '--check']);
  expect(flag.code).toBe(2);
  const absent = await tidemark(['serve', ledger.folder, '--config', `${file}x`, '--check']);
  expect(absent).toMatchObject({ code: 1 });
  expect(absent.stderr).toContain('(config.file)');
});
