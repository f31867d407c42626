/** The command `import`: where a list may come from, and how far it may go. */
import type { Command } from '@commander-js/extra-typings';
import { duration, size } from '@tidemark/runtime';
import { openAccess } from '../access/access.ts';
import { importFile } from '../commands/import.ts';
import { openSource, type BadLine } from '../sources.ts';
import {
  ALLOW_PLAIN,
  LEDGER,
  numberFrom,
  remoteFrom,
  RETRY_FOR,
  TOKEN_FILE,
  valueFrom,
} from './options.ts';
import { badLine, reportImport } from './report.ts';

/** A list that is loaded dirties most bins in every cut: fewer cuts sign them less often. */
const CUT_INTERVAL_MS = 1000;

const BYTES = size('1K', '999999G');
const TIME = duration('100ms', '168h');

export function importCommand(program: Command): void {
  program
    .command('import')
    .description(
      'import a list of files: .tsv (path, length, sha256), .jsonl, Debian Packages, .gz of each, PEP 691 folder',
    )
    .argument('<ledger>', LEDGER)
    .argument('<file>', 'the list, its http(s):// URL, or a folder; - reads standard input')
    .option('--dry-run', 'check the list and say what it would change; send nothing')
    .option('--allow-private', 'let the list’s URL lead to this machine or its network')
    .option(
      '--max-bytes <size>',
      'from a URL, as they come (default: 4G)',
      valueFrom('--max-bytes', BYTES),
    )
    .option(
      '--max-decompressed <size>',
      'from a gzipped list (default: 16G)',
      valueFrom('--max-decompressed', BYTES),
    )
    .option(
      '--max-ratio <n>',
      'decompressed bytes for each compressed one (default: 100)',
      numberFrom('--max-ratio', 1, 10_000),
    )
    .option(
      '--connect-timeout <time>',
      'for a URL to answer (default: 10s)',
      valueFrom('--connect-timeout', TIME),
    )
    .option(
      '--idle-timeout <time>',
      'without a byte of it (default: 30s)',
      valueFrom('--idle-timeout', TIME),
    )
    .option(
      '--timeout <time>',
      'of waiting for it, in sum (default: 1h)',
      valueFrom('--timeout', TIME),
    )
    .addOption(TOKEN_FILE)
    .addOption(ALLOW_PLAIN)
    .addOption(RETRY_FOR)
    .option('--json', 'print the account as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (ledger, file, options) => {
      const source = await openSource(file, {
        stdin: process.stdin,
        ...stated({
          decompressedBytesMax: options.maxDecompressed,
          ratioMax: options.maxRatio,
        }),
        download: stated({
          allowPrivate: options.allowPrivate,
          bytesMax: options.maxBytes,
          connectMs: options.connectTimeout,
          idleMs: options.idleTimeout,
          wholeMs: options.timeout,
        }),
      });
      await using access = await openAccess(ledger, remoteFrom(options), {
        cutIntervalMs: CUT_INTERVAL_MS,
      });
      const tell = (bad: BadLine): void => console.error(badLine(file, bad));
      const account = await importFile(access, source, tell, { dryRun: options.dryRun });
      process.exitCode = reportImport(account, options);
    });
}

const EXAMPLES = `
Examples:
  npx tidemark import /srv/index Packages.gz
  npx tidemark import /srv/index events.jsonl --dry-run --json
  npx tidemark import /srv/index /srv/mirror/simple
  npx tidemark import /srv/index https://deb.example/dists/stable/main/binary-amd64/Packages.gz
  npx tidemark import https://index.example/ Packages.gz --token-file ~/.tidemark-token
  xz -dc Packages.xz | npx tidemark import /srv/index -

Started again after an interruption it goes on: what was imported counts as unchanged.
A bad line is named with its number and a code; the good ones are kept; the exit code is 1.
Into a URL it takes a token: npx tidemark tokens create /srv/index --subject NAME --upload`;

type Stated<T> = { [Name in keyof T]?: Exclude<T[Name], undefined> };

/** Without the options that were not given: they have their defaults where they are used. */
function stated<T extends object>(options: T): Stated<T> {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as Stated<T>;
}
