// What simulated lives were made of: a figure for everything that may happen in one, so that a
// simulation that has become empty is seen to be.
import { CUT_RULES } from '@tidemark/ledger';
import type { PublisherHost } from './hosts.ts';
import type { Model } from './model.ts';
import type { World } from './world.ts';

/** How often what has happened, by name. */
export type Tally = Readonly<Record<string, number>>;

/** What has to happen now and then, besides the kinds of junk. */
const EXPECTED: readonly string[] = [
  'steps snapshots snapshot.json voids pairs events applied renewals'.split(' '),
  ['append: fail', 'append: fail-but-stored', 'read: fail', 'late append', 'late append lands'],
  ['state: fail', 'state: fail-but-stored', 'store: fail', 'store: fail-but-stored'],
  ['start', 'restart', 'crash', 'stop', 'pause', 'skew', 'loss of power', 'loss of state'],
  ['from a checkpoint', 'forged checkpoint', 'forged state', 'fails: state.unsigned'],
  ['publisher anew', 'policy', 'service key', 'new intake', 'bins key'],
  ['root', 'targets', 'bins'].map((role) => `document ${role}`),
  ['rest', 'truncation', 'rules'].map((how) => `ending: ${how}`),
  ['duplicate', 'id_reused', 'stale', 'clock_ahead', 'wrong_partition'].map(outcome),
  ['expected', 'absent', 'unchanged', 'conflict'].map(outcome),
  ['syntax', 'type', 'ledger', 'partition', 'signature', 'resent'].map(ignored),
  CUT_RULES.map(({ name }) => refused(`cut.${name}`)),
  ['sealed', 'void', 'policy', 'services'].map((type) => refused(`${type}.signature`)),
  ['sealed.order', 'sealed.void', 'void.order', 'policy.version'].map(refused),
  ['services.version', 'document.version', 'tuf.threshold'].map(refused),
].flat();

/** The figures of one life; those of what has not happened are zero. */
export function tallyOf(
  world: World,
  model: Model,
  junk: readonly string[],
  publishers: readonly PublisherHost[],
): Tally {
  const counts = new Map<string, number>();
  const count = (what: string, by = 1): unknown => counts.set(what, (counts.get(what) ?? 0) + by);
  for (const name of [...EXPECTED, ...junk.map((kind) => `junk: ${kind}`)]) count(name, 0);
  for (const [what, by] of world.counts) count(what, by);
  count('steps', world.step);
  count('snapshots', model.truths.size);
  count('voids', model.top - model.truths.size);
  count('pairs', model.pairs);
  for (const { snapshot } of model.truths.values()) {
    if (snapshot !== undefined) count('snapshot.json');
  }
  for (const partition of model.partitions) {
    count('renewals', partition.renewals);
    for (const fate of [...partition.fates.values()].flat()) {
      count('events');
      count(typeof fate === 'string' ? fate : outcome(fate[2]));
    }
    for (const why of partition.ignored.values()) count(ignored(why));
  }
  for (const { publisher } of publishers) {
    for (const [code, by] of publisher?.control.ignored ?? []) count(refused(code), by);
  }
  return Object.fromEntries(counts);
}

/** The figures of several lives together. */
export function sumOf(tallies: readonly Tally[]): Tally {
  const sum: Record<string, number> = {};
  for (const tally of tallies) {
    for (const [what, by] of Object.entries(tally)) sum[what] = (sum[what] ?? 0) + by;
  }
  return sum;
}

function outcome(code: string): string {
  return `outcome: ${code}`;
}

function ignored(why: string): string {
  return `ignored: ${why}`;
}

function refused(code: string): string {
  return `refused: ${code}`;
}
