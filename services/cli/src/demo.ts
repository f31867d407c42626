/**
 * `npm start`: a demo ledger in ./data/demo, made if there is none, with a real list of packages in
 * it, served until Ctrl-C. Started again, it goes on where it was.
 *   npm start -- --dir DIR --port N      elsewhere
 */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BrokenInvariant, OperatingFault, RejectedInput } from '@tidemark/canonical';
import { openAccess } from './access/access.ts';
import { importFile } from './commands/import.ts';
import { DEMO_PASSPHRASE_FILE, initLedger } from './commands/init.ts';
import { serveUntilStopped } from './commands/serve.ts';
import { badLine } from './program/report.ts';
import { readServeConfig } from './config/readConfig.ts';
import { openSource } from './sources.ts';

const DIRECTORY = 'data/demo';
const PORT = '8080';
const SAMPLE = fileURLToPath(
  new URL('../../../test/data/debian-bookworm-5000.tsv', import.meta.url),
);
/** A path of the sample, for the commands to try. */
const EXAMPLE = 'pool/main/0/0ad/0ad_0.0.26-3_amd64.deb';

try {
  await main();
} catch (error) {
  const isOurs = [RejectedInput, OperatingFault, BrokenInvariant].some((c) => error instanceof c);
  console.error(isOurs ? `tidemark: ${(error as Error).message}` : error);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const { directory, port } = options();
  const offline = `${directory}-offline-keys`;
  const passphraseFile = join(offline, DEMO_PASSPHRASE_FILE);
  const isNew = !(await exists(join(directory, 'ledger.json')));
  if (isNew) await makeLedger(directory, offline, passphraseFile);
  // Without that file, whoever starts it is asked.
  if (await exists(passphraseFile)) process.env['TIDEMARK_PASSPHRASE_FILE'] = passphraseFile;
  const flags = new Map([['listen.port', port]]);
  const config = await readServeConfig({ environment: process.env, flags });
  await serveUntilStopped(directory, config, async ({ url }) => {
    await importSample(directory);
    console.log(toTry(url, directory, isNew ? offline : undefined));
  });
  console.log(
    'Stopped; nothing that was acknowledged is lost. npm start goes on from here.\n' +
      `Commands work without it, too, after: export TIDEMARK_PASSPHRASE_FILE=${passphraseFile}`,
  );
}

async function makeLedger(
  directory: string,
  offline: string,
  passphraseFile: string,
): Promise<void> {
  console.log(`Making a demo ledger in ${directory} …`);
  // Left from a demo whose ledger was deleted, or whose making was interrupted.
  if (await exists(passphraseFile)) await removeKeys(offline);
  await initLedger(directory, {
    bins: '16384',
    partitions: '4',
    delegation: 'succinct',
    name: 'demo',
    offlineKeys: offline,
    yes: true,
  });
}

/** The passphrase's file last: where this is interrupted, it still tells that the keys are those of a demo. */
async function removeKeys(offline: string): Promise<void> {
  for (const name of await readdir(offline)) {
    if (name !== DEMO_PASSPHRASE_FILE) await rm(join(offline, name), { recursive: true });
  }
  await rm(offline, { recursive: true });
}

/** Imports the sample; what is there already counts as unchanged. */
async function importSample(directory: string): Promise<void> {
  const source = await openSource(SAMPLE, { stdin: process.stdin });
  await using access = await openAccess(directory);
  const account = await importFile(access, source, (bad) => {
    console.error(badLine(SAMPLE, bad));
  });
  console.log(
    `${account.lines} real packages: ${account.added} added, ${account.unchanged} there already.`,
  );
}

function toTry(url: string, directory: string, madeKeysIn: string | undefined): string {
  const warning =
    madeKeysIn === undefined
      ? ''
      : `\nIts keys are for trying out: the passphrase lies in ${madeKeysIn}.\n`;
  return `
Serving a signed TUF repository on ${url}
${warning}
Try, in another terminal:
  curl ${url}metadata/timestamp.json
  npx tidemark show ${directory} ${EXAMPLE}
  npx tidemark yank ${directory} ${EXAMPLE} --wait published

Ctrl-C stops it.`;
}

function options(): { readonly directory: string; readonly port: string } {
  const { values } = parseArgs({
    options: {
      dir: { type: 'string', default: DIRECTORY },
      port: { type: 'string', default: PORT },
    },
  });
  return { directory: values.dir, port: values.port };
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
