// Whether the cases still are what they are to be: attacks that attack, honest repositories that hold something. Verdicts
// that agree about nothing would agree as well.
import { KINDS, type Case } from './cases.ts';
import { HONEST, type Outcomes, type Report } from './run.ts';

/** Of a kind's cases at least this share has to come out as it mostly does: luck apart, about half of what does. */
const SHARE_MIN = 0.3;
const HONEST_SHARE_MIN = 0.9;
/** For each honest case; there were 3.8 and 8. */
const FOUND_MIN = 2;
const ABSENT_MIN = 4;

/** What both clients refuse, as our codes say it, in each 500 cases at least. */
const CODES: Readonly<Record<string, number>> = {
  'client.expired': 5,
  'client.fetch': 2,
  'client.hash': 8,
  'client.length': 8,
  'client.missing': 1,
  'client.rollback': 5,
  'client.unlisted': 1,
  'client.version': 1,
  'json.number': 2,
  'json.syntax': 2,
  'tuf.delegations': 2,
  'tuf.role_name': 1,
  'tuf.root_version': 1,
  'tuf.threshold': 25,
  'tuf.type': 2,
};

/** @returns what is too rare; of few cases by bad luck, of many never */
export function tooRare({ kinds, codes, excused, honest }: Report, cases: number): string[] {
  const found: string[] = [];
  const demand = (what: string, number: number, least: number): void => {
    if (number < least) found.push(`${what}: ${number}, of at least ${least}`);
  };
  for (const { name, mostly } of KINDS) {
    const outcomes = kinds.get(name);
    const all = outcomes?.cases ?? 0;
    const share = Math.max(1, Math.ceil(all * SHARE_MIN));
    if (mostly === 'mixed') demand(name, all, 1);
    else demand(`${name} ${mostly}`, outcomes?.[mostly] ?? 0, share);
  }
  const { cases: all = 0, accepted = 0 } = kinds.get(HONEST) ?? ({} as Partial<Outcomes>);
  demand(`${HONEST} accepted`, accepted, Math.ceil(all * HONEST_SHARE_MIN));
  demand('found', honest.found, all * FOUND_MIN);
  demand('absent', honest.absent, all * ABSENT_MIN);
  for (const [code, least] of Object.entries(CODES)) {
    demand(code, codes.get(code) ?? 0, Math.floor((least * cases) / 500));
  }
  for (const [excuse, used] of excused) demand(`excuse ${excuse}`, used, 1);
  return found;
}

/** A case without what takes chance by itself. */
export function outline({ index, kind, note, attacked, visits }: Case): unknown {
  return {
    index,
    kind,
    note,
    attacked,
    visits: visits.map(({ now, files, paths }) => ({
      now,
      paths,
      names: files.size,
    })),
  };
}
