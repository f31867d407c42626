// The processes of a simulation, each on its host: intakes, shards, and publishers with their sealers.
import { OperatingFault } from '@tidemark/canonical';
import { Intake } from '@tidemark/intake';
import { Publisher, Sealer } from '@tidemark/publisher';
import { memoryFiles, type MemoryFiles } from '@tidemark/publish';
import { Shard } from '@tidemark/shard';
import { keyOf } from './fixture.ts';
import { forgeCheckpoint, forgeMarker, forgeSnapshot, hasCheckpoint } from './forgedState.ts';
import { Host, type Surroundings } from './host.ts';
import { simulatedState, simulatedStore, StateDisk, type simulatedLogs } from './ports.ts';
import { Violation, type Life } from './world.ts';

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
    const disks = [...this.disks.values()];
    // The oldest checkpoint counts: whoever wants another one to count rewrites that of every partition.
    if (disks.every(hasCheckpoint) && random.chance(0.6)) {
      for (const disk of disks) this.forged(forgeCheckpoint(disk, random));
    } else {
      this.forged(forgeMarker(random.pick(disks), random));
    }
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
    if (disks.every(hasCheckpoint)) world.count('from a checkpoint');
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
    this.forged(forgeSnapshot(this.disk, this.world.random, this.world.disk.partitions));
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
