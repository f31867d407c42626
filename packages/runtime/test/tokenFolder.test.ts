// Tokens as files: private, seen and gone without a restart, and nothing of a secret among them.
import { chmod, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TokenFolder, type TokenGrant } from '../src/index.ts';

const GRANT: TokenGrant = { subject: 's', upload: [''], read: true, admin: false, expires: null };

let place: string;
let directory: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'tidemark-tokens-'));
  directory = join(place, 'tokens');
});
afterEach(() => rm(place, { recursive: true }));

test('are files that only their owner can read', async () => {
  const folder = new TokenFolder(directory);
  expect(await folder.list()).toEqual([]);
  const { text, record } = await folder.create(GRANT, 1, randomBytes);
  expect(await readdir(directory)).toEqual([`${record.id}.json`]);
  const file = join(directory, `${record.id}.json`);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readFile(file, 'utf8')).not.toContain(text.slice(-43));

  await chmod(file, 0o644);
  await expect(new TokenFolder(directory).list()).rejects.toMatchObject({
    code: 'file.permissions',
  });
});

test('are listed by age, whoever made them', async () => {
  const made = [];
  for (const now of [30, 10, 20]) {
    made.push((await new TokenFolder(directory).create(GRANT, now, randomBytes)).record);
  }
  const listed = await new TokenFolder(directory).list();
  expect(listed).toEqual([made[1], made[2], made[0]]);
});

test('made and revoked elsewhere, are known and unknown a second later', async () => {
  const server = new TokenFolder(directory);
  expect((await server.known(0))('0'.repeat(16))).toBeUndefined();
  const elsewhere = new TokenFolder(directory);
  const { record } = await elsewhere.create(GRANT, 1, randomBytes);
  expect((await server.known(999))(record.id)).toBeUndefined();
  expect((await server.known(1000))(record.id)).toEqual(record);
  await elsewhere.revoke(record.id);
  expect((await server.known(1999))(record.id)).toEqual(record);
  expect((await server.known(2000))(record.id)).toBeUndefined();
  await expect(elsewhere.revoke(record.id)).rejects.toMatchObject({ code: 'token.unknown' });
});

test.each(['../../x', 'x', ''])('an id that is none takes nothing away: %s', async (id) => {
  await writeFile(join(place, 'x.json'), 'kept');
  const folder = new TokenFolder(directory);
  await expect(folder.revoke(id)).rejects.toMatchObject({ code: 'token.unknown' });
  expect(await readdir(place)).toContain('x.json');
});

test('what is no token is named', async () => {
  const folder = new TokenFolder(directory);
  const { record } = await folder.create(GRANT, 1, randomBytes);
  await writeFile(join(directory, `${record.id}.json`), '{"v":1}');
  await expect(folder.list()).rejects.toMatchObject({ code: 'token.record' });
});
