// Both clients on many cases, and what came of it.
import { makeCase, type Case } from './cases.ts';
import { EXCUSES } from './excuses.ts';
import { ourVerdicts } from './ours.ts';
import { theirVerdicts } from './theirs.ts';
import { differenceOf, type Difference, type Verdict } from './verdict.ts';

/** What came of the cases of a kind; of the attacked visit, or of all visits where there was no attack. */
export interface Outcomes {
  cases: number;
  /** By both. */
  accepted: number;
  /** By both: the refresh, or a target. */
  refused: number;
  excused: number;
}

export interface Report {
  /** Differences that nothing excuses, each with what repeats it. */
  readonly unexplained: string[];
  readonly excused: Map<string, number>;
  readonly kinds: Map<string, Outcomes>;
  /** How often we said so, where both refused. */
  readonly codes: Map<string, number>;
  /** Of honest cases: targets that were found and downloaded, and paths that are not listed. */
  readonly honest: { found: number; absent: number };
}

/** The kind of cases without an attack. */
export const HONEST = 'honest';

/** @param interpreter from providePythonTuf */
export async function runDifferential(
  interpreter: string,
  seed: number,
  indices: { readonly from: number; readonly to: number },
): Promise<Report> {
  const told: (Omit<Case, 'visits' | 'root'> & { ours: Verdict[] })[] = [];
  async function* cases(): AsyncGenerator<Case> {
    for (let index = indices.from; index < indices.to; index++) {
      const made = makeCase(seed, index);
      const { kind, note, attacked } = made;
      told.push({ index, kind, note, attacked, ours: await ourVerdicts(made) });
      yield made;
    }
  }
  const theirs = await theirVerdicts(interpreter, cases());
  if (theirs.length !== told.length) throw new Error(`python-tuf answered ${theirs.length} cases`);
  const report: Report = {
    unexplained: [],
    excused: new Map(EXCUSES.map(({ name }) => [name, 0])),
    kinds: new Map(),
    codes: new Map(),
    honest: { found: 0, absent: 0 },
  };
  for (const [i, { index, kind, note, attacked, ours }] of told.entries()) {
    const name = kind?.name ?? HONEST;
    const difference = firstDifference(ours, theirs[i]!);
    const outcomes = report.kinds.get(name) ?? { cases: 0, accepted: 0, refused: 0, excused: 0 };
    report.kinds.set(name, outcomes);
    outcomes.cases++;
    if (difference === undefined) {
      count(report, outcomes, attacked < 0 ? ours : [ours[attacked]!]);
      if (kind === undefined) countHonest(report, ours);
      continue;
    }
    const excuse = EXCUSES.find((each) => each.kinds.includes(name) && each.covers(difference));
    if (excuse === undefined || difference.visit !== attacked) {
      const place = `TIDEMARK_SEED=${seed}, case ${index}, ${name} (${note})`;
      report.unexplained.push(`${place}: ${JSON.stringify(difference)}`);
      continue;
    }
    outcomes.excused++;
    tally(report.excused, excuse.name);
  }
  return report;
}

/** After the first one what the clients trust differs, and with it everything. */
function firstDifference(
  ours: readonly Verdict[],
  theirs: readonly Verdict[],
): Difference | undefined {
  for (const [visit, verdict] of ours.entries()) {
    const difference = differenceOf(visit, verdict, theirs[visit]!);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function count(report: Report, outcomes: Outcomes, verdicts: readonly Verdict[]): void {
  const refusals = verdicts.flatMap(({ refused, targets }) => [
    refused,
    ...targets.flatMap((target) => [target.refused, target.download]),
  ]);
  const said = refusals.filter((each) => each !== undefined);
  if (said.length > 0) outcomes.refused++;
  else outcomes.accepted++;
  for (const each of said) tally(report.codes, each.replace(/:[^]*/, ''));
}

function countHonest({ honest }: Report, verdicts: readonly Verdict[]): void {
  for (const { refused, found, download } of verdicts.flatMap(({ targets }) => targets)) {
    if (refused !== undefined || download !== undefined) continue;
    if (found === undefined) honest.absent++;
    else honest.found++;
  }
}

function tally(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
