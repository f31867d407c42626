// All faults stop, and a simulated ledger has to come to rest: by itself, or with the operators' help
// where there is a reason that nobody else could do it.
import type { Cast } from './cast.ts';
import { keyOf } from './fixture.ts';
import type { ShardHost } from './hosts.ts';
import type { ModelCut } from './modelViews.ts';
import { landLate } from './rough.ts';
import { Violation } from './world.ts';

/** More turns than any run needs to come to rest. */
const REST_STEPS_MAX = 4_000;

/** The run met something that the design does not rule out. */
export class KnownLimit extends Error {}

/** Faults stop, everything is started again, clocks are set. */
export async function calm(cast: Cast): Promise<void> {
  const { hosts, model, operator, world } = cast;
  world.note('calm');
  Object.assign(world.weather, { crash: 0, fault: 0, late: 0 });
  for (const host of hosts) {
    host.skew = 0;
    if (host.life !== undefined) host.life.pausedUntil = 0;
  }
  if (model.view.documents.bins === undefined) operator.begin();
  while (world.late.length > 0) landLate(cast);
  world.changes++;
  widen(cast);
}

/** Lets everything run until nothing is left to do. */
export async function rest(cast: Cast): Promise<void> {
  const { checks, clients, hosts, model, world } = cast;
  const until = world.step + REST_STEPS_MAX;
  for (;;) {
    // A round is a step too, so that processes that fail at their start come to an end.
    if (++world.step > until) throw new Violation('rest', 'it never comes to rest');
    for (const host of hosts) host.start();
    while (await world.runOne()) {
      if (world.step > until) throw new Violation('rest', 'it never comes to rest');
      if (world.step % 8 === 0) checks.logs();
    }
    checks.logs();
    if (hosts.some(({ isUp, halted }) => !isUp && halted === undefined)) continue;
    if (clients.resendAll()) continue;
    const stuck = model.unsettled[0]?.cut;
    const { pending } = model;
    if (stuck === undefined && pending === undefined) return;
    free(cast, stuck ?? pending!);
  }
}

/** A cut that nobody can finish: time or the operators help, where there is a reason. */
function free(cast: Cast, stuck: ModelCut): void {
  const { model, operator, world } = cast;
  const { pending, word } = model;
  // A known limit: who has a publisher's key and the timestamp's can call a cut sealed that nobody
  // can finish, and so keep the operators from voiding it.
  const isLocked = pending !== undefined && pending.n <= word;
  const reason = reasonOf(cast, isLocked ? pending : stuck);
  if (reason === undefined) {
    throw new Violation('rest', `cut ${stuck.n} is neither sealed nor is there a reason`);
  }
  if (isLocked && reason !== 'ahead') throw new KnownLimit();
  if (reason === 'ahead' && (isLocked || world.random.chance(0.5))) {
    world.note('time passes until the cut');
    world.pass((isLocked ? pending : stuck).time - world.now);
    widen(cast);
  } else {
    operator.void();
    widen(cast);
  }
}

/** Why nobody may be able to finish a cut. */
function reasonOf(
  { model, shards, world }: Cast,
  stuck: ModelCut,
): 'ahead' | 'beyond' | 'orphaned' | undefined {
  if (stuck.time > world.now + 30_000) return 'ahead';
  const isBeyond = stuck.vector.some((end, p) => end > world.lane('events', p).length);
  const { services } = model.viewAt(stuck.control);
  const isOrphaned = stuck.vector.some(
    (_end, p) => !shards.some((host) => reports(host, p, services.shard)),
  );
  if (isBeyond) return 'beyond';
  return isOrphaned ? 'orphaned' : undefined;
}

function reports({ partitions, key }: ShardHost, p: number, listed: readonly string[]): boolean {
  return partitions.includes(p) && key !== undefined && listed.includes(keyOf(key).publicKey);
}

/** After a very long time operators allow larger steps: thousands of empty cuts show nothing new. */
function widen({ model, operator, world }: Cast): void {
  const { time, control } = model.unsettled[0]?.before ?? model.last;
  const { step_max_ms } = model.view.policy;
  const isBehind =
    world.now - time > 16 * Math.min(step_max_ms, model.viewAt(control).policy.step_max_ms);
  if (isBehind && model.view.documents.bins !== undefined) operator.policy();
}
