// `tidemark init`: what it makes and says, where it refuses; and the keys it made, as serve wants to find them.
import {
  chmod,
  cp,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/files.ts';
import { initLedger, tidemark, type Ledger } from './tidemark.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let links: Awaited<ReturnType<typeof temporaryFolder>>;
let ledger: Ledger;
beforeAll(async () => {
  folder = await temporaryFolder();
  ledger = await initLedger(join(folder.path, 'index'), '--bins', '64');
  links = await temporaryFolder();
  await symlink(folder.path, join(links.path, 'index'));
  await symlink('circle', join(links.path, 'circle'));
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
  await links[Symbol.asyncDispose]();
});

describe('init', () => {
  test('says where the keys are, what --yes means and what comes next', async () => {
    const place = join(folder.path, 'said');
    const { code, stdout } = await tidemark(['init', place, '--yes', '--bins', '64']);
    expect(code).toBe(0);
    expect(stdout).toContain(`Made a ledger in ${place}.`);
    expect(stdout).toContain('root 2 of 3, targets 2 of 2, bins 2 of 2, operators 2 of 3');
    expect(stdout).toContain('for trying out, never for an index');
    expect(stdout).toContain(
      `export TIDEMARK_PASSPHRASE_FILE=${place}-offline-keys/demo-passphrase.txt\n` +
        `  npx tidemark serve ${place}\n`,
    );
  });

  test('keeps private what is private', async () => {
    const mode = async (...path: string[]): Promise<number> =>
      (await stat(join(...path))).mode & 0o777;
    expect(await mode(ledger.folder)).toBe(0o700);
    expect(await mode(ledger.offlineKeys)).toBe(0o700);
    for (const keys of [join(ledger.folder, 'keys'), ledger.offlineKeys]) {
      const names = await readdir(keys);
      expect(names.length).toBeGreaterThan(6);
      for (const name of names) expect(await mode(keys, name)).toBe(0o600);
    }
    expect((await readdir(ledger.offlineKeys)).toSorted()).toEqual([
      'bins-delegator-1.key.json',
      'bins-delegator-2.key.json',
      'demo-passphrase.txt',
      'operator-1.key.json',
      'operator-2.key.json',
      'operator-3.key.json',
      'root-1.key.json',
      'root-2.key.json',
      'root-3.key.json',
      'targets-1.key.json',
      'targets-2.key.json',
    ]);
  });

  test.each<[string, (other: string) => string[], string]>([
    ['a second time', () => [ledger.folder], 'npx tidemark serve '],
    [
      'with keys inside',
      (other) => [other, '--offline-keys', join(other, 'keys', 'offline')],
      'must lie outside the ledger’s folder',
    ],
    [
      'over the keys of another',
      (other) => [other, '--offline-keys', ledger.offlineKeys],
      'choose another --offline-keys',
    ],
    [
      'with keys inside, by way of a link',
      (other) => [other, '--offline-keys', join(links.path, 'index', 'other', 'keys')],
      'must lie outside the ledger’s folder',
    ],
    ['below a file', () => ['/dev/null/x'], 'no ledger can be made in /dev/null/x (ENOTDIR)'],
    ['with keys below a file', (other) => [other, '--offline-keys', '/dev/null/x'], '(ENOTDIR)'],
    [
      'where no folder can be made',
      () => ['/proc/other', '--offline-keys', join(folder.path, 'keys')],
      'no ledger can be made in /proc/other (ENOENT)',
    ],
    [
      'with keys where no folder can be made',
      (other) => [other, '--offline-keys', '/proc/x'],
      '/proc/x (ENOENT)',
    ],
    ['behind links in a circle', () => [join(links.path, 'circle', 'x')], '(ELOOP)'],
    ['without a terminal to ask on', (other) => [other], 'set TIDEMARK_PASSPHRASE_FILE'],
  ])('%s is refused, and changes nothing', async (_, args, said) => {
    const other = join(folder.path, 'other');
    const before = await everythingIn(folder.path);
    const asked = said.includes('TIDEMARK') ? [] : ['--yes'];
    const { code, stderr } = await tidemark(['init', ...args(other), ...asked]);
    expect(code).toBe(1);
    expect(stderr).toContain(said);
    expect(stderr).toMatch(/^tidemark: .* \([a-z]+\.[a-z_]+\)\n$/);
    expect(await everythingIn(folder.path)).toEqual(before);
  });
});

describe('keys', () => {
  const hide = async (key: string, as: string): Promise<string> => {
    const inside = join(ledger.folder, as);
    await mkdir(dirname(inside), { recursive: true });
    await cp(join(ledger.offlineKeys, `${key}.key.json`), inside);
    return inside;
  };
  const rewrite = async (path: string, change: (text: string) => string): Promise<void> =>
    writeFile(path, change(await readFile(path, 'utf8')));
  const link = async (to: string, as: string): Promise<void> =>
    symlink(to, join(ledger.folder, as));
  const renamed = (text: string): string => text.replace(/"purpose": "[^"]+"/, '"purpose": "mine"');

  test.each<[string, string, () => Promise<unknown>]>([
    ['root-1 by its name', 'x/root-1.key.json', () => hide('root-1', 'x/root-1.key.json')],
    ['targets-2 in a backup', 'x/keys/t', () => hide('targets-2', 'x/keys/t')],
    [
      'bins-delegator-1 among the metadata',
      'metadata/x',
      () => hide('bins-delegator-1', 'metadata/x'),
    ],
    ['operator-3 among the objects', 'objects/x', () => hide('operator-3', 'objects/x')],
    ['one at the top', 'x.json', () => hide('root-1', 'x.json')],
    ['one far down', 'x/b/c/d/e/f/g/h/k', () => hide('root-1', 'x/b/c/d/e/f/g/h/k')],
    [
      'an archive by its name',
      'x/ROOT-1.KEY.JSON.gz',
      async () => {
        await rewrite(await hide('root-1', 'x/ROOT-1.KEY.JSON.gz'), () => 'packed'.repeat(2000));
      },
    ],
    [
      'one written anew',
      'x/k',
      async () => {
        await rewrite(await hide('root-1', 'x/k'), (text) =>
          JSON.stringify({ note: '', ...JSON.parse(text) }),
        );
      },
    ],
    ['a key that root names', 'x/k', async () => rewrite(await hide('targets-1', 'x/k'), renamed)],
    [
      'a key that genesis names',
      'x/k',
      async () => rewrite(await hide('operator-1', 'x/k'), renamed),
    ],
    ['a link to a file', 'x', () => link(join(ledger.offlineKeys, 'root-1.key.json'), 'x')],
    ['a link to their folder', 'x/', () => link(ledger.offlineKeys, 'x')],
    [
      'a link beside one that leads back',
      'x/k',
      async () => {
        await hide('root-1', 'x/k');
        await link(ledger.folder, 'x/again');
        await link('self', 'x/self');
      },
    ],
  ])('nothing starts while an offline key lies inside: %s', async (_, at, put) => {
    await put();
    const { code, stderr } = await ledger.run('serve', '--port', '0');
    for (const name of ['x', 'x.json', 'metadata/x', 'objects/x']) {
      await rm(join(ledger.folder, name), { recursive: true, force: true });
    }
    expect(code).toBe(1);
    expect(stderr).toContain(`tidemark: ${join(ledger.folder, at)}`);
    expect(stderr).toContain('is an offline key');
    expect(stderr).toContain('Move it to a machine that is not connected');
    expect(stderr).toContain('(keys.offline_inside)');
  });

  test('but what uploaders send cannot keep it from starting, nor does what leads nowhere', async () => {
    const sha256 = 'ab'.repeat(32);
    await hide('root-1', `objects/ab/${sha256}`);
    await link('nowhere', 'nowhere');
    await link('.', 'circle');
    expect((await ledger.run('status')).code).toBe(0);
    await rm(join(ledger.folder, 'objects/ab', sha256));
    for (const name of ['nowhere', 'circle']) await rm(join(ledger.folder, name));
  });

  test('a wrong passphrase is refused', async () => {
    const wrong = join(folder.path, 'wrong.txt');
    await writeFile(wrong, 'another passphrase\n', { mode: 0o600 });
    const { code, stderr } = await tidemark(['serve', ledger.folder], { passphraseFile: wrong });
    expect(code).toBe(1);
    expect(stderr).toContain('the passphrase does not open the keys');
  });

  test.each([0o640, 0o604])('a key file of mode %o is refused', async (mode) => {
    const key = join(ledger.folder, 'keys', 'timestamp.key.json');
    await chmod(key, mode);
    const { code, stderr } = await ledger.run('serve');
    await chmod(key, 0o600);
    expect(code).toBe(1);
    expect(stderr).toContain(`chmod 600 '${key}'`);
    expect((await ledger.run('status')).code).toBe(0);
  });

  test('a passphrase file that anybody can read is refused', async () => {
    await chmod(ledger.passphraseFile, 0o644);
    const { code, stderr } = await ledger.run('serve');
    await chmod(ledger.passphraseFile, 0o600);
    expect(code).toBe(1);
    expect(stderr).toContain(`chmod 600 '${ledger.passphraseFile}'`);
  });

  test('a missing key is named', async () => {
    const key = join(ledger.folder, 'keys', 'snapshot.key.json');
    await cp(key, join(folder.path, 'snapshot.key.json'), { preserveTimestamps: true });
    await rm(key);
    const { code, stderr } = await ledger.run('serve');
    await cp(join(folder.path, 'snapshot.key.json'), key);
    await chmod(key, 0o600);
    expect(code).toBe(1);
    expect(stderr).toContain('the online key snapshot is missing');
  });
});

/** Names of all files, without those of the logs and the state, which every command touches. */
async function everythingIn(place: string): Promise<string[]> {
  const names = await readdir(place, { recursive: true });
  return names.filter((name) => !/\/(?:log|state|metadata)\//.test(name)).toSorted();
}
