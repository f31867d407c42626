// What may happen in the rough time of a simulated life, between the turns of processes.
import type { Cast } from './cast.ts';

/** What may happen besides the turns of processes, by weight. */
export type Actions = readonly (readonly [weight: number, act: () => void])[];

/** The weight of what is to come often: as much as uploads. */
const OFTEN = 12;

/** All that may happen in the rough time; some lives know only part of it. */
export function whatMayHappen(cast: Cast, often: readonly string[] = []): Actions {
  const { clients, hosts, junk, operator, rough, world } = cast;
  const { random } = world;
  const sometimes = (weight: number, names: readonly string[]): number => {
    if (names.some((name) => often.includes(name))) return OFTEN;
    return random.chance(0.6) ? weight * rough : 0;
  };
  return [
    [10, () => clients.upload()],
    [4, () => clients.resend()],
    [8, () => world.pass(random.pick([1, 100, 1_000, 5_000]))],
    [1, () => longTime(cast)],
    [6, () => startOne(cast)],
    [sometimes(2, ['pause']), () => pause(cast)],
    [sometimes(2, ['crash']), () => random.pick(hosts).crash()],
    [sometimes(1, ['stop']), () => stopOne(cast)],
    [sometimes(1, ['skew']), () => skew(cast)],
    [sometimes(1, ['loss of state']), () => loseState(cast)],
    [sometimes(0.5, ['forged state']), () => forgeState(cast)],
    [3 * sometimes(1, ['late append lands']), () => landLate(cast)],
    [sometimes(6, junk.names), () => junk.write()],
    [sometimes(1, ['policy']), () => operator.policy()],
    [sometimes(1, ['service key']), () => operator.rotate()],
    [sometimes(0.3, ['new intake']), () => newIntake(cast)],
    [sometimes(1, ['document']), () => operator.documents()],
    [sometimes(0.3, ['bins key']), () => operator.rekey()],
    [sometimes(0.7, ['void']), () => void operator.void()],
  ];
}

function longTime({ model, world }: Cast): void {
  const { expiry_s, step_max_ms } = model.view.policy;
  const { random } = world;
  const life = random.pick([expiry_s.timestamp, expiry_s.snapshot, expiry_s.bins]) * 1000;
  const ms = Math.min(Math.round(life * random.pick([0.3, 0.6, 1.5])), 4 * step_max_ms);
  world.note(`${ms / 1000} s pass`);
  world.pass(ms);
}

export function startOne({ hosts, world }: Cast): void {
  const down = hosts.filter((host) => !host.isUp && host.halted === undefined);
  if (down.length > 0) world.random.pick(down).start();
}

function pause({ hosts, world }: Cast): void {
  const { life } = world.random.pick(hosts);
  if (life === undefined) return;
  life.pausedUntil = world.step + world.random.pick([20, 100, 300]);
  world.note(`${life.name} pauses`);
  world.count('pause');
}

/** An intake goes on with a new key at once, and a sealer that has looked for keys before is slow. */
function newIntake({ intakes, operator, publishers, world }: Cast): void {
  world.count('new intake');
  operator.rotate(intakes);
  for (const intake of intakes) intake.start();
  const { life } = world.random.pick(publishers);
  if (life !== undefined) life.pausedUntil = world.step + 20;
}

function stopOne({ hosts, world }: Cast): void {
  const up = hosts.filter(({ isUp }) => isUp);
  if (up.length === 0) return;
  const host = world.random.pick(up);
  world.note(`${host.name} is stopped`);
  world.count('stop');
  host.stop();
}

function skew({ hosts, world }: Cast): void {
  const { random } = world;
  const host = random.pick(hosts);
  host.skew = random.pick([0, -1_000, 20_000, -3_600_000, 90_000, 86_400_000, -1e12, 1e10]);
  world.note(`${host.name}: clock is off by ${host.skew / 1000} s`);
  world.count('skew');
  world.changes++;
}

function loseState({ publishers, shards, world }: Cast): void {
  const host = world.random.pick([...shards, ...publishers]);
  host.kill();
  host.wipe();
  world.note(`${host.name} loses its state`);
  world.count('loss of state');
}

function forgeState({ publishers, shards, world }: Cast): void {
  const host = world.random.pick([...shards, ...publishers]);
  world.note(`the state of ${host.name} is rewritten`);
  host.kill();
  host.forge();
}

/** An append of which nobody knew the outcome takes effect. */
export function landLate({ world }: Cast): void {
  const { late, random } = world;
  if (late.length === 0) return;
  const [landing] = late.splice(random.below(late.length), 1);
  world.note(`late: ${landing!.label}`);
  world.count('late append lands');
  landing!.land();
}
