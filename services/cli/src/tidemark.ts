/** The command line: what each command is called and takes; what it does is in `commands/`. */
import { Command, Option } from '@commander-js/extra-typings';
import { BrokenInvariant, OperatingFault, RejectedInput } from '@tidemark/canonical';
import { openAccess } from './access.ts';
import { binsCommand } from './program/bins.ts';
import { changeCommand } from './program/change.ts';
import { clientCommand } from './program/client.ts';
import { importCommand } from './program/import.ts';
import { serveCommand } from './program/serve.ts';
import { tokensCommand } from './program/tokens.ts';
import { exportTree } from './commands/export.ts';
import { initLedger, initReport } from './commands/init.ts';
import { checkShown, show } from './commands/show.ts';
import { statusReport } from './commands/status.ts';
import { VERSION } from './version.ts';
import { numberFrom } from './program/options.ts';

const program = new Command('tidemark')
  .description('The metadata ledger that lets a package index survive its own compromise.')
  .version(VERSION)
  .showHelpAfterError('(tidemark COMMAND --help shows what it takes, with examples)')
  .exitOverride((error) => {
    process.exit(error.exitCode === 0 ? 0 : 2);
  });

program
  .command('init')
  .description('make a ledger: keys, first root, targets and bins, empty logs')
  .argument('<dir>', 'folder to make')
  .option('--bins <n>', 'number of hashed bins, a power of two', '16384')
  .option('--partitions <n>', 'partitions of the logs, a power of two, fixed for life', '4')
  .addOption(
    new Option('--delegation <form>', 'how the role bins delegates')
      .choices(['succinct', 'prefixes'] as const)
      .default('succinct' as const),
  )
  .option('--name <name>', 'name of the ledger (default: of the folder)')
  .option('--offline-keys <dir>', 'folder for the offline keys (default: DIR-offline-keys)')
  .option('--yes', 'for demos: make up a passphrase and leave it beside the offline keys')
  .addHelpText(
    'after',
    example('tidemark init /srv/index --bins 16384 --offline-keys /media/usb/keys'),
  )
  .action(async (directory, options) => {
    const offline = await initLedger(directory, options);
    console.log(initReport(directory, offline, options.yes === true));
  });

serveCommand(program);

importCommand(program);
tokensCommand(program);
binsCommand(program);
clientCommand(program);
changeCommand(program, 'add', 'target.added', 'list a target, or another content at its path');
changeCommand(program, 'remove', 'target.removed', 'take a target off the list');
changeCommand(program, 'yank', 'target.yanked', 'mark a target as yanked; it stays downloadable');

program
  .command('show')
  .description('show a role’s file or what is listed for a path')
  .argument('<dir>', 'the ledger’s folder')
  .argument('<what>', 'timestamp, snapshot, root, targets, bins, bin-0a3f, 12.bin-0a3f, or a path')
  .option('--at <snapshot>', 'as snapshot N had it', numberFrom('--at', 1, 2 ** 47))
  .option('--json', 'print one line of JSON')
  .addHelpText(
    'after',
    example(
      'tidemark show /srv/index pool/main/0/0ad/0ad_0.0.26-3_amd64.deb',
      'tidemark show /srv/index bin-0a3f --at 7',
    ),
  )
  .action(async (directory, what, options) => {
    checkShown(what);
    await using access = await openAccess(directory);
    const found = await show(access, what, options.at);
    console.log(options.json === true ? found.json : found.text);
    if (!found.exists) process.exitCode = 1;
  });

program
  .command('status')
  .description('how the ledger is')
  .argument('<dir>', 'the ledger’s folder')
  .option('--json', 'print JSON')
  .addHelpText('after', example('tidemark status /srv/index'))
  .action(async (directory, options) => {
    await using access = await openAccess(directory);
    console.log(await statusReport(access, options.json === true, Date.now()));
  });

program
  .command('export')
  .description('write a complete static TUF tree of the newest snapshot')
  .argument('<dir>', 'the ledger’s folder')
  .argument('<out>', 'folder for the tree; what is there already is kept')
  .option('--json', 'print the account as JSON')
  .addHelpText('after', example('tidemark export /srv/index /srv/mirror'))
  .action(async (directory, out, options) => {
    await using access = await openAccess(directory, {});
    const account = await exportTree(access, out);
    console.log(
      options.json === true
        ? JSON.stringify(account)
        : `Snapshot ${account.snapshot}: ${account.files} files, ${account.written} of them new, ` +
            `and ${account.targets} new target files, in ${out}`,
    );
  });

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = explain(error);
}

function example(...lines: readonly string[]): string {
  return [
    '',
    lines.length === 1 ? 'Example:' : 'Examples:',
    ...lines.map((line) => `  npx ${line}`),
  ].join('\n');
}

/** Says what went wrong, with its code; a defect shows where it happened. */
function explain(error: unknown): number {
  const isOurs =
    error instanceof RejectedInput ||
    error instanceof OperatingFault ||
    error instanceof BrokenInvariant;
  if (isOurs) console.error(`tidemark: ${error.message} (${error.code})`);
  else console.error(error);
  // What was asked cannot be: it is of the wrong form, not refused for what it would do.
  const isUsage = /^(?:option\..*|init\.(?:name|bins|partitions))$/;
  return error instanceof RejectedInput && isUsage.test(error.code) ? 2 : 1;
}
