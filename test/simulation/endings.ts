// How a simulated life ends: in rest, or with a log that has lost records, or with rules that nobody
// knows.
import { isFresh, keepsAcknowledged, showsTheSame } from './atRest.ts';
import type { Cast } from './cast.ts';
import { calm, rest } from './rest.ts';
import { startOne, type Actions } from './rough.ts';
import { Violation } from './world.ts';

export type Ending = 'rest' | 'truncation' | 'rules';

export const ENDINGS: Readonly<Record<Ending, (cast: Cast) => Promise<void>>> = {
  rest: atRest,
  truncation: truncated,
  rules: unknownRules,
};

/** It comes to rest, and again from what everybody keeps, and stays there. */
async function atRest(cast: Cast): Promise<void> {
  await calm(cast);
  await rest(cast);
  showsTheSame(cast);
  await again(cast);
  showsTheSame(cast);
  await idle(cast, cast.world.random.pick([1, 1, 1, 1, 1, 1, 1, 2, 2, 16]));
  showsTheSame(cast);
  for (const host of cast.shards) await cast.checks.shard(host);
  keepsAcknowledged(cast);
}

/** Everybody starts again from what it keeps, which somebody may have rewritten meanwhile. */
async function again(cast: Cast): Promise<void> {
  for (const host of cast.hosts) {
    host.kill();
    if (cast.world.random.chance(cast.forgery)) host.forge();
    host.start();
  }
  await rest(cast);
}

/** Nothing happens for long: what grows old is renewed in time, and nothing else is done. */
async function idle(cast: Cast, ticks: number): Promise<void> {
  const { model, world } = cast;
  const { policy } = model.view;
  const { timestamp, snapshot, bins } = policy.expiry_s;
  const shortest = Math.min(timestamp, snapshot, bins) * 1000;
  const tick = Math.min(Math.floor(shortest / 12), policy.step_max_ms);
  for (let i = 0; i < ticks; i++) {
    const before = model.top;
    world.pass(tick);
    // One for what is due; more only where the last cut is further back than one may step.
    const gap = world.now - model.last.time;
    const most = Math.max(1, Math.ceil(gap / model.view.policy.step_max_ms));
    await rest(cast);
    if (model.top > before + most) {
      throw new Violation('idle', `${model.top - before} cuts with nothing to do, not ${most}`);
    }
    isFresh(cast, tick);
  }
}

/**
 * A log loses its last records. Whoever saw them has to stop; in any case nobody may show for a number
 * what is not its truth.
 */
async function truncated(cast: Cast): Promise<void> {
  const { checks, clients, hosts, model, publishers, world } = cast;
  const { random } = world;
  const topic = random.pick(['control', 'control', 'events', 'leaves'] as const);
  const lane = world.lane(topic, topic === 'control' ? 0 : random.below(world.disk.partitions));
  const kept = Math.max(1, lane.length - random.between(1, 6));
  checks.logs();
  model.freeze(topic === 'control' ? kept : Infinity, checks.shown);
  lane.length = kept;
  world.note(`${topic} ends at ${kept}`);
  Object.assign(world.weather, { crash: 0.01, powerLoss: 0, fault: 0, late: 0 });
  world.late.length = 0;
  world.halts.add('*');
  await goOn(cast, 200, [
    [4, () => clients.upload()],
    [4, () => startOne(cast)],
    [1, () => random.pick(hosts).crash()],
    [2, () => world.pass(1_000)],
  ]);
  for (const host of publishers) checks.publisher(host);
}

/** The operators switch to rules that this build lacks: it must not go on by its own. */
async function unknownRules(cast: Cast): Promise<void> {
  const { clients, operator, publishers, shards, world } = cast;
  Object.assign(world.weather, { crash: 0, fault: 0, late: 0 });
  world.halts.add('control.rules');
  operator.unknownRules();
  await goOn(cast, 200, [
    [4, () => clients.upload()],
    [4, () => startOne(cast)],
    [2, () => world.pass(1_000)],
  ]);
  for (const host of [...publishers, ...shards]) {
    const reads = host.isUp && (host.life?.pausedUntil ?? 0) < world.step - 100;
    if (reads) throw new Violation('rules', `${host.name} goes on under rules it does not know`);
  }
}

async function goOn({ checks, world }: Cast, turns: number, actions: Actions): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    if (world.random.chance(0.1) || !(await world.runOne())) world.random.weighted(actions)();
    checks.logs();
    if (world.violation !== undefined) throw world.violation;
  }
}
