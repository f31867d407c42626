/** The commands show, status and export: they change nothing, so most of what they tell takes no token. */
import type { Command } from '@commander-js/extra-typings';
import { openAccess } from '../access/access.ts';
import { exportTree } from '../commands/export.ts';
import { checkShown, show } from '../commands/show.ts';
import { statusReport } from '../commands/status.ts';
import {
  ALLOW_PLAIN,
  example,
  LEDGER,
  numberFrom,
  remoteFrom,
  RETRY_FOR,
  TOKEN_FILE,
} from './options.ts';

export function commandsThatRead(program: Command): void {
  showCommand(program);
  statusCommand(program);
  exportCommand(program);
}

function showCommand(program: Command): void {
  program
    .command('show')
    .description('show a role’s file or what is listed for a path')
    .argument('<ledger>', LEDGER)
    .argument(
      '<what>',
      'timestamp, snapshot, root, targets, bins, bin-0a3f, 12.bin-0a3f, or a path',
    )
    .option('--at <snapshot>', 'as snapshot N had it', numberFrom('--at', 1, 2 ** 47))
    .addOption(TOKEN_FILE)
    .addOption(ALLOW_PLAIN)
    .addOption(RETRY_FOR)
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      example(
        'tidemark show /srv/index pool/main/0/0ad/0ad_0.0.26-3_amd64.deb',
        'tidemark show /srv/index bin-0a3f --at 7',
        'tidemark show https://index.example/ timestamp',
      ) + '\n\nIt shows what the ledger says, and verifies nothing. Over a URL it takes no token.',
    )
    .action(async (ledger, what, options) => {
      checkShown(what);
      await using access = await openAccess(ledger, remoteFrom(options));
      const found = await show(access, what, options.at);
      console.log(options.json === true ? found.json : found.text);
      if (!found.exists) process.exitCode = 1;
    });
}

function statusCommand(program: Command): void {
  program
    .command('status')
    .description('how the ledger is')
    .argument('<ledger>', LEDGER)
    .addOption(TOKEN_FILE)
    .addOption(ALLOW_PLAIN)
    .addOption(RETRY_FOR)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      example(
        'tidemark status /srv/index',
        'tidemark status https://index.example/',
        'tidemark status https://index.example/ --token-file ~/.tidemark-admin',
      ) +
        '\n\nOver a URL everybody sees the snapshot and whether the ledger works. The rest takes a token:\n' +
        'npx tidemark tokens create /srv/index --subject NAME --admin',
    )
    .action(async (ledger, options) => {
      await using access = await openAccess(ledger, remoteFrom(options));
      console.log(await statusReport(access, options.json === true, Date.now()));
    });
}

function exportCommand(program: Command): void {
  program
    .command('export')
    .description('write a complete static TUF tree of the newest snapshot')
    .argument('<ledger>', LEDGER)
    .argument('<out>', 'folder for the tree; what is there already is kept')
    .option(
      '--root <f>',
      'of a URL: the file of the first root, 1.root.json; later runs take it from OUT',
    )
    .addOption(TOKEN_FILE)
    .addOption(ALLOW_PLAIN)
    .addOption(RETRY_FOR)
    .option('--json', 'print the account as JSON')
    .addHelpText(
      'after',
      example(
        'tidemark export /srv/index /srv/mirror',
        'tidemark export https://index.example/ /srv/mirror --root 1.root.json',
      ) +
        '\n\nOver a URL it takes no token, and believes nothing: each file has to be what the signed snapshot states,\n' +
        'under keys that lead back to the first root. Get that one by a way that you trust.',
    )
    .action(async (ledger, out, options) => {
      await using access = await openAccess(ledger, remoteFrom(options), {});
      const account = await exportTree(access, out, { root: options.root, nowMs: Date.now() });
      console.log(
        options.json === true
          ? JSON.stringify(account)
          : `Snapshot ${account.snapshot}: ${account.files} files, ${account.written} of them new, ` +
              `and ${account.targets} new target files, in ${out}`,
      );
    });
}
