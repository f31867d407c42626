/**
 * python-tuf, the reference client, against a running ledger of PEP 458's 16,384 bins, in both forms
 * of delegation: a target that is there, one that was removed, one that never was, one that is yanked
 * (P47, P49, P50: files by version and by hash; P22: what no bin lists does not exist).
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { askPythonTuf } from '../clients/python.ts';
import { requireComponent } from '../support/component.ts';
import { temporaryFolder } from '../support/files.ts';
import { providePythonTuf } from '../support/provision.ts';

const MAIN = join(import.meta.dirname, '../../services/cli/src/main.ts');
const PORTS = { succinct: 18_471, prefixes: 18_472 };

await requireComponent('python-tuf', providePythonTuf, 'python-tuf', (interpreter) => {
  test.each(['succinct', 'prefixes'] as const)(
    'downloads through %s at 16,384 bins',
    async (delegation) => {
      await using scratch = await temporaryFolder();
      const directory = join(scratch.path, 'ledger');
      const run = cli(`${directory}-offline-keys/demo-passphrase.txt`);
      await run('init', directory, '--yes', '--delegation', delegation);
      await using server = await serve(directory, PORTS[delegation]);
      const file = join(scratch.path, 'demo-1.0.tar.gz');
      await writeFile(file, 'the bytes of a package');
      const paths = [
        'demo/present-1.0.tar.gz',
        'demo/removed-1.0.tar.gz',
        'demo/yanked-1.0.tar.gz',
      ];
      await run('add', directory, ...paths, '--file', file, '--wait', 'published');
      await run('remove', directory, 'demo/removed-1.0.tar.gz', '--wait', 'published');
      await run('yank', directory, 'demo/yanked-1.0.tar.gz', '--wait', 'published');
      await untilClassic(run, directory);

      const report = await askPythonTuf(interpreter, {
        metadataUrl: `${server.url}metadata/`,
        targetUrl: `${server.url}targets/`,
        root: await readFile(join(directory, '1.root.json')),
        paths: [...paths, 'demo/never-was-1.0.tar.gz'],
      });

      expect(report.refresh).toEqual({ result: 'ok' });
      expect(report.targets).toMatchObject({
        'demo/present-1.0.tar.gz': { result: 'ok', length: 22 },
        'demo/removed-1.0.tar.gz': { result: 'absent' },
        'demo/yanked-1.0.tar.gz': { result: 'ok', custom: { yanked: true } },
        'demo/never-was-1.0.tar.gz': { result: 'absent' },
      });
    },
  );
});

type Run = (...args: readonly string[]) => Promise<string>;

function cli(passphraseFile: string): Run {
  return async (...args) => {
    const env = { ...process.env, TIDEMARK_PASSPHRASE_FILE: passphraseFile };
    const { stdout } = await promisify(execFile)(process.execPath, [MAIN, ...args], { env });
    return stdout;
  };
}

async function serve(directory: string, port: number): Promise<AsyncDisposable & { url: string }> {
  const passphraseFile = `${directory}-offline-keys/demo-passphrase.txt`;
  const env = { ...process.env, TIDEMARK_PASSPHRASE_FILE: passphraseFile };
  const args = [MAIN, 'serve', directory, '--port', String(port), '--cut-interval', '250ms'];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  for await (const line of child.stdout) if (String(line).includes('Serving')) break;
  return {
    url: `http://127.0.0.1:${port}/`,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** snapshot.json follows at most a second behind: classic clients see what it states. */
async function untilClassic(run: Run, directory: string): Promise<void> {
  for (;;) {
    const status = JSON.parse(await run('status', directory, '--json')) as Record<string, number>;
    if (status['classic_snapshot'] === status['snapshot']) return;
  }
}
