// The world of a simulation: its clock, who may go on next, and what has happened.
//
// Every process stops at each of its reads and writes and waits for its turn; the scheduler picks one
// at random. So all that may happen in another order, later, or never, sometimes does.
import { sha256HexNative } from '@tidemark/canonical/native';
import { OperatingFault } from '@tidemark/canonical';
import { MemoryDisk } from '@tidemark/log';
import type { Random } from './random.ts';
import { BEGINNING_MS } from './fixture.ts';

/** A rule that was broken. */
export class Violation extends Error {
  /** `I1` … `I6` or a word. */
  readonly rule: string;

  constructor(rule: string, message: string, options?: ErrorOptions) {
    super(`${rule}: ${message}`, options);
    this.rule = rule;
  }
}

/** How rough a run is; probabilities, unless said otherwise. */
export interface Weather {
  /** That a process dies at one of its writes. */
  crash: number;
  /** That a process that dies takes the last writes to its state with it. */
  powerLoss: number;
  /** That a write or read fails; half of the failed writes are stored all the same. */
  fault: number;
  /** That an append fails and takes effect later. */
  late: number;
  /** That a read waits for its turn. */
  slow: number;
}

/** One run of a process, from its start to its end. */
export interface Life {
  readonly name: string;
  alive: boolean;
  /** The step before which it does not get a turn. */
  pausedUntil: number;
  /** Grows with what its loops get done: one may wait for another. */
  progress: number;
  /** Its progress when it could see that a log had lost records. */
  lostSince?: number;
}

const LINES_KEPT = 50;

interface Turn {
  readonly life: Life;
  readonly label: string;
  readonly isWrite: boolean;
  /** Of a process that found nothing to do: what it had seen of {@link World.seenBy}. */
  readonly idleAt: number | undefined;
  readonly go: () => void;
}

/** An append of unknown outcome that is still on its way. */
interface Late {
  readonly label: string;
  readonly land: () => void;
}

export class World {
  readonly random: Random;
  readonly weather: Weather;
  readonly disk: MemoryDisk;
  readonly trace: Trace;
  now = BEGINNING_MS;
  step = 0;
  /** Grows with everything that an idle process could find. */
  changes = 0;
  readonly late: Late[] = [];
  private turns: Turn[] = [];
  /** Told of processes that have to die at a write. */
  onCrash: (life: Life) => void = () => undefined;
  /** The first rule that was found broken. */
  violation: Violation | undefined;
  /** Codes with which a process may halt in this run. */
  readonly halts = new Set<string>();
  /** How often what has happened: so that nobody has to believe that anything does. */
  readonly counts = new Map<string, number>();

  constructor(random: Random, weather: Weather, partitions: number, lines = LINES_KEPT) {
    this.trace = new Trace(lines);
    this.random = random;
    this.weather = weather;
    this.disk = new MemoryDisk(partitions);
  }

  /** Whether a process may halt with this code, because of what was done to it. */
  maySay(code: string): boolean {
    return this.halts.has(code) || this.halts.has('*');
  }

  /** A turn of a process. Never comes once the process is dead. Only writers die at one. */
  turn(
    life: Life,
    label: string,
    kind: 'read' | 'write' | 'wait' | 'idle',
    seen?: number,
  ): Promise<void> {
    if (!life.alive) return new Promise(() => undefined);
    if (kind === 'read' && !this.random.chance(this.weather.slow)) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.turns.push({ life, label, isWrite: kind === 'write', idleAt: seen, go: resolve });
    return promise;
  }

  /** A fault for an operation, at random. */
  fault(isWrite: boolean): undefined | 'fail' | 'fail-but-stored' {
    const { fault } = this.weather;
    if (!this.random.chance(isWrite ? fault : fault / 8)) return undefined;
    return isWrite && this.random.chance(0.5) ? 'fail-but-stored' : 'fail';
  }

  /** Lets one process go on, if any can. @returns whether one did */
  async runOne(): Promise<boolean> {
    let ready = this.turns.filter((turn) => this.isReady(turn));
    if (ready.length === 0) {
      // Something may have been started that has not come to its first turn yet.
      await everythingElse();
      ready = this.turns.filter((turn) => this.isReady(turn));
      if (ready.length === 0) return false;
    }
    const turn = this.random.pick(ready);
    this.turns = this.turns.filter((other) => other !== turn && other.life.alive);
    this.step++;
    if (turn.isWrite && this.random.chance(this.weather.crash)) {
      this.note(`${turn.life.name} dies at ${turn.label}`);
      this.onCrash(turn.life);
      return true;
    }
    if (turn.label !== 'idle') this.note(`${turn.life.name} ${turn.label}`);
    turn.go();
    await everythingElse();
    if (this.violation !== undefined) throw this.violation;
    return true;
  }

  /** Whether nobody has anything to do. */
  get isQuiet(): boolean {
    return this.late.length === 0 && !this.turns.some((turn) => this.isReady(turn));
  }

  /** Remembers a broken rule; the run ends with it. */
  violated(violation: Violation): void {
    this.violation ??= violation;
  }

  /** One more of something. */
  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by);
  }

  /** A process's line in the trace. */
  note(text: string): void {
    this.trace.add(`${this.step} ${text}`);
  }

  /** The records of a lane of the logs. */
  lane(topic: 'events' | 'control' | 'leaves', partition: number): Uint8Array[] {
    const { partitions, lanes } = this.disk;
    const index =
      topic === 'events'
        ? partition
        : topic === 'control'
          ? partitions
          : partitions + 1 + partition;
    return lanes[index]!.records as Uint8Array[];
  }

  /** Writes records past all processes, as whoever owns the broker can. */
  inject(
    topic: 'events' | 'control' | 'leaves',
    partition: number,
    records: readonly Uint8Array[],
  ): void {
    this.lane(topic, partition).push(...records);
    this.changes++;
  }

  /** Time passes. */
  pass(ms: number): void {
    this.now += ms;
    this.changes++;
  }

  /** All that a process could have found by now, as a number that grows. */
  seenBy(life: Life): number {
    return this.changes + life.progress;
  }

  private isReady({ life, idleAt }: Turn): boolean {
    if (!life.alive || life.pausedUntil > this.step) return false;
    return idleAt === undefined || idleAt < this.seenBy(life);
  }
}

/** What happened: a digest of all of it, and the end in words. */
export class Trace {
  private readonly kept: number;
  private digest = '';
  private lines: string[] = [];

  constructor(kept: number) {
    this.kept = kept;
  }

  add(line: string): void {
    this.lines.push(line);
    if (this.lines.length > 4 * this.kept) this.fold();
  }

  /** The last lines. */
  get end(): readonly string[] {
    return this.lines.slice(-this.kept);
  }

  /** A digest of every line so far. */
  hash(): string {
    return this.lines.reduce((digest, line) => sha256HexNative(digest + line), this.digest);
  }

  private fold(): void {
    const gone = this.lines.splice(0, this.lines.length - this.kept);
    for (const line of gone) this.digest = sha256HexNative(this.digest + line);
  }
}

export function injectedFault(code: string): OperatingFault {
  return new OperatingFault(code, 'injected fault');
}

/** Resolves when all that could go on without a turn has done so. */
async function everythingElse(): Promise<void> {
  await new Promise<void>((resolve) => {
    setImmediate(resolve);
  });
}
