// What else stands in the logs: garbage, copies, and records that somebody signed who may not, or may
// but not this. Each is written past the processes, as whoever owns the broker can.
import { utf8 } from '@tidemark/canonical';
import {
  encodeBatch,
  encodeEvent,
  encodeRecord,
  signRecord,
  splitDocument,
  type Event,
  type SubtreeSigned,
} from '@tidemark/event';
import type { Checks } from './checks.ts';
import { keyOf, OPERATORS, targetsDocument } from './fixture.ts';
import { Forger, OTHER_LEDGER, ZERO_HASH, type Kinds } from './forger.ts';
import type { Host } from './host.ts';
import { JunkCuts } from './junkCuts.ts';
import { JunkSeals } from './junkSeals.ts';
import type { Model } from './model.ts';
import type { World } from './world.ts';

export class Junk {
  private readonly forger: Forger;
  private readonly world: World;
  private readonly model: Model;
  readonly cuts: JunkCuts;
  private readonly kinds: Kinds;
  private readonly favoured: Kinds;

  /** @param favoured names of kinds that are to come more often */
  constructor(
    world: World,
    model: Model,
    checks: Checks,
    hosts: readonly Host[],
    favoured: readonly string[],
  ) {
    this.forger = new Forger(world, model, checks, hosts);
    this.world = world;
    this.model = model;
    this.cuts = new JunkCuts(this.forger);
    this.kinds = [
      ...this.anything,
      ...this.batches,
      ...this.cuts.kinds,
      ...new JunkSeals(this.forger, this.cuts).kinds,
      ...this.decisions,
      ...this.leaves,
    ];
    this.favoured = this.kinds.filter(([name]) => favoured.includes(name));
  }

  /** All that {@link write} may write. */
  get names(): readonly string[] {
    return [...new Set(this.kinds.map(([name]) => name))];
  }

  /** Writes something that does not belong, anywhere. */
  write(): void {
    const { random } = this.world;
    const isFavoured = this.favoured.length > 0 && random.chance(0.7);
    const [name, make] = random.pick(isFavoured ? this.favoured : this.kinds);
    this.world.note(`junk: ${name}`);
    this.world.count(`junk: ${name}`);
    make();
  }

  private readonly anything: Kinds = [
    ['garbage', () => this.garbage()],
    ['garbage', () => this.garbage()],
    ['copy', () => this.copy()],
    ['copy', () => this.copy()],
    ['truncated record', () => this.truncated()],
  ];

  private readonly batches: Kinds = [
    ['batch of a stranger', () => this.batch({ by: 'outsider' })],
    ['batch of a sealer', () => this.batch({ by: this.forger.nameOf('sealer') })],
    ['batch of another ledger', () => this.batch({ ledger: OTHER_LEDGER })],
    ['batch for another partition', () => this.batch({ partition: 1 })],
    ['batch with wrong paths', () => this.batch({})],
    ['batch with a wrong clock', () => this.batch({ ahead: this.world.random.pick([-1e9, 1e8]) })],
    ['batch with a fast clock', () => this.batch({ ahead: 1e3 * this.world.random.below(1e3) })],
    ['batch of another run', () => this.batch({ run: this.world.random.below(1e3) })],
    ['batch again', () => this.again()],
  ];

  /** What operators decide. */
  private readonly decisions: Kinds = [
    ['policy by one operator', () => this.policy([OPERATORS[1]], 1)],
    ['policy of strangers', () => this.policy(['outsider', 'outsider-2'], 1)],
    ['policy out of order', () => this.policy(OPERATORS, this.world.random.pick([0, 100]))],
    ['services by one operator', () => this.services([OPERATORS[1]], 1)],
    ['services of strangers', () => this.services(['outsider', 'outsider-2'], 1)],
    ['services out of order', () => this.services(OPERATORS, this.world.random.pick([0, 100]))],
    ['targets by one key', () => this.targets()],
    ['document of before', () => this.before()],
  ];

  private readonly leaves: Kinds = [
    ['subtree of a stranger', () => this.subtree('outsider')],
    ['subtree of a publisher', () => this.subtree(this.forger.nameOf('publisher'))],
    ['subtree of another cut', () => this.subtree(this.forger.nameOf('shard'), ZERO_HASH)],
    ['leaves of a stranger', () => this.roles()],
  ];

  /** A file's worth of bytes of no meaning. */
  private garbage(): void {
    const { random } = this.world;
    const bytes = Buffer.from(random.hex(2 * random.between(0, 40)), 'hex');
    const other = utf8(`{"signatures":[],"signed":{"type":"${random.hex(4)}","v":1}}`);
    this.forger.put(...this.forger.anywhere(), random.chance(0.5) ? bytes : other);
  }

  /** A record that stood somewhere before, in the same place or another one. */
  private copy(): void {
    const { random } = this.world;
    const [topic, p] = this.forger.anywhere();
    const lane = this.world.lane(topic, p);
    const bytes = random.pick(lane);
    if (random.chance(0.6)) this.forger.put(topic, p, bytes);
    else this.forger.put(...this.forger.anywhere(), bytes);
  }

  private truncated(): void {
    const [topic, p] = this.forger.anywhere();
    const bytes = this.world.random.pick(this.world.lane(topic, p));
    this.forger.put(topic, p, bytes.subarray(0, this.world.random.below(bytes.length)));
  }

  /** A batch that stands in its partition already. */
  private again(): void {
    const p = this.world.random.below(this.world.disk.partitions);
    const [, ...batches] = this.world.lane('events', p);
    if (batches.length > 0) this.forger.put('events', p, this.world.random.pick(batches));
  }

  private batch(wrong: {
    by?: string;
    ledger?: string;
    partition?: number;
    ahead?: number;
    run?: number;
  }): void {
    const { random } = this.world;
    const { ledger } = this.forger;
    const { partitions } = this.model.fixture.shape;
    const p = random.below(partitions);
    const event: Event = {
      id: `junk-${random.hex(6)}`,
      type: 'target.added',
      path: `junk/${random.hex(4)}`,
      length: 1,
      hashes: { sha256: ZERO_HASH },
    };
    const header = {
      ledger: wrong.ledger ?? ledger,
      partition: (p + (wrong.partition ?? 0)) % partitions,
      intake: `junk-${wrong.run ?? random.below(2)}`,
      seq: this.forger.end('events', p),
      time: Math.max(0, this.world.now + (wrong.ahead ?? 0)),
      subjects: ['mallory'],
    };
    const signer = keyOf(wrong.by ?? this.forger.nameOf('intake'));
    this.forger.put('events', p, encodeBatch(header, [encodeEvent(event)], signer));
  }

  private policy(by: readonly string[], step: number): void {
    const { policy, policyVersion } = this.model.view;
    const { ledger } = this.forger;
    const version = Math.max(1, policyVersion + step);
    if (step === 0 && policyVersion === 0) return;
    const conflict = policy.conflict === 'reject' ? 'replace' : 'reject';
    const changed = { ...policy, conflict } as const;
    this.forger.control({ type: 'policy', v: 1, ledger, version, rules: 1, policy: changed }, by);
  }

  private services(by: readonly string[], step: number): void {
    const { services, servicesVersion } = this.model.view;
    const { ledger } = this.forger;
    const version = Math.max(1, servicesVersion + step);
    if (step === 0 && servicesVersion === 0) return;
    const outsider = [keyOf('outsider').publicKey];
    const changed = { ...services, shard: outsider, publisher: [] };
    this.forger.control({ type: 'services', v: 1, ledger, version, services: changed }, by);
  }

  private targets(): void {
    const held = this.model.view.documents.targets;
    const { bytes } = targetsDocument((held?.version ?? 0) + 1, ['targets-1']);
    const [record] = splitDocument({ kind: 'role', role: 'targets' }, bytes);
    this.forger.put('control', 0, encodeRecord(record!));
  }

  /** Signed as it should be, but there is a newer one. */
  private before(): void {
    const { replaced } = this.model;
    if (replaced.length === 0) return;
    const { role, bytes } = this.world.random.pick(replaced);
    const name = role === 'root' ? ({ kind: 'root' } as const) : ({ kind: 'role', role } as const);
    for (const record of splitDocument(name, bytes)) {
      this.forger.put('control', 0, encodeRecord(record));
    }
  }

  /** A subtree record that names nothing: complete at once, and for the very cut. */
  private subtree(by: string, hash?: string): void {
    const cut = this.model.unsettled.at(-1)?.cut;
    if (cut === undefined) return;
    const empty = { size: 0, root: ZERO_HASH };
    const p = this.world.random.below(this.model.fixture.shape.partitions);
    const signed: SubtreeSigned = {
      type: 'subtree',
      v: 1,
      ledger: this.forger.ledger,
      n: cut.n,
      cut: hash ?? cut.hash,
      partition: p,
      roles: 0,
      records: [],
      map: ZERO_HASH,
      events: empty,
      leaves: empty,
      state: ZERO_HASH,
      control: ZERO_HASH,
      due: 0,
    };
    this.forger.put('leaves', p, signRecord(signed, [keyOf(by)]));
  }

  private roles(): void {
    const p = this.world.random.below(this.model.fixture.shape.partitions);
    const n = this.model.last.n + this.world.random.between(0, 3);
    if (n === 0) return;
    const leaves = [['bin-0', 1, 10, ZERO_HASH, '00'.repeat(64)]] as const;
    this.forger.put(
      'leaves',
      p,
      encodeRecord({ type: 'roles', v: 1, n, partition: p, i: 0, leaves }),
    );
  }
}
