// The command line as a person meets it: help, mistakes, refusals, each with what to do next.
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/files.ts';
import { initLedger, tidemark, type Ledger } from './tidemark.ts';

const COMMANDS = ['init', 'serve', 'import', 'add', 'remove', 'yank', 'show', 'status', 'export'];

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let ledger: Ledger;
beforeAll(async () => {
  folder = await temporaryFolder();
  ledger = await initLedger(join(folder.path, 'index'), '--bins', '64');
});
afterAll(() => folder[Symbol.asyncDispose]());

describe('help', () => {
  test('names every command', async () => {
    const { code, stdout } = await tidemark(['--help']);
    expect(code).toBe(0);
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
  });

  test.each(COMMANDS)('%s --help has an example that begins like it', async (command) => {
    const { code, stdout } = await tidemark([command, '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Examples?:\n  npx tidemark ${command} /`, 'm'));
  });
});

describe('mistakes in usage exit with 2', () => {
  const SHA256 = 'a'.repeat(64);
  test.each<[string, string[], string]>([
    ['an unknown command', ['serv'], 'Did you mean serve?'],
    ['an unknown option', ['status', 'x', '--jsn'], 'Did you mean --json?'],
    ['no folder', ['status'], 'missing required argument'],
    ['no path', ['yank', 'x'], 'missing required argument'],
    ['a port that is none', ['serve', 'x', '--port', '99999'], 'from 0 to 65535'],
    ['a time without a unit', ['serve', 'x', '--cut-interval', '250'], '250ms, 1s'],
    ['a size without a unit', ['serve', 'x', '--memory', '1'], '512M, 2G'],
    ['a snapshot that is none', ['show', 'x', 'bins', '--at', '0'], 'a whole number from 1'],
    ['another wait', ['yank', 'x', 'p', '--wait', 'soon'], 'durable, published'],
    ['bins that are no number', ['init', 'DIR', '--bins', 'many'], 'a whole number'],
    ['another delegation', ['init', 'DIR', '--delegation', 'tree'], 'succinct, prefixes'],
    ['add without content', ['add', 'x', 'a/b'], 'add needs --file F, or --length N'],
    ['a hash that is none', ['add', 'x', 'a/b', '--length', '1', '--sha256', 'x'], '64 lower-case'],
    ['a length that is none', ['add', 'x', 'a/b', '--length', '-', '--sha256', SHA256], 'bytes'],
  ])('%s', async (_, args, said) => {
    const before = await readdir(folder.path);
    const { code, stdout, stderr } = await tidemark(
      args.map((arg) => (arg === 'DIR' ? join(folder.path, 'new') : arg)),
    );
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(said);
    expect(await readdir(folder.path)).toEqual(before);
  });

  test.each([
    ['bins', '1000', 'a power of two'],
    ['partitions', '3', 'a power of two'],
  ])('%s %s', async (option, value, said) => {
    const place = join(folder.path, 'new');
    const { code, stderr } = await tidemark(['init', place, '--yes', `--${option}`, value]);
    expect(code).toBe(2);
    expect(stderr).toContain(said);
    expect(await readdir(folder.path)).not.toContain('new');
  });

  test('but a folder that is no ledger is a fault, with the command that makes one', async () => {
    const place = join(folder.path, 'nothing');
    for (const args of [
      ['status'],
      ['serve'],
      ['show', 'bins'],
      ['export', 'out'],
      ['yank', 'p'],
    ]) {
      const [command = '', ...rest] = args;
      const { code, stderr } = await tidemark([command, place, ...rest]);
      expect(code).toBe(1);
      expect(stderr).toBe(
        `tidemark: ${place} is not a ledger; make one with: npx tidemark init ${place} (ledger.absent)\n`,
      );
    }
  });
});

describe('one server', () => {
  test('a second one is refused with what to do, and the first goes on', async () => {
    await using first = await ledger.serve();
    const { code, stderr } = await ledger.run('serve', '--port', '0');
    expect(code).toBe(1);
    expect(stderr).toContain(`a server runs on ${ledger.folder} already`);
    expect(stderr).toContain(`npx tidemark status ${ledger.folder}`);
    expect(await ledger.json('status')).toMatchObject({ running: true });
    expect(await first.stop('SIGTERM')).toBe(0);
    expect(first.stdout).toContain('nothing that was acknowledged is lost');
    expect(await readdir(ledger.folder)).not.toContain('serve.sock');
  });

  test('a port that is taken ends it, and leaves the ledger free', async () => {
    await using first = await ledger.serve();
    const other = await initLedger(join(folder.path, 'second'), '--bins', '64');
    const { port } = new URL(first.url);
    const { code, stderr } = await other.run('serve', '--port', port);
    expect(code).toBe(1);
    expect(stderr).toContain('something else listens there; choose another with --port');
    await using free = await other.serve();
    expect((await free.get('metadata/timestamp.json')).status).toBe(200);
  });

  test('a killed one leaves nothing in the way', async () => {
    const first = await ledger.serve();
    await first.kill();
    expect(await readdir(ledger.folder)).toContain('serve.sock');
    expect(await ledger.json('status')).toMatchObject({ running: false });
    await using second = await ledger.serve();
    expect(await second.stop()).toBe(0);
  });

  test('commands wait for one another', async () => {
    const runs = await Promise.all([1, 2, 3].map(() => ledger.run('status')));
    expect(runs.map(({ code, stderr }) => ({ code, stderr }))).toEqual(
      runs.map(() => ({ code: 0, stderr: '' })),
    );
  });
});

describe('a state that was deleted', () => {
  test('is rebuilt before anything is answered from it', async () => {
    const rebuilt = await initLedger(join(folder.path, 'rebuilt'), '--bins', '64');
    for (let i = 0; i < 6; i++) {
      const target = [`p/${i}`, '--length', '1', '--sha256', 'a'.repeat(64)];
      await rebuilt.run('add', ...target, '--wait', 'published');
    }
    const { snapshot } = await rebuilt.json<{ snapshot: number }>('status');
    expect(snapshot).toBeGreaterThan(6);
    const remove = async (name: string): Promise<void> =>
      rm(join(rebuilt.folder, name), { recursive: true });

    for (const name of ['state/publisher', 'state']) {
      await remove(name);
      expect(await rebuilt.json('status')).toMatchObject({ snapshot });
      await remove(name);
      await using server = await rebuilt.serve();
      const shown = await rebuilt.json('show', 'p/5');
      expect(shown).toMatchObject({ snapshot, target: { length: 1 } });
      expect((await server.get(`metadata/${snapshot}.timestamp.json`)).status).toBe(200);
    }
  });
});
