// One simulated life of a ledger, from a seed: a rough time, then calm, then rest.
//
// Two intakes, two publishers with a sealer each, two replicas of every partition, followers without
// keys. In the rough time processes die at their writes, answers are lost, records come late or twice,
// clocks are wrong, operators act, and strangers write into every log. Then all faults stop, and the
// ledger has to come to rest: everything acknowledged is settled, and everybody shows the same.
import type { Policy } from '@tidemark/event';
import type { CutRule } from '@tidemark/ledger';
import { memoryFiles } from '@tidemark/publish';
import { Checks } from './checks.ts';
import { Clients } from './clients.ts';
import { keyOf, makeFixture, randomPolicy, servicesOf, type Fixture } from './fixture.ts';
import { IntakeHost, PublisherHost, ShardHost, type Host, type Surroundings } from './hosts.ts';
import { Junk } from './junk.ts';
import { rememberVerdicts } from './memo.ts';
import { Model } from './model.ts';
import type { ModelCut } from './modelPartition.ts';
import { Operator } from './operator.ts';
import { Random } from './random.ts';
import { tallyOf, type Tally } from './tally.ts';
import { Violation, World } from './world.ts';

export interface Options {
  /** Cut rules in place of the engine's own. */
  readonly rules?: readonly CutRule[];
  /** Turns of the rough time. */
  readonly steps?: number;
  /** What is to come more often: kinds of junk, or of what else may happen. */
  readonly often?: readonly string[];
  /** Of the policy that it begins with. */
  readonly policy?: Partial<Policy>;
  /** How it ends: in rest, or with a log that has lost records, or with rules that nobody knows. */
  readonly ending?: 'rest' | 'truncation' | 'rules';
  /** How many of the last lines of what happened are kept. */
  readonly lines?: number;
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
const ENDINGS = [...Array<'rest'>(18).fill('rest'), 'truncation', 'rules'] as const;
/** The weight of what is to come often: as much as uploads. */
const OFTEN = 12;
/** More turns than any run needs to come to rest. */
const REST_STEPS_MAX = 4_000;

export async function simulate(seed: number, options: Options = {}): Promise<Result> {
  rememberVerdicts();
  const run = new Run(seed, options);
  let violation: Violation | undefined;
  try {
    await run.all(options.steps ?? run.world.random.pick(STEPS));
  } catch (error) {
    if (error instanceof KnownLimit) run.world.count('known limit');
    else if (!(error instanceof Violation)) throw error;
    else violation = error;
  }
  return run.result(violation);
}

/** The run met something that the design does not rule out. */
class KnownLimit extends Error {}

class Run {
  readonly world: World;
  private mayLosePower = true;
  private readonly ending: (typeof ENDINGS)[number];
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

  constructor(seed: number, { rules, lines, often = [], ending, policy }: Options) {
    const random = new Random(seed);
    this.seed = seed;
    const partitions = random.pick([1, 2, 2, 2, 2, 4]);
    const bits = random.pick([3, 3, 4]);
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
    this.world = new World(random, weather, partitions, lines);
    this.fixture = makeFixture(shape, { ...randomPolicy(random), ...policy }, initialServices());
    this.model = new Model(this.fixture, {
      control: this.world.lane('control', 0),
      events: Array.from({ length: partitions }, (_, p) => this.world.lane('events', p)),
    });
    this.checks = new Checks(this.world, this.model);
    this.makeHosts(rules);
    this.hosts = [...this.intakes, ...this.publishers, ...this.shards];
    this.world.onCrash = (life) => this.crash(life.name, this.mayLosePower);
    this.clients = new Clients(this.world, this.intakes);
    this.operator = new Operator(this.world, this.model, this.hosts);
    this.junk = new Junk(this.world, this.model, this.checks, this.hosts, often);
    this.ending = ending ?? random.pick(ENDINGS);
    this.actions = this.whatHappens(rough, often);
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
      if (step === 40 && this.model.view.documents.bins === undefined) this.operator.begin();
      if (world.random.chance(0.2) || !(await world.runOne())) {
        world.random.weighted(this.actions)();
      }
      this.checks.logs();
      if (world.violation !== undefined) throw world.violation;
    }
    world.count(`ending: ${this.ending}`);
    if (this.ending === 'truncation') return this.truncated();
    if (this.ending === 'rules') return this.unknownRules();
    await this.calm();
    await this.rest();
    this.everything();
    await this.again();
    this.everything();
    await this.idle(this.world.random.pick([1, 1, 1, 1, 1, 1, 1, 2, 2, 16]));
    this.everything();
    for (const host of this.shards) await this.checks.shard(host);
    this.acknowledged();
  }

  result(violation: Violation | undefined): Result {
    const { model, world, seed } = this;
    for (const [n, truth] of model.truths) world.note(`${n} ${truth.leaf.timestamp}`);
    return {
      seed,
      violation: violation && { rule: violation.rule, message: violation.message },
      hash: world.trace.hash(),
      end: world.trace.end,
      tally: tallyOf(world, model, this.junk.names, this.publishers),
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
      onOpen: (host) => guarded(() => checks.opened(host)),
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
    if (random.chance(0.4)) this.publishers.push(new PublisherHost('mirror', around));
    const all = Array.from({ length: fixture.shape.partitions }, (_, p) => p);
    const half = all.length / 2;
    const budget = (): number => random.pick([1, 4_096, 1 << 20]);
    const shard = (name: string, partitions: readonly number[], key?: string): void => {
      this.shards.push(new ShardHost(name, around, partitions, key, budget()));
    };
    if (random.chance(0.5) && half >= 1) {
      shard('shard-a', all.slice(0, half), 'shard-a');
      shard('shard-b', all.slice(half), 'shard-b');
    } else {
      shard('shard-a', all, 'shard-a');
    }
    shard('shard-c', all, 'shard-c');
    if (random.chance(0.3)) shard('follower', all);
  }

  /** What may happen besides turns, in the rough time; some runs know only part of it. */
  private whatHappens(rough: number, often: readonly string[]): (readonly [number, () => void])[] {
    const { random } = this.world;
    const sometimes = (weight: number, names: readonly string[]): number => {
      if (names.some((name) => often.includes(name))) return OFTEN;
      return random.chance(0.6) ? weight * rough : 0;
    };
    return [
      [10, () => this.clients.upload()],
      [4, () => this.clients.resend()],
      [8, () => this.world.pass(random.pick([1, 100, 1_000, 5_000]))],
      [1, () => this.longTime()],
      [6, () => this.startOne()],
      [sometimes(2, ['pause']), () => this.pause()],
      [sometimes(2, ['crash']), () => this.crash(random.pick(this.hosts).life?.name ?? '')],
      [sometimes(1, ['stop']), () => this.stopOne()],
      [sometimes(1, ['skew']), () => this.skew()],
      [sometimes(1, ['loss of state']), () => this.loseState()],
      [sometimes(0.5, ['forged state']), () => this.forgeState()],
      [3 * sometimes(1, ['late append lands']), () => this.landLate()],
      [sometimes(6, this.junk.names), () => this.junk.write()],
      [sometimes(1, ['policy']), () => this.operator.policy()],
      [sometimes(1, ['service key']), () => this.operator.rotate()],
      [sometimes(0.3, ['new intake']), () => this.newIntake()],
      [sometimes(1, ['document']), () => this.operator.documents()],
      [sometimes(0.3, ['bins key']), () => this.operator.rekey()],
      [sometimes(0.7, ['void']), () => void this.operator.void()],
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
    this.world.count('pause');
  }

  /** An intake goes on with a new key at once, and a sealer that has looked for keys before is slow. */
  private newIntake(): void {
    this.world.count('new intake');
    this.operator.rotate(this.intakes);
    for (const intake of this.intakes) intake.start();
    const { life } = this.world.random.pick(this.publishers);
    if (life !== undefined) life.pausedUntil = this.world.step + 20;
  }

  private crash(name: string, mayLosePower = true): void {
    const host = this.hosts.find(({ life }) => life?.name === name);
    if (host === undefined) return;
    this.world.note(`${name} crashes`);
    this.world.count('crash');
    host.kill();
    if (!mayLosePower || !this.world.random.chance(0.3)) return;
    this.world.count('loss of power');
    host.losePower(6);
  }

  private stopOne(): void {
    const up = this.hosts.filter(({ isUp }) => isUp);
    if (up.length === 0) return;
    const host = this.world.random.pick(up);
    this.world.note(`${host.name} is stopped`);
    this.world.count('stop');
    host.stop();
  }

  private skew(): void {
    const host = this.world.random.pick(this.hosts);
    const { random } = this.world;
    host.skew = random.pick([0, -1_000, 20_000, -3_600_000, 90_000, 86_400_000, -1e12, 1e10]);
    this.world.note(`${host.name}: clock is off by ${host.skew / 1000} s`);
    this.world.count('skew');
    this.world.changes++;
  }

  private loseState(): void {
    const host = this.world.random.pick([...this.shards, ...this.publishers]);
    host.kill();
    host.wipe();
    this.world.note(`${host.name} loses its state`);
    this.world.count('loss of state');
  }

  private forgeState(): void {
    const host = this.world.random.pick([...this.shards, ...this.publishers]);
    this.world.note(`the state of ${host.name} is rewritten`);
    host.kill();
    host.forge();
  }

  private landLate(): void {
    const { late, random } = this.world;
    if (late.length === 0) return;
    const [landing] = late.splice(random.below(late.length), 1);
    this.world.note(`late: ${landing!.label}`);
    this.world.count('late append lands');
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
    world.changes++;
    this.widen();
  }

  /** After a very long time operators allow larger steps: thousands of empty cuts show nothing new. */
  private widen(): void {
    const { world, model } = this;
    const { time, control } = model.unsettled[0]?.before ?? model.last;
    const { step_max_ms } = model.view.policy;
    const isBehind =
      world.now - time > 16 * Math.min(step_max_ms, model.viewAt(control).policy.step_max_ms);
    if (isBehind && model.view.documents.bins !== undefined) this.operator.policy();
  }

  /**
   * A log loses its last records. Whoever saw them has to stop; in any case nobody may show for a number
   * what is not its truth.
   */
  private async truncated(): Promise<void> {
    const { world, model } = this;
    const { random } = world;
    const topic = random.pick(['control', 'control', 'events', 'leaves'] as const);
    const lane = world.lane(topic, topic === 'control' ? 0 : random.below(world.disk.partitions));
    const kept = Math.max(1, lane.length - random.between(1, 6));
    this.checks.logs();
    model.freeze(topic === 'control' ? kept : Infinity, this.checks.shown);
    lane.length = kept;
    world.note(`${topic} ends at ${kept}`);
    Object.assign(world.weather, { crash: 0.01, fault: 0, late: 0 });
    this.mayLosePower = false;
    world.late.length = 0;
    world.halts.add('*');
    await this.goOn(200, [
      [4, () => this.clients.upload()],
      [4, () => this.startOne()],
      [1, () => this.crashOne()],
      [2, () => world.pass(1_000)],
    ]);
    for (const host of this.publishers) this.checks.publisher(host);
  }

  /** The operators switch to rules that this build lacks: it must not go on by its own. */
  private async unknownRules(): Promise<void> {
    const { world } = this;
    Object.assign(world.weather, { crash: 0, fault: 0, late: 0 });
    world.halts.add('control.rules');
    this.operator.unknownRules();
    await this.goOn(200, [
      [4, () => this.clients.upload()],
      [4, () => this.startOne()],
      [2, () => world.pass(1_000)],
    ]);
    for (const host of [...this.publishers, ...this.shards]) {
      const reads = host.isUp && (host.life?.pausedUntil ?? 0) < world.step - 100;
      if (reads) throw new Violation('rules', `${host.name} goes on under rules it does not know`);
    }
  }

  private async goOn(
    turns: number,
    actions: readonly (readonly [weight: number, act: () => void])[],
  ): Promise<void> {
    const { world } = this;
    for (let turn = 0; turn < turns; turn++) {
      if (world.random.chance(0.1) || !(await world.runOne())) world.random.weighted(actions)();
      this.checks.logs();
      if (world.violation !== undefined) throw world.violation;
    }
  }

  private crashOne(): void {
    const { life } = this.world.random.pick(this.hosts);
    if (life !== undefined) this.crash(life.name, false);
  }

  /** Lets everything run until nothing is left to do. */
  private async rest(): Promise<void> {
    const { world } = this;
    const until = world.step + REST_STEPS_MAX;
    for (;;) {
      // A round is a step too, so that processes that fail at their start come to an end.
      if (++world.step > until) throw new Violation('rest', 'it never comes to rest');
      for (const host of this.hosts) host.start();
      while (await world.runOne()) {
        if (world.step > until) throw new Violation('rest', 'it never comes to rest');
        if (world.step % 8 === 0) this.checks.logs();
      }
      this.checks.logs();
      if (this.hosts.some(({ isUp, halted }) => !isUp && halted === undefined)) continue;
      if (this.clients.resendAll()) continue;
      const stuck = this.model.unsettled[0]?.cut;
      const { pending } = this.model;
      if (stuck === undefined && pending === undefined) return;
      this.free(stuck ?? pending!);
    }
  }

  /** A cut that nobody can finish: time or the operators help, where there is a reason. */
  private free(stuck: ModelCut): void {
    const { world } = this;
    const { pending, word } = this.model;
    // A known limit: who has a publisher's key and the timestamp's can call a cut sealed that nobody
    // can finish, and so keep the operators from voiding it.
    const isLocked = pending !== undefined && pending.n <= word;
    const reason = this.reason(isLocked ? pending : stuck);
    if (reason === undefined) {
      throw new Violation('rest', `cut ${stuck.n} is neither sealed nor is there a reason`);
    }
    if (isLocked && reason !== 'ahead') throw new KnownLimit();
    if (reason === 'ahead' && (isLocked || world.random.chance(0.5))) {
      world.note('time passes until the cut');
      world.pass((isLocked ? pending : stuck).time - world.now);
      this.widen();
    } else {
      this.operator.void();
      this.widen();
    }
  }

  /** Why nobody may be able to finish a cut. */
  private reason(stuck: ModelCut): 'ahead' | 'beyond' | 'orphaned' | undefined {
    const { world, model } = this;
    if (stuck.time > world.now + 30_000) return 'ahead';
    const isBeyond = stuck.vector.some((end, p) => end > world.lane('events', p).length);
    const { services } = model.viewAt(stuck.control);
    const isOrphaned = stuck.vector.some(
      (_end, p) => !this.shards.some((host) => this.reports(host, p, services.shard)),
    );
    if (isBeyond) return 'beyond';
    return isOrphaned ? 'orphaned' : undefined;
  }

  private reports({ partitions, key }: ShardHost, p: number, listed: readonly string[]): boolean {
    return partitions.includes(p) && key !== undefined && listed.includes(keyOf(key).publicKey);
  }

  /** After all has come to rest: everybody shows the same, and everything acknowledged is there. */
  private everything(): void {
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
    }
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
          if (why === 'signature' && this.isCutShort(partition, offset)) continue;
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

  /**
   * Whether an offset was covered by a cut that somebody with a sealer's key made, of less control than
   * there was: so it may leave out that an intake's key was listed. Sealers never do that.
   */
  private isCutShort(partition: number, offset: number): boolean {
    for (const { cut } of this.model.truths.values()) {
      if (cut.vector[partition]! > offset) return this.junk.cuts.has(cut.hash);
    }
    return false;
  }

  /** Everybody starts again from what it keeps, which somebody may have rewritten meanwhile. */
  private async again(): Promise<void> {
    for (const host of this.hosts) {
      host.kill();
      if (this.world.random.chance(0.2)) host.forge();
      host.start();
    }
    await this.rest();
  }

  /** Nothing happens for long: what grows old is renewed in time, and nothing else is done. */
  private async idle(ticks: number): Promise<void> {
    const { world, model } = this;
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
