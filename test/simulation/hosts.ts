// The processes of a simulation: each lives on a host that keeps its disks, its keys and its clock.
import { BrokenInvariant, OperatingFault, type JsonObject } from '@tidemark/canonical';
import { Intake } from '@tidemark/intake';
import type { CutRule } from '@tidemark/ledger';
import { Publisher, Sealer, type SnapshotRow } from '@tidemark/publisher';
import { memoryFiles, type MemoryFiles } from '@tidemark/publish';
import { Shard } from '@tidemark/shard';
import { keyOf, type Fixture } from './fixture.ts';
import {
  simulatedLogs,
  simulatedState,
  simulatedStore,
  StateDisk,
  type OnAppend,
} from './ports.ts';
import { Violation, type Life, type World } from './world.ts';

/** What every host is given. */
export interface Surroundings {
  readonly world: World;
  readonly fixture: Fixture;
  readonly rules: readonly CutRule[] | undefined;
  /** Told of snapshots as a publisher shows them. */
  readonly onVisible: (host: PublisherHost, row: SnapshotRow) => void;
  /** Told of publishers that have opened what they keep. */
  readonly onOpen: (host: PublisherHost) => void;
  /** Told of names in a store that may have changed. */
  readonly onStore: (files: MemoryFiles, name: string) => void;
  /** Told of `sealed` records that a publisher is about to append, and its clock. */
  readonly onAppend: (host: Host, ...what: Parameters<OnAppend>) => void;
}

export abstract class Host {
  readonly name: string;
  protected readonly around: Surroundings;
  /** How far its clock is off, ms. */
  skew = 0;
  life: Life | undefined;
  starts = 0;
  /** Why it will not start again. */
  halted: Error | undefined;
  protected isStopping = false;

  constructor(name: string, around: Surroundings) {
    this.name = name;
    this.around = around;
  }

  get isUp(): boolean {
    return this.life !== undefined;
  }

  get world(): World {
    return this.around.world;
  }

  now(): number {
    return Math.max(0, this.world.now + this.skew);
  }

  start(): void {
    if (this.life !== undefined || this.halted !== undefined) return;
    this.starts++;
    this.isStopping = false;
    const life: Life = {
      name: `${this.name}.${this.starts}`,
      alive: true,
      pausedUntil: 0,
      progress: 0,
    };
    this.life = life;
    this.world.note(`${life.name} starts`);
    this.world.count(this.starts === 1 ? 'start' : 'restart');
    void this.live(life);
  }

  /** Ends it at once. */
  kill(): void {
    if (this.life === undefined) return;
    this.life.alive = false;
    this.life = undefined;
  }

  /** Ends it at once, now and then with a loss of power. */
  crash(): void {
    const { life, world } = this;
    if (life === undefined) return;
    world.note(`${life.name} crashes`);
    world.count('crash');
    this.kill();
    if (!world.random.chance(world.weather.powerLoss)) return;
    world.count('loss of power');
    this.losePower(6);
  }

  /** Asks it to end when it has finished what it is at. */
  stop(): void {
    this.isStopping = true;
    this.world.changes++;
  }

  /** Deletes what it keeps, if it keeps anything. */
  abstract wipe(): void;

  /** Loses the last writes to its state, as at a loss of power. */
  abstract losePower(batches: number): void;

  /** Somebody rewrites what its state rests on, for the next start. */
  abstract forge(): void;

  protected abstract run(life: Life): Promise<void>;

  /** What its operators do about a fault before they start it again. */
  protected helped(_code: string): void {}

  /** Whether what it keeps was rewritten, so that it may refuse it. */
  protected isForged = false;

  protected logsOf(life: Life): ReturnType<typeof simulatedLogs> {
    return simulatedLogs(
      this.world,
      life,
      (...what) => this.around.onAppend(this, ...what),
      (topic, end) => this.looked(life, topic, end),
    );
  }

  /** It looks where a log ends now. */
  protected looked(_life: Life, _topic: string, _end: number): void {}

  protected async sleep(life: Life): Promise<void> {
    await this.world.turn(life, 'waits', 'wait');
  }

  /** Steps until it has to stop; a process that finds nothing to do waits for a change. */
  protected async loop(life: Life, step: () => Promise<boolean>): Promise<void> {
    while (!this.isStopping) {
      const seen = this.world.seenBy(life);
      const did = await step();
      if (did) life.progress++;
      if (seen === this.world.seenBy(life)) await this.world.turn(life, 'idle', 'idle', seen);
      else await this.world.turn(life, 'goes on', 'wait');
    }
  }

  private async live(life: Life): Promise<void> {
    try {
      await this.run(life);
      this.world.note(`${life.name} has ended`);
    } catch (error) {
      if (life.alive) this.failed(life, error);
    }
    if (life.alive) this.kill();
  }

  /** An operating fault ends the process; anything else is a bug, or a reason to stay down. */
  private failed(life: Life, error: unknown): void {
    const what = error instanceof Error ? error : new Error(String(error));
    const code = 'code' in what ? String(what.code) : what.name;
    this.world.note(`${life.name} fails: ${code} ${what.message}`);
    this.world.count(`fails: ${code}`);
    if (what instanceof OperatingFault) return this.helped(code);
    // Events that were never there look like lost ones.
    if (this.isForged && (code.startsWith('state.') || code === 'log.truncated')) {
      this.isForged = false;
      return this.wipe();
    }
    this.halted = what;
    if (what instanceof Violation) this.world.violated(what);
    else if (!(what instanceof BrokenInvariant && this.around.world.maySay(code))) {
      this.world.violated(new Violation('halt', `${life.name} ${what.stack}`, { cause: what }));
    }
  }
}

export class IntakeHost extends Host {
  intake: Intake | undefined;
  key: string;

  constructor(name: string, around: Surroundings) {
    super(name, around);
    this.key = name;
  }

  override kill(): void {
    super.kill();
    this.intake = undefined;
  }

  override wipe(): void {}
  override losePower(): void {}
  override forge(): void {}

  protected override async run(life: Life): Promise<void> {
    const { genesis } = this.around.fixture;
    const intake = new Intake({
      genesis,
      events: this.logsOf(life).events,
      signer: keyOf(this.key),
      run: life.name,
      now: () => this.now(),
      sleep: async () => this.sleep(life),
    });
    this.intake = intake;
    await this.loop(life, async () => false);
    await intake.drain();
  }
}

/** Of a cut's marker, the row that says what the state is: what somebody may want to change. */
interface ForgedMarker extends JsonObject {
  readonly k: number;
  readonly next: number;
  readonly window: { readonly since: number };
  readonly intakes: readonly (readonly [run: string, seq: number, time: number])[];
}

/** A checkpoint of the control log, as far as it is rewritten. */
interface ForgedCheckpoint extends JsonObject {
  readonly next: number;
  readonly kept: readonly number[];
}

const MARKER = 0x43;
const CHECKPOINT = 0x4b;
const SNAPSHOT = 0x53;
/** Settled cuts between two checkpoints, and cuts between two images: lives are short here. */
const CHECKPOINT_EVERY = [1, 1, 2, 4] as const;
const IMAGE_EVERY = [1, 2, 3] as const;

export class ShardHost extends Host {
  readonly partitions: readonly number[];
  readonly disks: ReadonlyMap<number, StateDisk>;
  /** Undefined: it follows without keys. */
  key: string | undefined;
  binsKey = 'bins';
  memoryBudgetBytes: number;
  shard: Shard | undefined;

  constructor(
    name: string,
    around: Surroundings,
    partitions: readonly number[],
    key: string | undefined,
    memoryBudgetBytes: number,
  ) {
    super(name, around);
    this.partitions = partitions;
    this.key = key;
    this.memoryBudgetBytes = memoryBudgetBytes;
    this.disks = new Map(partitions.map((p) => [p, new StateDisk()]));
  }

  override kill(): void {
    super.kill();
    this.shard = undefined;
  }

  override wipe(): void {
    for (const disk of this.disks.values()) disk.wipe();
  }

  override losePower(batches: number): void {
    for (const disk of this.disks.values()) disk.loseTail(this.world.random.below(batches + 1));
  }

  override forge(): void {
    const { random } = this.world;
    const disk = this.disks.get(random.pick(this.partitions))!;
    if (disk.has(CHECKPOINT) && random.chance(0.6)) return this.forgeCheckpoint(disk);
    disk.forge(MARKER, (value) => {
      const marker = JSON.parse(value.toString()) as ForgedMarker;
      const { k, next, window, intakes } = marker;
      this.isForged = true;
      this.world.count('forged state');
      const forged = random.pick<JsonObject>([
        { k: k + 1 },
        { next: next + 1 },
        { window: { ...window, since: window.since + 1_000 } },
        { intakes: [...intakes, ['forged', 1, 1]] },
      ]);
      return Buffer.from(JSON.stringify({ ...marker, ...forged }));
    });
  }

  /** Something that is in force is left out, or something that is yet to be read is passed over. */
  private forgeCheckpoint(disk: StateDisk): void {
    const { random } = this.world;
    disk.forge(CHECKPOINT, (value) => {
      const checkpoint = JSON.parse(value.toString()) as ForgedCheckpoint;
      const { next, kept } = checkpoint;
      this.isForged = true;
      this.world.count('forged checkpoint');
      const left = random.below(kept.length);
      const forged = random.pick<JsonObject>([
        { kept: kept.toSpliced(left, 1) },
        { kept: kept.slice(0, -1) },
        { next: next + 1 },
      ]);
      return Buffer.from(JSON.stringify({ ...checkpoint, ...forged }));
    });
  }

  /** It says that the bins have another key by now: they give it that one. */
  protected override helped(code: string): void {
    if (code === 'keys.bins') this.binsKey = this.binsKey === 'bins' ? 'bins-2' : 'bins';
  }

  protected override async run(life: Life): Promise<void> {
    const { genesis, genesisBytes } = this.around.fixture;
    const { world } = this;
    const { rules } = this.around;
    const disks = [...this.disks.values()];
    if (disks.every((disk) => disk.has(CHECKPOINT))) world.count('from a checkpoint');
    const shard = await Shard.open({
      genesis,
      genesisBytes,
      logs: this.logsOf(life),
      partitions: this.partitions,
      openState: async (p) => simulatedState(world, life, this.disks.get(p)!, `p${p}`),
      keys:
        this.key === undefined
          ? undefined
          : { bins: keyOf(this.binsKey), service: keyOf(this.key) },
      memoryBudgetBytes: this.memoryBudgetBytes,
      checkpointEvery: world.random.pick(CHECKPOINT_EVERY),
      imageEvery: world.random.pick(IMAGE_EVERY),
      sleep: async () => this.sleep(life),
      ...(rules === undefined ? {} : { rules }),
    });
    this.shard = shard;
    await this.loop(life, async () => shard.step());
    await shard.close();
  }
}

export class PublisherHost extends Host {
  readonly disk = new StateDisk();
  readonly files: MemoryFiles;
  /** Undefined: it follows without keys. */
  key: string | undefined;
  sealerKey: string | undefined;
  publisher: Publisher | undefined;
  /** The newest snapshot it has shown since its state was last lost. */
  shown = 0;

  constructor(
    name: string,
    around: Surroundings,
    files: MemoryFiles = memoryFiles(),
    keys?: { readonly service: string; readonly sealer: string },
  ) {
    super(name, around);
    this.files = files;
    this.key = keys?.service;
    this.sealerKey = keys?.sealer;
  }

  override kill(): void {
    super.kill();
    this.publisher = undefined;
  }

  override wipe(): void {
    this.disk.wipe();
    this.shown = 0;
  }

  override forge(): void {
    this.disk.forge(SNAPSHOT, (value) => {
      const row = JSON.parse(value.toString()) as { readonly time: number; readonly n: number };
      this.isForged = true;
      this.world.count('forged state');
      const forged = this.world.random.pick<JsonObject>([
        { time: row.time + 1 },
        { merkleRoot: '00'.repeat(32) },
        { vector: Array.from({ length: this.world.disk.partitions }, () => 1_000) },
      ]);
      return Buffer.from(JSON.stringify({ ...row, ...forged }));
    });
  }

  protected override looked(life: Life, topic: string, end: number): void {
    const { publisher } = this;
    if (topic !== 'control' || publisher === undefined || end >= publisher.control.next) return;
    life.lostSince ??= life.progress;
    // What was under way comes to its end: a step of the publisher, one of the sealer.
    if (life.progress > life.lostSince + 2) {
      const message = `${life.name} goes on with a log that has lost records`;
      this.world.violated(new Violation('truncation', message));
    }
  }

  override losePower(batches: number): void {
    const lost = this.world.random.below(batches + 1);
    this.disk.loseTail(lost);
    if (lost > 0) this.shown = 0;
  }

  protected override async run(life: Life): Promise<void> {
    const { genesis } = this.around.fixture;
    const logs = this.logsOf(life);
    const sleep = async (): Promise<void> => this.sleep(life);
    let publisher = await this.open(life, logs);
    const publish = this.loop(life, async () => {
      try {
        return await publisher.step();
      } catch (error) {
        // What a publisher holds is of no use after a fault: the process opens it anew, or ends.
        if (!(error instanceof OperatingFault) || this.world.random.chance(0.5)) throw error;
        this.world.note(`${life.name} opens its publisher anew: ${error.code}`);
        this.world.count('publisher anew');
        await publisher.abandon();
        publisher = await this.open(life, logs);
        return true;
      }
    });
    const loops = [publish];
    if (this.sealerKey !== undefined) {
      const sealer = new Sealer({
        genesis,
        logs,
        signer: keyOf(this.sealerKey),
        sleep,
        cutRecordsMax: this.world.random.pick([3, 4096, 4096]),
      });
      loops.push(
        this.loop(life, async () => sealer.step(publisher.control, this.now(), publisher.due)),
      );
    }
    await Promise.all(loops);
    await publisher.close();
  }

  private async open(life: Life, logs: ReturnType<typeof simulatedLogs>): Promise<Publisher> {
    const { world } = this;
    const { genesis, genesisBytes } = this.around.fixture;
    const { rules, onOpen, onStore, onVisible } = this.around;
    const { key } = this;
    const publisher = await Publisher.open({
      genesis,
      genesisBytes,
      logs,
      db: simulatedState(world, life, this.disk, 'publisher'),
      store: simulatedStore(world, life, this.files, (name) => onStore(this.files, name)),
      keys:
        key === undefined
          ? undefined
          : {
              timestamp: keyOf('timestamp'),
              snapshot: keyOf('snapshot'),
              checkpoint: keyOf('checkpoint'),
              service: keyOf(key),
            },
      now: () => this.now(),
      sleep: async () => this.sleep(life),
      checkpointEvery: world.random.pick(CHECKPOINT_EVERY),
      ...(rules === undefined ? {} : { rules }),
    });
    this.publisher = publisher;
    onOpen(this);
    publisher.onVisible((row) => onVisible(this, row));
    if (publisher.visible !== undefined) onVisible(this, publisher.visible);
    return publisher;
  }
}
