// The hand that writes records past the processes, as whoever owns the broker can, and signs them with
// the keys of processes, of operators or of strangers.
import { signRecord, type Signed } from '@tidemark/event';
import type { Checks } from './checks.ts';
import { keyOf } from './fixture.ts';
import type { Host } from './host.ts';
import { IntakeHost, PublisherHost, ShardHost } from './hosts.ts';
import type { Model } from './model.ts';
import type { World } from './world.ts';

export type Topic = 'events' | 'control' | 'leaves';

/** What may be written, by name; twice where it is to come more often. */
export type Kinds = readonly (readonly [name: string, write: () => void])[];

export const OTHER_LEDGER = 'ee'.repeat(16);
export const ZERO_HASH = '00'.repeat(32);

export class Forger {
  readonly world: World;
  readonly model: Model;
  private readonly checks: Checks;
  private readonly hosts: readonly Host[];

  constructor(world: World, model: Model, checks: Checks, hosts: readonly Host[]) {
    this.world = world;
    this.model = model;
    this.checks = checks;
    this.hosts = hosts;
  }

  /** The identity that records have to state. */
  get ledger(): string {
    return this.model.fixture.genesis.ledger;
  }

  put(topic: Topic, partition: number, bytes: Uint8Array): void {
    const record = Uint8Array.from(bytes);
    this.checks.forged.add(record);
    this.world.inject(topic, partition, [record]);
    this.model.advance();
  }

  /** Writes a record to control. @param by names of keys */
  control(signed: Signed, by: readonly string[]): void {
    this.put('control', 0, signRecord(signed, by.map(keyOf)));
  }

  /** Where a lane ends. */
  end(topic: Topic, p: number): number {
    return this.world.lane(topic, p).length;
  }

  /** A lane of any log. */
  anywhere(): [Topic, number] {
    const topic = this.world.random.pick(['events', 'control', 'leaves'] as const);
    return [topic, topic === 'control' ? 0 : this.world.random.below(this.world.disk.partitions)];
  }

  /** The name of a key that a running process of a purpose holds. */
  nameOf(purpose: 'intake' | 'sealer' | 'shard' | 'publisher'): string {
    for (const host of this.hosts) {
      const key = keyFor(purpose, host);
      if (key !== undefined) return key;
    }
    throw new Error(`no process is ${purpose}`);
  }
}

function keyFor(purpose: Parameters<Forger['nameOf']>[0], host: Host): string | undefined {
  if (purpose === 'intake') return host instanceof IntakeHost ? host.key : undefined;
  if (purpose === 'shard') return host instanceof ShardHost ? host.key : undefined;
  if (!(host instanceof PublisherHost)) return undefined;
  return purpose === 'sealer' ? host.sealerKey : host.key;
}
