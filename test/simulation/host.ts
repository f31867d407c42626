// What the hosts of a simulation have in common: each keeps a process's disks, keys and clock from life
// to life, and knows what it may end with.
import { BrokenInvariant, OperatingFault } from '@tidemark/canonical';
import type { CutRule } from '@tidemark/ledger';
import type { MemoryFiles } from '@tidemark/publish';
import type { SnapshotRow } from '@tidemark/publisher';
import type { Fixture } from './fixture.ts';
import type { Forgery } from './forgedState.ts';
import type { PublisherHost } from './hosts.ts';
import { simulatedLogs, type OnAppend } from './ports.ts';
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

  /** What it keeps is rewritten now. @param what for the figures; undefined: there was nothing */
  protected forged(what: Forgery | undefined): void {
    if (what === undefined) return;
    this.isForged = true;
    this.world.count(what);
  }

  protected abstract run(life: Life): Promise<void>;

  /** What its operators do about a fault before they start it again. */
  protected helped(_code: string): void {}

  /** Whether what it keeps was rewritten, so that it may refuse it. */
  private isForged = false;

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
