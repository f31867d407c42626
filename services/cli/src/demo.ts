/**
 * `npm start`: a demo ledger in ./data/demo, made if there is none, with a real list of packages in
 * it, served until Ctrl-C. Started again, it goes on where it was.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BrokenInvariant, OperatingFault, RejectedInput } from '@tidemark/canonical';
import { openAccess } from './access.ts';
import { importFile } from './commands/import.ts';
import { DEMO_PASSPHRASE_FILE, initLedger } from './commands/init.ts';
import { serveLedger, serveUntilStopped } from './commands/serve.ts';

const DIRECTORY = 'data/demo';
const OFFLINE_DIRECTORY = 'data/demo-offline-keys';
const HOST = '127.0.0.1';
const PORT = 8080;
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
  const isNew = !(await exists(join(DIRECTORY, 'ledger.json')));
  if (isNew) {
    console.log(`Making a demo ledger in ${DIRECTORY} …`);
    await initLedger(DIRECTORY, {
      bins: '16384',
      partitions: '4',
      delegation: 'succinct',
      name: 'demo',
      offlineKeys: OFFLINE_DIRECTORY,
      yes: true,
    });
  }
  process.env['TIDEMARK_PASSPHRASE_FILE'] = join(OFFLINE_DIRECTORY, DEMO_PASSPHRASE_FILE);
  const served = await serveLedger(DIRECTORY, { host: HOST, port: portFromArguments() });
  await importSample();
  console.log(toTry(served.url, isNew));
  await serveUntilStopped(served);
  console.log('Stopped; nothing that was acknowledged is lost. npm start goes on from here.');
}

/** Imports the sample; what is there already counts as unchanged. */
async function importSample(): Promise<void> {
  await using access = await openAccess(DIRECTORY);
  const account = await importFile(access, SAMPLE, (line, code) => {
    console.error(`${SAMPLE}:${line}: ${code}`);
  });
  console.log(
    `${account.lines} real packages: ${account.added} added, ${account.unchanged} there already.`,
  );
}

function toTry(url: string, isNew: boolean): string {
  const warning = isNew
    ? `\nIts keys are for trying out: the passphrase lies in ${OFFLINE_DIRECTORY}.\n`
    : '';
  return `
Serving a signed TUF repository on ${url}
${warning}
Try, in another terminal:
  curl ${url}metadata/timestamp.json
  npx tidemark show ${DIRECTORY} ${EXAMPLE}
  npx tidemark yank ${DIRECTORY} ${EXAMPLE} --wait published

Ctrl-C stops it.`;
}

function portFromArguments(): number {
  const at = process.argv.indexOf('--port');
  const port = at < 0 ? PORT : Number(process.argv[at + 1]);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new RejectedInput('option.number', '--port needs a number from 0 to 65535');
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
