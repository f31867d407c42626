// One simulated life of a ledger, from a seed: a rough time, then calm, then rest.
//
// Two intakes, two publishers with a sealer each, two replicas of every partition, followers without
// keys. In the rough time processes die at their writes, answers are lost, records come late or twice,
// clocks are wrong, operators act, and strangers write into every log. Then all faults stop, and the
// ledger has to come to rest: everything acknowledged is settled, and everybody shows the same.
import type { CutRule } from '@tidemark/ledger';
import { memoryFiles } from '@tidemark/publish';
import { Checks } from './checks.ts';
import { Clients } from './clients.ts';
import { keyOf, makeFixture, randomPolicy, servicesOf, type Fixture } from './fixture.ts';
import { IntakeHost, PublisherHost, ShardHost, type Host, type Surroundings } from './hosts.ts';
import { Junk } from './junk.ts';
import { rememberVerdicts } from './memo.ts';
import { Model } from './model.ts';
import { Operator } from './operator.ts';
import { Random } from './random.ts';
import { Violation, World } from './world.ts';

export interface Options {
  /** Cut rules in place of the engine's own. */
  readonly rules?: readonly CutRule[];
  /** Turns of the rough time. */
  readonly steps?: number;
}

export interface Result {
  readonly seed: number;
  readonly violation: Violation | undefined;
  /** A digest of all that happened. */
  readonly hash: string;
  /** The last lines of what happened. */
  readonly end: readonly string[];
  readonly steps: number;
  readonly snapshots: number;
  readonly voids: number;
  readonly events: number;
  readonly applied: number;
}

const STEPS = 500;
/** More turns than any run needs to come to rest. */
const REST_STEPS_MAX = 8_000;

export async function simulate(seed: number, options: Options = {}): Promise<Result> {
  rememberVerdicts();
  const run = new Run(seed, options);
  let violation: Violation | undefined;
  try {
    await run.all(options.steps ?? STEPS);
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    violation = error;
    run.world.note(error.message);
  }
  return run.result(violation);
}

class Run {
  readonly world: World;
  private readonly seed: number;
  private readonly fixture: Fixture;
  private readonly model: Model;
  private readonly checks: Checks;
  private readonly intakes: IntakeHost[] = [];
  private readonly publishers: PublisherHost[] = [];
  private readonly shards: ShardHost[] = [];
  private readonly hosts: Host[];
  private readonly clients: Clients;
  private readonly operator: Operator;
  private readonly junk: Junk;
  private readonly actions: readonly (readonly [weight: number, act: () => void])[];

  constructor(seed: number, { rules }: Options) {
    const random = new Random(seed);
    this.seed = seed;
    const partitions = random.pick([2, 2, 4]);
    const bits = random.pick([3, 4]);
    const shape = {
      partitions,
      bits,
      slotBits: bits + random.below(2),
      delegation: random.pick(['succinct', 'prefixes'] as const),
    };
    const rough = random.pick([0, 1, 1, 2, 3]);
    const weather = {
      crash: random.pick([0, 0.01, 0.03]) * rough,
      fault: random.pick([0, 0.02, 0.08]) * rough,
      late: random.pick([0, 0.03, 0.1]) * rough,
      slow: random.pick([0, 0.05, 0.3]),
    };
    this.world = new World(random, weather, partitions);
    this.fixture = makeFixture(shape, randomPolicy(random), initialServices());
    this.model = new Model(this.fixture, {
      control: this.world.lane('control', 0),
      events: Array.from({ length: partitions }, (_, p) => this.world.lane('events', p)),
    });
    this.checks = new Checks(this.world, this.model);
    this.makeHosts(rules);
    this.hosts = [...this.intakes, ...this.publishers, ...this.shards];
    this.world.onCrash = (life) => this.crash(life.name);
    this.clients = new Clients(this.world, this.intakes);
    this.operator = new Operator(this.world, this.model, this.hosts);
    this.junk = new Junk(this.world, this.model, this.checks, this.hosts);
    this.actions = this.whatHappens(rough);
  }

  async all(steps: number): Promise<void> {
    const { world } = this;
    const { partitions } = this.fixture.shape;
    for (let p = 0; p < partitions; p++) {
      world.inject('events', p, [this.fixture.genesisBytes]);
      world.inject('leaves', p, [this.fixture.genesisBytes]);
    }
    world.inject('control', 0, [this.fixture.genesisBytes]);
    if (world.random.chance(0.8)) this.operator.begin();
    for (const host of this.hosts) host.start();
    for (let step = 0; step < steps; step++) {
      if (step === 60 && this.model.view.documents.bins === undefined) this.operator.begin();
      if (world.random.chance(0.2) || !(await world.runOne())) {
        world.random.weighted(this.actions)();
      }
      this.checks.logs();
      if (world.violation !== undefined) throw world.violation;
    }
    await this.calm();
    await this.rest();
    await this.everything();
    await this.idle();
    await this.everything();
  }

  result(violation: Violation | undefined): Result {
    const { model, world, seed } = this;
    if (process.env['DUMP'] !== undefined) {
      const [topic, p] = process.env['DUMP'].split('/') as ['events', string];
      world.lane(topic, Number(p)).forEach((bytes, i) => {
        const text = Buffer.from(bytes)
          .toString()
          .replace(/"(sig|keyid)":"(.{8})[0-9a-f]*"/g, '"$1":"$2"')
          .replace(/([0-9a-f]{8})[0-9a-f]{56}/g, '$1');
        process.stdout.write(
          `${i} ${this.checks.forged.has(bytes) ? 'FORGED ' : ''}${text.slice(0, 700)}\n`,
        );
      });
    }
    if (process.env['DUMP'] !== undefined)
      for (const h of this.publishers) console.log(h.name, h.publisher?.control.ignored);
    const fates = model.partitions.flatMap(({ fates }) => [...fates.values()].flat());
    for (const [n, truth] of model.truths) world.note(`${n} ${truth.leaf.timestamp}`);
    return {
      seed,
      violation,
      hash: world.trace.hash(),
      end: world.trace.end,
      steps: world.step,
      snapshots: model.truths.size,
      voids: model.top - model.truths.size,
      events: fates.length,
      applied: fates.filter((fate) => fate === 'applied').length,
    };
  }

  private makeHosts(rules: readonly CutRule[] | undefined): void {
    const { world, fixture, checks } = this;
    const { random } = world;
    const guarded = (check: () => void): void => {
      try {
        check();
      } catch (error) {
        if (!(error instanceof Violation)) throw error;
        world.violated(error);
      }
    };
    const around: Surroundings = {
      world,
      fixture,
      rules,
      onVisible: (host, row) => guarded(() => checks.visible(host, row)),
      onStore: (files, name) => guarded(() => checks.store(files, name)),
      onAppend: (host, topic, _partition, records) => {
        if (topic === 'control') guarded(() => checks.signs(host.name, host.now(), records));
      },
    };
    for (const i of [0, 1]) this.intakes.push(new IntakeHost(`intake-${i}`, around));
    const files = memoryFiles();
    for (const i of [0, 1]) {
      const keys = { service: `publisher-${i}`, sealer: `sealer-${i}` };
      this.publishers.push(new PublisherHost(`publisher-${i}`, around, files, keys));
    }
    this.publishers.push(new PublisherHost('mirror', around));
    const all = Array.from({ length: fixture.shape.partitions }, (_, p) => p);
    const half = all.length / 2;
    const budget = (): number => random.pick([1, 4_096, 1 << 20]);
    const shard = (name: string, partitions: readonly number[], key?: string): void => {
      this.shards.push(new ShardHost(name, around, partitions, key, budget()));
    };
    shard('shard-a', all.slice(0, half), 'shard-a');
    shard('shard-b', all.slice(half), 'shard-b');
    shard('shard-c', all, 'shard-c');
    if (random.chance(0.5)) shard('follower', all);
  }

  /** What may happen besides turns, in the rough time; some runs know only part of it. */
  private whatHappens(rough: number): (readonly [number, () => void])[] {
    const { random } = this.world;
    const sometimes = (weight: number): number => (random.chance(0.6) ? weight * rough : 0);
    return [
      [10, () => this.clients.upload()],
      [4, () => this.clients.resend()],
      [8, () => this.world.pass(random.pick([1, 100, 1_000, 5_000]))],
      [1, () => this.longTime()],
      [6, () => this.startOne()],
      [sometimes(2), () => this.pause()],
      [sometimes(2), () => this.crash(random.pick(this.hosts).life?.name ?? '')],
      [sometimes(1), () => this.stopOne()],
      [sometimes(1), () => this.skew()],
      [sometimes(1), () => this.loseState()],
      [3 * sometimes(1), () => this.landLate()],
      [sometimes(6), () => this.junk.write()],
      [sometimes(1), () => this.operator.policy()],
      [sometimes(1), () => this.operator.rotate()],
      [sometimes(1), () => this.operator.documents()],
      [sometimes(0.3), () => this.operator.rekey()],
      [sometimes(0.7), () => void this.operator.void()],
    ];
  }

  private longTime(): void {
    const { expiry_s, step_max_ms } = this.model.view.policy;
    const { random } = this.world;
    const life = random.pick([expiry_s.timestamp, expiry_s.snapshot, expiry_s.bins]) * 1000;
    const ms = Math.min(Math.round(life * random.pick([0.3, 0.6, 1.5])), 4 * step_max_ms);
    this.world.note(`${ms / 1000} s pass`);
    this.world.pass(ms);
  }

  private startOne(): void {
    const down = this.hosts.filter((host) => !host.isUp && host.halted === undefined);
    if (down.length > 0) this.world.random.pick(down).start();
  }

  private pause(): void {
    const { life } = this.world.random.pick(this.hosts);
    if (life === undefined) return;
    life.pausedUntil = this.world.step + this.world.random.pick([20, 100, 300]);
    this.world.note(`${life.name} pauses`);
  }

  private crash(name: string): void {
    const host = this.hosts.find(({ life }) => life?.name === name);
    if (host === undefined) return;
    this.world.note(`${name} crashes`);
    host.kill();
    if (this.world.random.chance(0.3)) host.losePower(6);
  }

  private stopOne(): void {
    const up = this.hosts.filter(({ isUp }) => isUp);
    if (up.length === 0) return;
    const host = this.world.random.pick(up);
    this.world.note(`${host.name} is stopped`);
    host.stop();
  }

  private skew(): void {
    const host = this.world.random.pick(this.hosts);
    const { random } = this.world;
    host.skew = random.pick([0, -1_000, 20_000, -3_600_000, 90_000, 86_400_000, -1e12, 1e10]);
    this.world.note(`${host.name}: clock is off by ${host.skew / 1000} s`);
    this.world.changes++;
  }

  private loseState(): void {
    const host = this.world.random.pick([...this.shards, ...this.publishers]);
    host.kill();
    host.wipe();
    this.world.note(`${host.name} loses its state`);
  }

  private landLate(): void {
    const { late, random } = this.world;
    if (late.length === 0) return;
    const [landing] = late.splice(random.below(late.length), 1);
    this.world.note(`late: ${landing!.label}`);
    landing!.land();
  }

  /** Faults stop, everything is started again, clocks are set. */
  private async calm(): Promise<void> {
    const { world } = this;
    world.note('calm');
    Object.assign(world.weather, { crash: 0, fault: 0, late: 0 });
    for (const host of this.hosts) {
      host.skew = 0;
      if (host.life !== undefined) host.life.pausedUntil = 0;
    }
    if (this.model.view.documents.bins === undefined) this.operator.begin();
    while (world.late.length > 0) this.landLate();
    // What is left of time steps: nobody's clock is ahead any more, but cuts may be.
    world.changes++;
  }

  /** Lets everything run until nothing is left to do. */
  private async rest(): Promise<void> {
    const { world } = this;
    const until = world.step + REST_STEPS_MAX;
    for (;;) {
      for (const host of this.hosts) host.start();
      this.operator.equip();
      while (await world.runOne()) {
        if (world.step > until) throw new Violation('rest', 'it never comes to rest');
        if (world.step % 8 === 0) this.checks.logs();
      }
      this.checks.logs();
      if (this.hosts.some(({ isUp, halted }) => !isUp && halted === undefined)) continue;
      if (this.clients.resendAll()) continue;
      const stuck = this.model.unsettled[0]?.cut;
      if (stuck === undefined) return;
      this.free(stuck);
    }
  }

  /** A cut that nobody can finish: time or the operators help, where there is a reason. */
  private free(stuck: Model['last']): void {
    const { world, model } = this;
    const isAhead = stuck.time > world.now + 30_000;
    if (isAhead && world.random.chance(0.5)) {
      world.note('time passes until the cut');
      world.pass(stuck.time - world.now);
      return;
    }
    const isBeyond = stuck.vector.some((end, p) => end > world.lane('events', p).length);
    const { services } = model.viewAt(stuck.control);
    const isOrphaned = stuck.vector.some(
      (_end, p) => !this.shards.some((host) => this.reports(host, p, services.shard)),
    );
    if (!isAhead && !isBeyond && !isOrphaned) {
      throw new Violation('rest', `cut ${stuck.n} is neither sealed nor is there a reason`);
    }
    this.operator.void();
  }

  private reports({ partitions, key }: ShardHost, p: number, listed: readonly string[]): boolean {
    return partitions.includes(p) && key !== undefined && listed.includes(keyOf(key).publicKey);
  }

  /** After all has come to rest: everybody shows the same, and everything acknowledged is there. */
  private async everything(): Promise<void> {
    const { model, checks } = this;
    const { top, newest } = model;
    if (newest === undefined) throw new Violation('rest', 'there is no snapshot');
    for (const host of this.publishers) {
      const n = host.publisher?.visible?.n;
      if (n !== newest.cut.n) {
        throw new Violation('rest', `${host.name} shows ${n}, sealed is ${newest.cut.n}`);
      }
      checks.publisher(host);
      for (const name of ['timestamp.json', 'checkpoint']) {
        if (host.files.get(name)?.version !== n) {
          throw new Violation('rest', `the store of ${host.name} has another ${name}`);
        }
      }
      for (const name of host.files.keys()) checks.store(host.files, name);
    }
    for (const host of this.shards) {
      for (const [p, { n }] of host.shard!.runners) {
        if (n !== top) throw new Violation('rest', `partition ${p} of ${host.name} is at ${n}`);
      }
      await checks.shard(host);
    }
    this.acknowledged();
  }

  /** I1 and I2: every event that was acknowledged has its one fate, and publishers know it. */
  private acknowledged(): void {
    const { model } = this;
    for (const { event, receipts } of this.clients.uploads) {
      if (receipts.length === 0) throw new Violation('rest', `${event.id} is never answered`);
      for (const { partition, offset, index } of receipts) {
        const fate = model.partitions[partition]!.fates.get(offset)?.[index];
        if (fate === undefined) {
          const why = model.partitions[partition]!.ignored.get(offset) ?? 'not covered';
          throw new Violation('I1', `${event.id} at ${partition}/${offset} is lost: ${why}`);
        }
        for (const host of this.publishers) {
          const shown = host.publisher!.fate({ partition, offset, index });
          const expected = fate === 'applied' ? fate : fate[2];
          const text = 'code' in shown ? shown.code : shown.state;
          if (text !== expected) {
            const what = `${event.id} is ${expected}, ${host.name} says ${text}`;
            throw new Violation('I1', what);
          }
        }
      }
    }
  }

  /** Nothing happens for long: what grows old is renewed in time, and nothing else is done. */
  private async idle(): Promise<void> {
    const { world, model } = this;
    const { policy } = model.view;
    const { timestamp, snapshot, bins } = policy.expiry_s;
    const shortest = Math.min(timestamp, snapshot, bins) * 1000;
    const tick = Math.min(Math.floor(shortest / 12), policy.step_max_ms);
    for (let i = 0; i < 16; i++) {
      const before = model.top;
      world.pass(tick);
      // One for what is due; more only where the last cut is further back than one may step.
      const gap = world.now - model.last.time;
      const most = Math.max(1, Math.ceil(gap / model.view.policy.step_max_ms));
      await this.rest();
      if (model.top > before + most) {
        throw new Violation('idle', `${model.top - before} cuts with nothing to do, not ${most}`);
      }
      this.isFresh(tick);
    }
  }

  /** By the clock, everything published has more than a quarter of its life before it. */
  private isFresh(tick: number): void {
    const { world, model } = this;
    const { cut, bins, leaf } = model.newest!;
    const { expiry_s, renew_always_below_percent } = model.view.policy;
    const demand = (what: string, expires: number, life: number): void => {
      const left = expires - world.now;
      if (left >= (life * 1000 * renew_always_below_percent) / 100 - 2 * tick - 1000) return;
      throw new Violation('renewal', `${what} has ${left / 1000} s of ${life} left`);
    };
    const signed = (file: Uint8Array): number =>
      Date.parse(
        (JSON.parse(Buffer.from(file).toString()) as { signed: { expires: string } }).signed
          .expires,
      );
    demand('timestamp.json', signed(model.truths.get(cut.n)!.timestamp), expiry_s.timestamp);
    const { snapshot } = model.truths.get(leaf.snapshot.version)!;
    demand('snapshot.json', signed(snapshot!), expiry_s.snapshot);
    for (const [role, { expires }] of bins) demand(role, expires * 1000, expiry_s.bins);
  }
}

function initialServices(): Fixture['genesis']['services'] {
  return servicesOf({
    intake: ['intake-0', 'intake-1'],
    sealer: ['sealer-0', 'sealer-1'],
    shard: ['shard-a', 'shard-b', 'shard-c'],
    publisher: ['publisher-0', 'publisher-1'],
  });
}
