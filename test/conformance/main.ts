/**
 * `npm run conformance -- PATH [PYTEST ARGUMENTS]`: runs theupdateframework/tuf-conformance, of which PATH is a checkout,
 * against `tidemark client`. Nothing of it is kept here. Needs Python 3 with venv, and Debian's `faketime`.
 */
import { spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { provideConformance } from '../support/provision.ts';

const CLIENT = join(import.meta.dirname, 'client.mjs');

const [path, ...rest] = process.argv.slice(2);
if (path === undefined)
  fail('npm run conformance -- PATH: a checkout of theupdateframework/tuf-conformance');
const checkout = resolve(path);
await stat(join(checkout, 'tuf_conformance')).catch(() =>
  fail(`${checkout} is no checkout of theupdateframework/tuf-conformance`),
);
if ((await run('faketime', ['--version'], checkout, 'ignore')) !== 0) {
  fail('faketime is not there; on Debian: apt-get install faketime');
}
const python = await provideConformance();
// It splits the entry point at blanks, so this is one of two words that have none of their own.
const entry = `${process.execPath} ${CLIENT}`;
const args = ['-m', 'pytest', 'tuf_conformance', '--entrypoint', entry, '-q', ...rest];
process.exitCode = await run(python, args, checkout, 'inherit');

/** @returns the exit status; 127 where the program is not there */
async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  stdio: 'inherit' | 'ignore',
): Promise<number> {
  return new Promise((done) => {
    const child = spawn(command, args, { cwd, stdio });
    child.once('error', () => done(127));
    child.once('exit', (code) => done(code ?? 1));
  });
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}
