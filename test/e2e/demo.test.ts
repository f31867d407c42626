// `npm start`, as a stranger types it: a signed repository of real packages within a minute of its
// start, nothing lost by SIGKILL, a clean end by Ctrl-C.
import { spawnSync } from 'node:child_process';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askPythonTuf } from '../clients/python.ts';
import { requireComponent } from '../support/component.ts';
import { temporaryFolder } from '../support/files.ts';
import { providePythonTuf } from '../support/provision.ts';
import { CHECKOUT, openLedger, Serving } from './tidemark.ts';

const EXAMPLE = 'pool/main/0/0ad/0ad_0.0.26-3_amd64.deb';
const KILL_AT = join(CHECKOUT, 'test/support/killAt.ts');

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let demo: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  demo = join(folder.path, 'demo');
});
afterAll(() => folder[Symbol.asyncDispose]());

/** What `npm start` runs, on a folder of the test's own. */
async function npmStart(): Promise<Serving> {
  return Serving.start(process.execPath, await startArguments(), { cwd: CHECKOUT });
}

/** The same, killed just before the n-th call of a function. */
async function npmStartKilled(at: string): Promise<{ signal: string | null; said: string }> {
  const { signal, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', KILL_AT, ...(await startArguments())],
    { cwd: CHECKOUT, env: { ...process.env, TIDEMARK_TEST_KILL_AT: at }, encoding: 'utf8' },
  );
  return { signal, said: stdout + stderr };
}

async function startArguments(): Promise<string[]> {
  const { scripts } = JSON.parse(await readFile(join(CHECKOUT, 'package.json'), 'utf8')) as {
    scripts: { start: string };
  };
  const [exec, node, ...args] = scripts.start.split(' ');
  expect([exec, node]).toEqual(['exec', 'node']);
  return [...args, '--dir', demo, '--port', '0'];
}

// Each goes on from what the one before it left.
test('killed at any step of its making, it begins anew', async () => {
  for (const at of [
    'rename:1', // before the passphrase is there
    'rename:2', // before the first offline key
    'rename:7', // halfway through them
    'rename:12', // all of them, none of the online keys
    'rm:2', // halfway through removing what is left of it
    'rm:11', // the passphrase alone is left
    'rename:16', // halfway through the online keys
    'rename:20', // before the ledger is put into its place
    'rename:11',
  ]) {
    expect({ at, ...(await npmStartKilled(at)) }).toMatchObject({ at, signal: 'SIGKILL' });
    await expect(stat(demo)).rejects.toMatchObject({ code: 'ENOENT' });
  }
  await using server = await npmStart();
  expect(server.stdout).toContain('5000 real packages: 5000 added, 0 there already.');
  expect(await server.stop('SIGTERM')).toBe(0);
  expect((await readdir(folder.path)).toSorted()).toEqual(['demo', 'demo-offline-keys']);
  expect(await readdir(`${demo}-offline-keys`)).toHaveLength(11);
  for (const name of ['demo', 'demo-offline-keys']) {
    await rm(join(folder.path, name), { recursive: true });
  }
});

await requireComponent('python-tuf', providePythonTuf, 'npm start', (python) => {
  test('makes it, serves it; killed and started again it has lost nothing', async () => {
    const started = Date.now();
    const first = await npmStart();
    expect(Date.now() - started).toBeLessThan(60_000);
    expect(first.stdout).toContain('5000 real packages: 5000 added, 0 there already.');
    const ledger = openLedger(demo, await readFile(join(demo, '1.root.json')));
    const request = (url: string) => ({
      metadataUrl: `${url}metadata/`,
      targetUrl: `${url}targets/`,
      root: ledger.root,
      paths: [EXAMPLE],
      folder: join(folder.path, 'client'),
      download: false,
    });
    const seen = await askPythonTuf(python, request(first.url));
    expect(seen.refresh).toEqual({ result: 'ok' });
    expect(seen.targets[EXAMPLE]).toMatchObject({ result: 'ok', length: 7_891_488, custom: null });

    const commands = Array.from(first.stdout.matchAll(/^ {2}(?:curl|npx) (.*)$/gm), ([, it]) => it);
    expect(commands).toEqual([
      `${first.url}metadata/timestamp.json`,
      `tidemark show ${demo} ${EXAMPLE}`,
      `tidemark yank ${demo} ${EXAMPLE} --wait published`,
    ]);
    expect((await first.get('metadata/timestamp.json')).status).toBe(200);
    expect((await ledger.run('show', EXAMPLE)).code).toBe(0);
    const [yank] = [await ledger.run('yank', EXAMPLE, '--wait', 'published')];
    expect(yank).toMatchObject({ code: 0 });
    const before = await ledger.json<{ snapshot: number }>('status');
    await first.kill();

    const second = await npmStart();
    expect(second.stdout).toContain('5000 real packages: 0 added, 5000 there already.');
    expect(second.stdout).not.toContain('Its keys are for trying out');
    const after = await ledger.json<{ snapshot: number }>('status');
    expect(after.snapshot).toBeGreaterThanOrEqual(before.snapshot);
    const again = await askPythonTuf(python, request(second.url));
    expect(again.targets[EXAMPLE]).toMatchObject({ result: 'ok', custom: { yanked: true } });
    expect(await second.stop('SIGINT')).toBe(0);
    expect(second.stderr).not.toContain('Error');
    expect(await readdir(demo)).not.toContain('serve.sock');

    // Nothing runs: the commands do what they did, with the passphrase that it named last.
    const [, passphraseFile] = /TIDEMARK_PASSPHRASE_FILE=(\S+)/.exec(second.stdout) ?? [];
    expect(passphraseFile).toBe(ledger.passphraseFile);
    expect(await ledger.json('show', EXAMPLE)).toMatchObject({
      target: { custom: { yanked: true } },
    });
  });

  test('begins anew where the ledger was deleted and its keys were not', async () => {
    await rm(demo, { recursive: true });
    await using server = await npmStart();
    expect(server.stdout).toContain('5000 real packages: 5000 added, 0 there already.');
    expect(await server.stop('SIGTERM')).toBe(0);
  });
});
