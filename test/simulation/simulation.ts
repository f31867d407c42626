// One simulated life of a ledger, from a seed: a rough time, then calm, then rest.
//
// In the rough time processes die at their writes, answers are lost, records come late or twice, clocks
// are wrong, operators act, and strangers write into every log. Then all faults stop, and the ledger has
// to come to rest: everything acknowledged is settled, and everybody shows the same.
import { makeCast, type Cast, type CastOptions } from './cast.ts';
import { ENDINGS, type Ending } from './endings.ts';
import { rememberVerdicts } from './memo.ts';
import { Random } from './random.ts';
import { KnownLimit } from './rest.ts';
import { whatMayHappen, type Actions } from './rough.ts';
import { tallyOf, type Tally } from './tally.ts';
import { Violation } from './world.ts';

export interface Options extends CastOptions {
  /** Turns of the rough time. */
  readonly steps?: number;
  readonly ending?: Ending;
}

export interface Result {
  readonly seed: number;
  readonly violation: { readonly rule: string; readonly message: string } | undefined;
  /** A digest of all that happened. */
  readonly hash: string;
  /** The last lines of what happened. */
  readonly end: readonly string[];
  /** How often what happened. */
  readonly tally: Tally;
}

/** Turns of the rough time: many short lives, some long ones. */
const STEPS = [80, 120, 160, 320] as const;
/** Nearly all lives end in rest. */
const USUAL_ENDINGS = [...Array<'rest'>(18).fill('rest'), 'truncation', 'rules'] as const;

export async function simulate(seed: number, options: Options = {}): Promise<Result> {
  rememberVerdicts();
  const random = new Random(seed);
  const cast = makeCast(random, options);
  const ending = options.ending ?? random.pick(USUAL_ENDINGS);
  const actions = whatMayHappen(cast, options.often);
  let violation: Violation | undefined;
  try {
    await live(cast, options.steps ?? random.pick(STEPS), actions, ending);
  } catch (error) {
    if (error instanceof KnownLimit) cast.world.count('known limit');
    else if (!(error instanceof Violation)) throw error;
    else violation = error;
  }
  return resultOf(seed, cast, violation);
}

async function live(cast: Cast, steps: number, actions: Actions, ending: Ending): Promise<void> {
  const { checks, fixture, hosts, model, operator, world } = cast;
  for (let p = 0; p < fixture.shape.partitions; p++) {
    world.inject('events', p, [fixture.genesisBytes]);
    world.inject('leaves', p, [fixture.genesisBytes]);
  }
  world.inject('control', 0, [fixture.genesisBytes]);
  if (world.random.chance(0.8)) operator.begin();
  for (const host of hosts) host.start();
  for (let step = 0; step < steps; step++) {
    if (step === 40 && model.view.documents.bins === undefined) operator.begin();
    if (world.random.chance(0.2) || !(await world.runOne())) world.random.weighted(actions)();
    checks.logs();
    if (world.violation !== undefined) throw world.violation;
  }
  world.count(`ending: ${ending}`);
  return ENDINGS[ending](cast);
}

function resultOf(seed: number, cast: Cast, violation: Violation | undefined): Result {
  const { junk, model, publishers, world } = cast;
  for (const [n, truth] of model.truths) world.note(`${n} ${truth.leaf.timestamp}`);
  return {
    seed,
    violation: violation && { rule: violation.rule, message: violation.message },
    hash: world.trace.hash(),
    end: world.trace.end,
    tally: tallyOf(world, model, junk.names, publishers),
  };
}
