/** The command `init`: what is fixed for a ledger's life is said here. */
import { InvalidArgumentError, Option, type Command } from '@commander-js/extra-typings';
import { duration } from '@tidemark/runtime';
import { initLedger, initReport } from '../commands/init.ts';
import { example } from './options.ts';

export function initCommand(program: Command): void {
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
    .addOption(
      new Option('--conflict <rule>', 'what becomes of other content for a path that is listed')
        .choices(['reject', 'replace'] as const)
        .default('reject' as const),
    )
    .option('--snapshot-hashes', 'snapshot.json states the hash and length of every file', true)
    .option('--no-snapshot-hashes', 'it states versions alone: shorter, but see below')
    .addOption(
      new Option('--classic <when>', 'a new snapshot.json: every cut, after a time as 1s, or off')
        .argParser(classicFrom)
        .default(1000, '1s'),
    )
    .option('--name <name>', 'name of the ledger (default: of the folder)')
    .option('--offline-keys <dir>', 'folder for the offline keys (default: DIR-offline-keys)')
    .option('--yes', 'for demos: make up a passphrase and leave it beside the offline keys')
    .addHelpText('after', POLICY)
    .addHelpText(
      'after',
      example(
        'tidemark init /srv/index --bins 16384 --offline-keys /media/usb/keys',
        'tidemark init /srv/nightly --conflict replace',
      ),
    )
    .action(async (directory, { classic, ...options }) => {
      const offline = await initLedger(directory, {
        ...options,
        classicMs: classic === 'off' ? null : classic,
      });
      console.log(initReport(directory, offline, options.yes === true));
    });
}

const POLICY = `
Its policy. Choose well: it is for the ledger's life until there is a command that changes it.
  --conflict reject       a path keeps its content until it is removed: no upload alters a release
  --conflict replace      an upload with other content takes its place
  --no-snapshot-hashes    whoever has the bins' key alone can alter a bin, unnoticed by classic clients
  --classic every         classic clients see uploads at once; every cut costs one more long file
  --classic off           snapshot.json is only renewed, after half its life of a day: classic
                          clients see uploads that late; those that read the Merkle root, at once`;

const TIME = duration('100ms', '10s');

/** @returns least time between two of them, ms; 0: every cut. Not null for `off`: of that, commander makes a text. */
function classicFrom(text: string): number | 'off' {
  if (text === 'every') return 0;
  if (text === 'off') return text;
  const ms = TIME.read(text);
  if (ms !== undefined) return ms;
  throw new InvalidArgumentError(`--classic needs every, off, or ${TIME.allowed}.`);
}
