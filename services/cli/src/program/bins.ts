/** The command `bins`: how many of them an index should have. */
import type { Command } from '@commander-js/extra-typings';
import { PEP_CONSTANTS } from '../bins/pep458.ts';
import { planBins } from '../bins/plan.ts';
import { planJson, planText } from '../commands/binsPlan.ts';
import { numberFrom } from './options.ts';

const COUNT_MAX = 1_000_000_000;
/** Mean path of the benchmark's targets, which are named like PyPI's; the PEP assumes 256 (C5). */
const PATH_BYTES = 76;
const PATH_BYTES_MIN = 8;
const PATH_BYTES_MAX = 512;
/** PyPI has grown tenfold in a bit more than five years. */
const UPLOADS_PER_TARGET = 0.001;

export function binsCommand(program: Command): void {
  const bins = program
    .command('bins')
    .description('hashed bins: how many an index should have')
    .addHelpText('after', EXAMPLES);
  bins
    .command('plan')
    .description('what each number of bins costs users and ledger (PEP 458, tables 2 and 3)')
    .requiredOption('--targets <n>', 'targets listed: files and index pages', whole('--targets', 1))
    .option('--users <n>', 'users that come on a day', whole('--users', 0), 1_000_000)
    .option('--visits <n>', 'visits of each of them on that day', whole('--visits', 1), 1)
    .option(
      '--new <percent>',
      'visits without any metadata: first ones, fresh CI',
      percent('--new'),
      10,
    )
    .option('--downloads <n>', 'files downloaded in a visit', whole('--downloads', 0), 5)
    .option(
      '--repeated <percent>',
      'of them, those of the last visit again; the PEP counts none',
      percent('--repeated'),
      0,
    )
    .option(
      '--targets-per-file <n>',
      'targets a download verifies and an upload changes: file and index page',
      whole('--targets-per-file', 1),
      2,
    )
    .option(
      '--file-bytes <n>',
      'mean size of a downloaded file (C9)',
      whole('--file-bytes', 1),
      PEP_CONSTANTS.C9,
    )
    .option(
      '--path-bytes <n>',
      'mean length of a target’s path',
      numberFrom('--path-bytes', PATH_BYTES_MIN, PATH_BYTES_MAX),
      PATH_BYTES,
    )
    .option(
      '--uploads <n>',
      'files uploaded a day (default: 0.1 % of the targets)',
      whole('--uploads', 0),
    )
    .option(
      '--snapshots <n>',
      'snapshots a day; divided by --visits, those that pass between two visits',
      whole('--snapshots', 1),
      1440,
    )
    .option('--json', 'print one JSON object, with sizes in bytes')
    .addHelpText('after', EXAMPLES)
    .action((options) => {
      const { new: newPercent, repeated, json, ...rest } = options;
      const plan = planBins({
        ...rest,
        uploads: options.uploads ?? Math.ceil(options.targets * UPLOADS_PER_TARGET),
        newShare: newPercent / 100,
        repeatedShare: repeated / 100,
      });
      console.log(json === true ? planJson(plan) : planText(plan));
    });
}

const EXAMPLES = `
Examples:
  npx tidemark bins plan --targets 2273539
  npx tidemark bins plan --targets 22000000 --users 3000000 --visits 4 --new 25 --uploads 20000 --snapshots 86400`;

function whole(option: string, min: number): (text: string) => number {
  return numberFrom(option, min, COUNT_MAX);
}

function percent(option: string): (text: string) => number {
  return numberFrom(option, 0, 100);
}
