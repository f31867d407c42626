/** The command `bins plan`: which number of bins suits how many targets. */
import { Option, type Command } from '@commander-js/extra-typings';
import { FORMS, MODES, planBins, type BinsPlan, type Form, type Mode } from '../plan/binsPlan.ts';
import { PEP_CONSTANTS } from '../plan/pep458.ts';
import { numberFrom } from './options.ts';

export function binsCommand(program: Command): void {
  program
    .command('bins')
    .description('hashed bins')
    .addHelpText('after', EXAMPLES)
    .command('plan')
    .description('what each number of bins costs clients and signers, and which to choose')
    .requiredOption('--targets <n>', 'targets listed', numberFrom('--targets', 1, 1e9))
    .option('--users <n>', 'visitors a day', numberFrom('--users', 1, 1e9), 100_000)
    .option('--new <percent>', 'share of new ones', numberFrom('--new', 0, 100), 10)
    .option('--downloads <n>', 'files a visit downloads', numberFrom('--downloads', 1, 1e6), 1)
    .addOption(
      new Option('--snapshots <which>', 'whether a returning user finds another snapshot')
        .choices(['same', 'different'] as const)
        .default('different' as const),
    )
    .option(
      '--file-size <bytes>',
      'average size of a file',
      numberFrom('--file-size', 1, 1e12),
      PEP_CONSTANTS.distribution,
    )
    .option(
      '--path-length <bytes>',
      'average length of a path',
      numberFrom('--path-length', 10, 512),
      PEP_CONSTANTS.path,
    )
    .option('--changes <n>', 'targets changed per cut', numberFrom('--changes', 1, 1e9), 10)
    .option('--json', 'print one object of JSON')
    .addHelpText('after', EXAMPLES)
    .action((options) => {
      const plan = planBins({
        targets: options.targets,
        users: options.users,
        newPercent: options.new,
        downloads: options.downloads,
        snapshots: options.snapshots,
        distribution: options.fileSize,
        pathBytes: options.pathLength,
        changes: options.changes,
      });
      console.log(options.json === true ? JSON.stringify(plan) : text(plan));
    });
}

const EXAMPLES = `
Examples:
  npx tidemark bins plan --targets 2273539
  npx tidemark bins plan --targets 22000000 --users 500000 --new 5 --downloads 8 --json`;

const NAMES: Readonly<Record<Mode | Form, string>> = {
  classic: 'Classic clients (snapshot.json)',
  tap16: 'TAP 16 clients (a Merkle proof for each bin)',
  succinct: 'succinct_roles',
  prefixes: 'path_hash_prefixes',
};

function text(plan: BinsPlan): string {
  return [...MODES.flatMap((mode) => table(plan, mode)), ...notes(plan), ...conclusion(plan)].join(
    '\n',
  );
}

function table({ rows }: BinsPlan, mode: Mode): string[] {
  const head = ['bins', 'bin', mode === 'classic' ? 'snapshot' : 'proof', 'same', 'different'];
  const lines = rows.map(({ bins, sizes, candidates }) => {
    const [succinct, prefixes] = FORMS.map((form) =>
      candidates.find((one) => one.mode === mode && one.form === form),
    );
    if (succinct === undefined || prefixes === undefined) return [];
    return [
      bins.toLocaleString('en'),
      bytes(sizes.bin),
      bytes(mode === 'classic' ? sizes.snapshot : sizes.proof),
      percent(succinct.samePercent),
      percent(succinct.differentPercent),
      percent(succinct.newPercent),
      percent(prefixes.newPercent),
      bytes(succinct.signedPerCut),
    ];
  });
  const all = [[...head, 'new, succinct', 'new, prefixes', 'signed per cut'], ...lines];
  const widths = all[0]?.map((_, i) => Math.max(...all.map((line) => line[i]?.length ?? 0))) ?? [];
  const shown = all.map((line) => line.map((cell, i) => cell.padStart(widths[i] ?? 0)).join('  '));
  return [NAMES[mode], ...shown, ''];
}

function notes({ input, rows }: BinsPlan): string[] {
  const extrapolated = rows.filter(({ sizes }) => sizes.extrapolated.length > 0);
  const of = (file: string): string =>
    extrapolated
      .filter(({ sizes }) => sizes.extrapolated.some((one) => one === file))
      .map(({ bins }) => bins.toLocaleString('en'))
      .join(', ');
  return [
    'same, different: metadata of a returning user, in percent of what the visit downloads, with and without',
    `  a snapshot in common with the last visit; new: of a new user. ${input.targets.toLocaleString('en')} targets.`,
    'Sizes are of files built for this, except where they are exactly linear in the number of entries:',
    ...[
      ['bin', 'bins'],
      ['snapshot', 'snapshot.json'],
      ['binsPrefixes', 'bins.json with prefixes'],
    ].flatMap(([file = '', name = '']) => (of(file) === '' ? [] : [`  ${name} at ${of(file)}`])),
    '',
  ];
}

function conclusion({ input, rule, rows, choices }: BinsPlan): string[] {
  const lines = choices.flatMap(({ mode, form, bins, isWithinLimit }) => {
    const row = rows.find((one) => one.bins === bins);
    const chosen = row?.candidates.find((one) => one.mode === mode && one.form === form);
    if (row === undefined || chosen === undefined) return [];
    const isSame = input.snapshots === 'same';
    const returning = percent(isSame ? chosen.samePercent : chosen.differentPercent);
    const estimate = percent(isSame ? row.pep458.V13 : row.pep458.V15);
    return [
      `${NAMES[mode]}, ${NAMES[form]}: ${bins.toLocaleString('en')} bins${isWithinLimit ? '' : ' (none is within the limit; chosen without it)'}`,
      `  returning ${returning}, new ${percent(chosen.newPercent)}; ${bytes(chosen.dailyBytes)} a day to all users; ${bytes(chosen.signedPerCut)} signed per cut` +
        ` (PEP 458's formulas: ${estimate}, ${percent(row.pep458.V17)} for one file)`,
    ];
  });
  return [...lines, '', rule];
}

function percent(value: number): string {
  return `${value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString('en')} %`;
}

function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  const step = Math.min(Math.floor(Math.log10(Math.max(value, 1)) / 3), units.length - 1);
  const shown = value / 1000 ** step;
  return `${step === 0 || shown >= 100 ? Math.round(shown) : shown.toFixed(1)} ${units[step]}`;
}
