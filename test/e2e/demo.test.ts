// `npm start`, as a stranger types it: a signed repository of real packages within a minute of its
// start, nothing lost by SIGKILL, a clean end by Ctrl-C.
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askPythonTuf } from '../clients/python.ts';
import { requireComponent } from '../support/component.ts';
import { temporaryFolder } from '../support/files.ts';
import { providePythonTuf } from '../support/provision.ts';
import { CHECKOUT, openLedger, Serving } from './tidemark.ts';

const EXAMPLE = 'pool/main/0/0ad/0ad_0.0.26-3_amd64.deb';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let demo: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  demo = join(folder.path, 'demo');
});
afterAll(() => folder[Symbol.asyncDispose]());

/** What `npm start` runs, on a folder of the test's own. */
async function npmStart(): Promise<Serving> {
  const { scripts } = JSON.parse(await readFile(join(CHECKOUT, 'package.json'), 'utf8')) as {
    scripts: { start: string };
  };
  const [exec, node, ...args] = scripts.start.split(' ');
  expect([exec, node]).toEqual(['exec', 'node']);
  return Serving.start(process.execPath, [...args, '--dir', demo, '--port', '0'], {
    cwd: CHECKOUT,
  });
}

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
