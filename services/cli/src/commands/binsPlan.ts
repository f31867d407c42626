/** `tidemark bins plan`: the tables that a person reads, and the same as one JSON object. */
import { RULE } from '../bins/choice.ts';
import type { Demand, Form } from '../bins/demand.ts';
import { PEP_CONSTANTS, pepValues, type PepConstants } from '../bins/pep458.ts';
import type { Candidate, Plan } from '../bins/plan.ts';
import { WHOLE_MAX, type Delegation, type Size } from '../bins/sizes.ts';
import { amount, count, percent, tableOf, wrapped } from './table.ts';

const DELEGATIONS = ['succinct', 'prefixes'] as const;

export function planText(plan: Plan): string {
  return [
    demandText(plan),
    filesTable(plan),
    downloadTable(plan),
    dayTable(plan),
    pepTable(plan),
    choiceText(plan),
  ].join('\n\n');
}

function demandText({ demand, filesSent }: Plan): string {
  const { targets, pathBytes, fileBytes, users, visits, downloads, newShare } = demand;
  const { repeatedShare, uploads, snapshots, targetsPerFile } = demand;
  return wrapped(
    `${count(targets)} targets with paths of ${pathBytes} bytes. A file has ${count(fileBytes)} bytes; targets for ` +
      `each: ${targetsPerFile}. On a day ${count(users)} users come, visits of each: ${count(visits)}, ` +
      `${percent(newShare)} of them without any metadata; downloads a visit: ${count(downloads)}, ` +
      `${percent(repeatedShare)} of them repeated: ${amount(filesSent)} of files. Uploads: ${count(uploads)}, in ` +
      `${count(snapshots)} snapshots; ${count(snapshots / visits)} pass between two visits. Nothing is compressed.`,
  );
}

function filesTable({ candidates, demand }: Plan): string {
  const isCounted = ({ whole }: Size): string => (whole ? '' : '~');
  const size = (each: Size | null): string =>
    each === null ? '–' : `${isCounted(each)}${amount(each.bytes)}`;
  return [
    `Files, measured. ~: counted from its first ${count(WHOLE_MAX)} entries, which are all of one length.`,
    ...tableOf(
      [
        ['', '', '', '', 'bins.json', '', 'TAP 16'],
        ['bins', 'targets/bin', 'bin', 'snapshot.json', 'succinct', 'prefixes', 'a bin’s proof'],
      ],
      candidates.map(({ bins, files }) => [
        count(bins),
        count(demand.targets / bins),
        size(files.bin),
        size(files.snapshot),
        size(files.delegations.succinct),
        size(files.delegations.prefixes),
        amount(files.binProof),
      ]),
    ),
  ].join('\n');
}

function downloadTable({ candidates, demand }: Plan): string {
  const share = (bytes: number | null): string =>
    bytes === null ? '–' : percent(bytes / demand.fileBytes);
  const cells = ({ download }: Candidate, form: Form): string[] => {
    const { same, other, new: first } = download[form];
    return [same, other, first.succinct, first.prefixes].map(share);
  };
  return [
    wrapped(
      'Metadata of one download as a share of the file: for a user who returns to the same snapshot (V13) or to ' +
        'another one (V15), and for a new user (V17) by form of bins.json. As in the PEP without root, timestamp ' +
        'and targets.json. With TAP 16 each bin comes with its proof, another snapshot with those of targets and bins.',
    ),
    ...tableOf(
      [
        ['', 'classic', '', '', '', 'TAP 16', '', '', ''],
        ['bins', ...columns(), ...columns()],
      ],
      candidates.map((each) => [
        count(each.bins),
        ...cells(each, 'classic'),
        ...cells(each, 'tap16'),
      ]),
    ),
  ].join('\n');
}

function columns(): string[] {
  return ['same', 'other', 'succinct', 'prefixes'];
}

function dayTable({ candidates, filesSent }: Plan): string {
  const sent = ({ sent }: Candidate, form: Form): string[] =>
    DELEGATIONS.map((delegation) => {
      const metadata = sent[form][delegation];
      return metadata === null ? '–' : amount(metadata + filesSent);
    });
  return [
    'Sent on a day, files and metadata, and what a cut signs on average.',
    ...tableOf(
      [
        ['', 'classic', '', 'TAP 16', '', 'a cut signs', '', ''],
        ['bins', ...DELEGATIONS, ...DELEGATIONS, 'bins', 'classic', 'TAP 16'],
      ],
      candidates.map((each) => [
        count(each.bins),
        ...sent(each, 'classic'),
        ...sent(each, 'tap16'),
        each.cutBins.toLocaleString('en-US', { maximumFractionDigits: 1 }),
        amount(each.cutBytes.classic),
        amount(each.cutBytes.tap16),
      ]),
    ),
  ].join('\n');
}

/** PEP 458's estimates for these targets beside what the files really have, at its number of bins. */
function pepTable({ candidates, demand }: Plan): string {
  const values = pepEstimates(demand);
  const { files, download } = candidates.find(({ bins }) => bins === PEP_CONSTANTS.C10)!;
  const { same, other, new: first } = download.classic;
  const bytes = (n: number | null | undefined): string =>
    n === null || n === undefined ? '–' : count(n);
  const row = (name: string, what: string, estimate: number, size: number | null | undefined) => [
    `${name} ${what}`,
    count(estimate),
    bytes(size),
  ];
  const shared = (n: number | null): string => (n === null ? '–' : percent(n / demand.fileBytes));
  return [
    `PEP 458's table 3 at ${count(PEP_CONSTANTS.C10)} bins: its estimates, and the files above (bytes).`,
    ...tableOf(
      [['', 'estimated', 'measured']],
      [
        row('V7', 'bin', values.V7, files.bin.bytes),
        row('V10', 'bins.json, prefixes', values.V10, files.delegations.prefixes?.bytes),
        ['    bins.json, succinct', '–', bytes(files.delegations.succinct?.bytes)],
        row('V11', 'snapshot.json', values.V11, files.snapshot.bytes),
        row('V12', 'returning user, same snapshot', values.V12, same),
        ['V13', percent(values.V13 / 100), shared(same)],
        row('V14', 'returning user, another snapshot', values.V14, other),
        ['V15', percent(values.V15 / 100), shared(other)],
        row('V16', 'new user, prefixes', values.V16, first.prefixes),
        ['V17', percent(values.V17 / 100), shared(first.prefixes)],
      ],
      'names first',
    ),
  ].join('\n');
}

function choiceText(plan: Plan): string {
  const { classic, tap16 } = plan.choice;
  const forms = [
    ['classic', 'snapshot.json'],
    ['tap16', 'TAP 16'],
  ] as const;
  const lines = forms.flatMap(([form, name]) =>
    DELEGATIONS.map((delegation) => {
      const bins = count(plan.choice[form][delegation].bins).padStart(9);
      return `  ${`${name}, ${delegation}:`.padEnd(24)}${bins} bins: ${reasonOf(plan, form, delegation)}`;
    }),
  );
  return [
    wrapped(`Rule: ${RULE}`),
    ...lines,
    wrapped(
      `Choose ${count(classic.succinct.bins)} bins with the delegation succinct for as long as clients read ` +
        `snapshot.json, and ${count(tap16.succinct.bins)} once all of them speak TAP 16. tuf-js and tough are slow with ` +
        'more than 1,024 bins.',
    ),
  ].join('\n');
}

function reasonOf(plan: Plan, form: Form, delegation: Delegation): string {
  const { candidates, choice, demand, filesSent } = plan;
  const { bins, keepsRule } = choice[form][delegation];
  const sent = (of: number): number | null =>
    candidates.find((each) => each.bins === of)?.sent[form][delegation] ?? null;
  const { download, cutBytes } = candidates.find((each) => each.bins === bins)!;
  const { other, new: first } = download[form];
  const costs = [
    `${percent(other / demand.fileBytes)} for a returning user`,
    `${percent((first[delegation] ?? 0) / demand.fileBytes)} for a new one`,
    `${amount(cutBytes[form])} signed a cut`,
  ].join(', ');
  if (!keepsRule) return `${costs}. No number keeps the rule.`;
  const here = (sent(bins) ?? 0) + filesSent;
  const twice = sent(2 * bins);
  if (twice === null || here === 0) return `${costs}.`;
  const change = (twice + filesSent) / here - 1;
  return `${costs}; twice as many send ${percent(Math.abs(change))} ${change < 0 ? 'less' : 'more'}.`;
}

/** Everything as data: sizes in bytes, shares as fractions; null where a ledger cannot have that many bins. */
export function planJson(plan: Plan): string {
  const { snapshots, visits } = plan.demand;
  const demand = { ...plan.demand, snapshotsBetweenVisits: snapshots / visits };
  const pep458 = { constants: pepConstants(plan.demand), values: pepEstimates(plan.demand) };
  const candidates = plan.candidates.map((each) => ({
    targetsPerBin: plan.demand.targets / each.bins,
    ...each,
  }));
  return JSON.stringify(snakeCase({ ...plan, demand, pep458, rule: RULE, candidates }));
}

function snakeCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeCase);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      name.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      snakeCase(each),
    ]),
  );
}

/** PEP 458's table 2 for this index: its estimates of what stands in a file stay as they are. */
function pepConstants({ targets, fileBytes }: Demand): PepConstants {
  return { ...PEP_CONSTANTS, C8: targets, C9: fileBytes };
}

function pepEstimates(demand: Demand): ReturnType<typeof pepValues> {
  return pepValues(pepConstants(demand));
}
