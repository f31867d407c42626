// Asks python-tuf, the reference client, about a repository.
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { temporaryFolder } from '../support/files.ts';
import type { ClientReport, ClientRequest } from './report.ts';

const SCRIPT = join(import.meta.dirname, 'tuf-client.py');

/**
 * One run of python-tuf's Updater.
 * @param interpreter from providePythonTuf
 * @throws when the client printed no report; what the client thinks of the repository is the report
 */
export async function askPythonTuf(
  interpreter: string,
  request: ClientRequest,
): Promise<ClientReport> {
  await using scratch = await temporaryFolder();
  const root = join(scratch.path, 'root.json');
  await writeFile(root, request.root);
  const { metadataUrl, targetUrl, paths, folder = scratch.path, download = true } = request;
  const input = { metadataUrl, targetUrl, paths, folder, download, root };
  return JSON.parse(await runPython(interpreter, [SCRIPT], JSON.stringify(input))) as ClientReport;
}

/** Runs a script with text, or lines as they come, on its standard input; resolves to its standard output. */
export async function runPython(
  interpreter: string,
  args: readonly string[],
  input: string | AsyncIterable<string> = '',
): Promise<string> {
  const child = spawn(interpreter, args, {
    // The servers under test are on this machine, whatever proxy the environment names.
    env: { ...process.env, NO_PROXY: '127.0.0.1,localhost', PYTHONDONTWRITEBYTECODE: '1' },
  });
  let output = '';
  let complaint = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  child.stdin.on('error', () => {});
  if (typeof input === 'string') child.stdin.end(input);
  else Readable.from(input).pipe(child.stdin);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  });
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${complaint}`);
  return output;
}
