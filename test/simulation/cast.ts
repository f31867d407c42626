// Who takes part in a simulated life, and where: all of it drawn at random, before anything happens.
//
// Two intakes, two publishers with a sealer each and sometimes one without keys, two replicas of every
// partition, clients, operators, and somebody who writes into the logs what does not belong there.
import type { Policy } from '@tidemark/event';
import type { CutRule } from '@tidemark/ledger';
import { memoryFiles } from '@tidemark/publish';
import { Checks } from './checks.ts';
import { Clients } from './clients.ts';
import { makeFixture, randomPolicy, servicesOf, type Fixture, type Shape } from './fixture.ts';
import type { Host, Surroundings } from './host.ts';
import { IntakeHost, PublisherHost, ShardHost } from './hosts.ts';
import { Junk } from './junk.ts';
import { Model } from './model.ts';
import { Operator } from './operator.ts';
import type { Random } from './random.ts';
import { Violation, World, type Weather } from './world.ts';

export interface CastOptions {
  /** Cut rules in place of the engine's own. */
  readonly rules?: readonly CutRule[];
  /** What is to come more often: kinds of junk, or of what else may happen. */
  readonly often?: readonly string[];
  /** Of the policy that it begins with. */
  readonly policy?: Partial<Policy>;
  /** How many of the last lines of what happened are kept. */
  readonly lines?: number;
}

export interface Cast extends Hosts {
  /** How rough it may become: a factor, of how often what may happen does. */
  readonly rough: number;
  /** How likely it is that what a process keeps is rewritten before its last start. */
  readonly forgery: number;
  readonly world: World;
  readonly fixture: Fixture;
  readonly model: Model;
  readonly checks: Checks;
  /** All of them. */
  readonly hosts: readonly Host[];
  readonly clients: Clients;
  readonly operator: Operator;
  readonly junk: Junk;
}

interface Hosts {
  readonly intakes: readonly IntakeHost[];
  readonly publishers: readonly PublisherHost[];
  readonly shards: readonly ShardHost[];
}

/** The order of the draws is part of what a seed means. */
export function makeCast(random: Random, { rules, often = [], policy, lines }: CastOptions): Cast {
  const shape = randomShape(random);
  const { partitions } = shape;
  const rough = random.pick([0, 1, 1, 2, 3]);
  const world = new World(random, randomWeather(random, rough), partitions, lines);
  const fixture = makeFixture(shape, { ...randomPolicy(random), ...policy }, initialServices());
  const model = new Model(fixture, {
    control: world.lane('control', 0),
    events: Array.from({ length: partitions }, (_, p) => world.lane('events', p)),
  });
  const checks = new Checks(world, model);
  const { intakes, publishers, shards } = makeHosts(watched(world, fixture, checks, rules));
  const hosts = [...intakes, ...publishers, ...shards];
  world.onCrash = (life) => hosts.find((host) => host.life === life)?.crash();
  const clients = new Clients(world, intakes);
  const operator = new Operator(world, model, hosts);
  const junk = new Junk(world, model, checks, hosts, often);
  const who = { intakes, publishers, shards, hosts, clients, operator, junk };
  const forgery = often.includes('forged state') ? 0.8 : 0.2;
  return { rough, forgery, world, fixture, model, checks, ...who };
}

function randomShape(random: Random): Shape {
  const partitions = random.pick([1, 2, 2, 2, 2, 4]);
  const bits = random.pick([3, 3, 4]);
  return {
    partitions,
    bits,
    slotBits: bits + random.below(2),
    delegation: random.pick(['succinct', 'prefixes']),
  };
}

function randomWeather(random: Random, rough: number): Weather {
  return {
    crash: random.pick([0, 0.01, 0.03]) * rough,
    powerLoss: 0.3,
    fault: random.pick([0, 0.02, 0.08]) * rough,
    late: random.pick([0, 0.03, 0.1]) * rough,
    slow: random.pick([0, 0.05, 0.3]),
  };
}

/** What hosts do is checked while they do it; what breaks a rule ends the run, not the process. */
function watched(
  world: World,
  fixture: Fixture,
  checks: Checks,
  rules: readonly CutRule[] | undefined,
): Surroundings {
  const guarded = (check: () => void): void => {
    try {
      check();
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      world.violated(error);
    }
  };
  return {
    world,
    fixture,
    rules,
    onVisible: (host, row) => guarded(() => checks.visible(host, row)),
    onOpen: (host) => guarded(() => checks.opened(host)),
    onStore: (files, name) => guarded(() => checks.store(files, name)),
    onAppend: (host, topic, _partition, records) => {
      if (topic === 'control') guarded(() => checks.signs(host.name, host.now(), records));
    },
  };
}

function makeHosts(around: Surroundings): Hosts {
  const { world, fixture } = around;
  const { random } = world;
  const intakes = [0, 1].map((i) => new IntakeHost(`intake-${i}`, around));
  const files = memoryFiles();
  const publishers = [0, 1].map((i) => {
    const keys = { service: `publisher-${i}`, sealer: `sealer-${i}` };
    return new PublisherHost(`publisher-${i}`, around, files, keys);
  });
  if (random.chance(0.4)) publishers.push(new PublisherHost('mirror', around));
  const all = Array.from({ length: fixture.shape.partitions }, (_, p) => p);
  const half = all.length / 2;
  const shards: ShardHost[] = [];
  const shard = (name: string, partitions: readonly number[], key?: string): void => {
    const budget = random.pick([1, 4_096, 1 << 20]);
    shards.push(new ShardHost(name, around, partitions, key, budget));
  };
  if (random.chance(0.5) && half >= 1) {
    shard('shard-a', all.slice(0, half), 'shard-a');
    shard('shard-b', all.slice(half), 'shard-b');
  } else {
    shard('shard-a', all, 'shard-a');
  }
  shard('shard-c', all, 'shard-c');
  if (random.chance(0.3)) shard('follower', all);
  return { intakes, publishers, shards };
}

function initialServices(): Fixture['genesis']['services'] {
  return servicesOf({
    intake: ['intake-0', 'intake-1'],
    sealer: ['sealer-0', 'sealer-1'],
    shard: ['shard-a', 'shard-b', 'shard-c'],
    publisher: ['publisher-0', 'publisher-1'],
  });
}
