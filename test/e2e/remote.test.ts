// Commands with a URL in place of a folder: each does what it does there, with a token where the server asks for one.
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requireComponent } from '../support/component.ts';
import { temporaryFolder } from '../support/files.ts';
import { makeCertificate, provideOpenssl } from './certificate.ts';
import { initLedger, tidemark, type Ledger, type Run, type Serving } from './tidemark.ts';

const SHA = 'c0'.repeat(32);
const CONTENT = ['--length', '3', '--sha256', SHA];

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let ledger: Ledger;
let server: Serving;
const tokens = new Map<string, string>();

beforeAll(async () => {
  folder = await temporaryFolder();
  ledger = await initLedger(join(folder.path, 'index'), '--bins', '64');
  tokens.set('index', await ledger.token('--subject', 'index', '--upload'));
  tokens.set('numpy', await ledger.token('--subject', 'numpy', '--upload', 'numpy'));
  tokens.set('admin', await ledger.token('--subject', 'admin', '--admin'));
  const past = ['--expires', '2020-01-31'];
  tokens.set('expired', await ledger.token('--subject', 'old', '--upload', ...past));
  tokens.set(
    'unknown',
    tokens.get('index')!.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')),
  );
  server = await ledger.serve('--cut-interval', '50ms');
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
  await folder[Symbol.asyncDispose]();
});

/** `tidemark COMMAND URL ARGS…`, with somebody's token. */
async function as(who: string, command: string, ...args: readonly string[]): Promise<Run> {
  const token = tokens.get(who);
  const environment = token === undefined ? undefined : { TIDEMARK_TOKEN: token };
  return tidemark([command, server.url, ...args], { environment });
}

test('add, yank and remove do what they do on a folder; show shows the same', async () => {
  const added = await as('index', 'add', 'numpy/a', ...CONTENT, '--wait', 'published');
  expect(added).toMatchObject({ code: 0, stderr: '' });
  expect(added.stdout).toMatch(/^numpy\/a: in snapshot \d+\n$/);
  const { stdout } = await as(
    'index',
    'yank',
    'numpy/a',
    '--reason',
    'breaks',
    '--wait',
    'published',
    '--json',
  );
  const { snapshot } = JSON.parse(stdout) as { snapshot: number };
  const removed = await as('index', 'remove', 'numpy/a');
  expect(removed.stdout).toBe('numpy/a: stored; it will be in the next snapshot\n');

  const yanked = await as('nobody', 'show', 'numpy/a', '--at', String(snapshot), '--json');
  expect(JSON.parse(yanked.stdout)).toMatchObject({
    target: { length: 3, hashes: { sha256: SHA }, custom: { yanked: 'breaks' } },
  });
  for (const args of [
    ['numpy/a', '--at', String(snapshot)],
    ['root'],
    ['bins', '--json'],
    ['numpy/none'],
  ]) {
    const there = await ledger.run('show', ...args);
    expect(await as('nobody', 'show', ...args)).toEqual(there);
    expect(there.stdout).not.toBe('');
  }
});

test('add --file takes length and hash from it, and says that the bytes stay', async () => {
  const file = join(folder.path, 'file');
  await writeFile(file, 'hello\n');
  const { code, stderr } = await as('index', 'add', 'f/1', '--file', file, '--wait', 'published');
  expect(code).toBe(0);
  expect(stderr).toContain('takes no files by URL');
  const shown = await as('nobody', 'show', 'f/1', '--json');
  expect(JSON.parse(shown.stdout)).toMatchObject({
    target: {
      length: 6,
      hashes: { sha256: '5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03' },
    },
  });
  const [name, hash] = ['f/', '5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03'];
  expect((await server.get(`targets/${name}${hash}.1`)).status).toBe(404);
});

describe('status', () => {
  test('to an admin is what it is on the folder', async () => {
    const { stdout } = await as('admin', 'status', '--json');
    const there = await ledger.json<object>('status');
    const ours = JSON.parse(stdout) as object;
    expect(Object.keys(ours)).toEqual(Object.keys(there));
    expect(ours).toMatchObject({
      running: true,
      snapshot: expect.any(Number),
      shards: expect.any(Number),
    });
  });

  test.each(['nobody', 'index'])('to %s is what is public, and says so', async (who) => {
    const { code, stdout } = await as(who, 'status');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^index +a server is running; it does its work\n\nsnapshot +\d+, /);
    expect(stdout).toContain('take a token that was made with --admin');
    const json = JSON.parse((await as(who, 'status', '--json')).stdout) as object;
    const whole = await ledger.json<Record<string, unknown>>('status');
    const { running, public_only, snapshot_time, ...rest } = json as Record<string, unknown>;
    expect({ running, public_only }).toEqual({ running: true, public_only: true });
    expect(snapshot_time).toEqual(expect.any(String));
    expect(whole).toMatchObject(rest);
  });
});

describe('a token that does not count', () => {
  test.each([
    ['nobody', 'token.absent'],
    ['expired', 'token.expired'],
    ['unknown', 'token.unknown'],
    ['admin', 'token.scope'],
  ])('of %s: refused with what to do, and nothing is listed', async (who, code) => {
    const run = await as(who, 'add', `refused/${who}`, ...CONTENT, '--wait', 'published');
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toContain(`(${code})`);
    expect(run.stderr).toContain('npx tidemark tokens create DIR');
    expect((await as('nobody', 'show', `refused/${who}`)).code).toBe(1);
  });

  test('for other paths: each is refused, what is allowed is done', async () => {
    const paths = ['numpy/mine', 'scipy/not'];
    const run = await as('numpy', 'add', ...paths, ...CONTENT, '--wait', 'published');
    expect(run.code).toBe(1);
    expect(run.stdout).toMatch(
      /^numpy\/mine: in snapshot \d+\nscipy\/not: rejected \(token\.path: /,
    );
    expect((await as('nobody', 'show', 'scipy/not')).stdout).toContain('is not listed');
  });

  test('that others can read is refused before anything is sent', async () => {
    const file = join(folder.path, 'token');
    await writeFile(file, `${tokens.get('index')}\n`, { mode: 0o600 });
    const add = async (path: string): Promise<Run> =>
      as('nobody', 'add', path, ...CONTENT, '--token-file', file, '--wait', 'published');
    expect((await add('file/1')).code).toBe(0);
    await chmod(file, 0o644);
    const { code, stderr } = await add('file/2');
    expect(code).toBe(1);
    expect(stderr).toContain(`chmod 600 '${file}'`);
    expect((await as('nobody', 'show', 'file/2')).code).toBe(1);
  });

  test('goes to no other machine over http', async () => {
    const environment = { TIDEMARK_TOKEN: tokens.get('index')! };
    const to = ['yank', 'http://index.example/', 'a/b', '--retry-for', '100ms'];
    const refused = await tidemark(to, { environment });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('(remote.plain)');
    const meant = await tidemark([...to, '--allow-plain'], { environment });
    expect(meant.stderr).not.toContain('(remote.plain)');
  });
});

test('what is only for a URL is refused for a folder', async () => {
  const { code, stderr } = await ledger.run('status', '--allow-plain');
  expect(code).toBe(2);
  expect(stderr).toContain('(option.remote)');
});

await requireComponent('openssl', provideOpenssl, 'over TLS', () => {
  test('with an authority that NODE_EXTRA_CA_CERTS names, and no other', async () => {
    const pair = makeCertificate(folder.path, 'own');
    const config = join(folder.path, 'serve.json');
    await writeFile(config, JSON.stringify({ tls: pair }));
    const other = await initLedger(join(folder.path, 'tls'), '--bins', '64');
    const token = await other.token('--subject', 'index', '--upload');
    await using secure = await other.serve('--config', config, '--cut-interval', '50ms');
    const add = async (environment: Record<string, string>): Promise<Run> =>
      tidemark(['add', secure.url, 'a/b', ...CONTENT, '--wait', 'published'], {
        environment: { TIDEMARK_TOKEN: token, ...environment },
      });
    const refused = await add({});
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('NODE_EXTRA_CA_CERTS');
    expect(refused.stderr).toContain('(remote.tls)');
    const done = await add({ NODE_EXTRA_CA_CERTS: pair.cert });
    expect(done).toMatchObject({ code: 0, stderr: '' });
    expect(done.stdout).toMatch(/^a\/b: in snapshot \d+\n$/);
  });
});
