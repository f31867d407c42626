// Asks schemathesis whether what a server answers is what its OpenAPI document says.
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../support/files.ts';

const HOOKS = join(import.meta.dirname, 'schemathesis-hooks.py');

export interface SchemathesisRequest {
  /** Of the server. */
  readonly url: string;
  /** Its OpenAPI document. */
  readonly document: Uint8Array;
  readonly token: string;
  readonly seed: number;
  /** Its configuration, TOML, besides the token and the hooks. */
  readonly config: string;
  readonly args: readonly string[];
}

/**
 * One run of schemathesis.
 * @param interpreter from provideSchemathesis
 * @returns its exit status, 0 where it found nothing, and what it said
 */
export async function askSchemathesis(
  interpreter: string,
  { url, document, token, seed, config, args }: SchemathesisRequest,
): Promise<{ readonly code: number | null; readonly output: string }> {
  await using scratch = await temporaryFolder();
  const file = join(scratch.path, 'schemathesis.toml');
  const fixed = `hooks = ${JSON.stringify(HOOKS)}\n`;
  const auth = '[auth.openapi.token]\nbearer = "${SCHEMATHESIS_TOKEN}"\n';
  await writeFile(file, `${fixed}${config}\n${auth}`);
  // Read from the server, the document's own path would be left out.
  const description = join(scratch.path, 'openapi.json');
  await writeFile(description, document);
  const child = spawn(
    interpreter,
    // Nothing is remembered between two runs: the seed says it all.
    ['-m', 'schemathesis.cli', '--config-file', file, 'run', description, '--url', url].concat(
      ['--seed', String(seed), '--generation-database', 'none'],
      ['--no-color', '--continue-on-failure'],
      // How long it takes to make requests says something about the machine.
      ['--suppress-health-check', 'all', '--request-timeout', '60'],
      args,
    ),
    {
      cwd: scratch.path,
      env: {
        ...process.env,
        SCHEMATHESIS_TOKEN: token,
        // The server is on this machine, whatever proxy the environment names.
        NO_PROXY: '127.0.0.1,localhost',
        PYTHONDONTWRITEBYTECODE: '1',
        PYTHONIOENCODING: 'utf-8',
      },
    },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  });
  return { code, output };
}
