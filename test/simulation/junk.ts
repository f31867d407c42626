// What else stands in the logs: garbage, copies, and records that somebody signed who may not, or may
// but not this. Each is written past the processes, as whoever owns the broker can.
import { utf8 } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import {
  encodeBatch,
  encodeEvent,
  encodeRecord,
  recordHash,
  signRecord,
  splitDocument,
  type CutSigned,
  type Event,
  type SealedSigned,
  type Signed,
  type SubtreeSigned,
} from '@tidemark/event';
import { parseTimestamp, signMetadata, timestampSigned } from '@tidemark/tuf';
import type { Checks } from './checks.ts';
import { keyOf, OPERATORS, targetsDocument } from './fixture.ts';
import type { Host } from './hosts.ts';
import { PublisherHost, ShardHost } from './hosts.ts';
import { signaturesOf, type Model } from './model.ts';
import type { World } from './world.ts';

type Topic = 'events' | 'control' | 'leaves';

const OTHER_LEDGER = 'ee'.repeat(16);
const ZERO_HASH = '00'.repeat(32);

export class Junk {
  private readonly world: World;
  private readonly model: Model;
  private readonly checks: Checks;
  private readonly hosts: readonly Host[];
  private readonly favoured: Junk['kinds'];
  /** Hashes of cuts that somebody with a sealer's key made, and that may have to be voided. */
  readonly poisoned = new Set<string>();
  /** Hashes of all cuts that were made here. */
  readonly cuts = new Set<string>();

  /** @param favoured names of kinds that are to come more often */
  constructor(
    world: World,
    model: Model,
    checks: Checks,
    hosts: readonly Host[],
    favoured: readonly string[],
  ) {
    this.world = world;
    this.model = model;
    this.checks = checks;
    this.hosts = hosts;
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

  private readonly kinds: readonly (readonly [string, () => void])[] = [
    ['garbage', () => this.garbage()],
    ['garbage', () => this.garbage()],
    ['copy', () => this.copy()],
    ['copy', () => this.copy()],
    ['truncated record', () => this.truncated()],
    ['batch of a stranger', () => this.batch({ by: 'outsider' })],
    ['batch of a sealer', () => this.batch({ by: this.nameOf('sealer') })],
    ['batch of another ledger', () => this.batch({ ledger: OTHER_LEDGER })],
    ['batch for another partition', () => this.batch({ partition: 1 })],
    ['batch with wrong paths', () => this.batch({})],
    ['batch with a wrong clock', () => this.batch({ ahead: this.world.random.pick([-1e9, 1e8]) })],
    ['batch with a fast clock', () => this.batch({ ahead: 1e3 * this.world.random.below(1e3) })],
    ['batch of another run', () => this.batch({ run: this.world.random.below(1e3) })],
    ['batch again', () => this.again()],
    ['cut of a stranger', () => this.cut({}, 'outsider')],
    ['cut of a publisher', () => this.cut({}, this.nameOf('publisher'))],
    ['cut of another ledger', () => this.cut({ ledger: OTHER_LEDGER })],
    [
      'cut out of turn',
      () => this.cut({ n: this.model.last.n + this.world.random.pick([0, 2]) || 9 }),
    ],
    ['cut on another chain', () => this.cut({ previous: ZERO_HASH })],
    ['cut of other partitions', () => this.partitions()],
    ['cut that goes back', () => this.vector(-1)],
    ['cut that goes too far', () => this.vector(this.model.view.policy.advance_max + 1)],
    ['cut ahead of control', () => this.cut({ control: this.end('control', 0) + 1 })],
    ['cut behind control', () => this.behind()],
    ['cut in the past', () => this.cut({ time: Math.max(0, this.model.last.time - 1) })],
    ['cut in the future', () => this.future(1)],
    ['three cuts at once', () => this.flood()],
    ['cut before the documents', () => this.cut({ control: Math.min(this.model.last.control, 1) })],
    ['poisoned cut', () => this.poison()],
    ['poisoned cut', () => this.poison()],
    ['cut of a day', () => this.future(0)],
    ['second cut', () => this.second()],
    ['sealed by a stranger', () => this.sealed('outsider')],
    ['sealed by a shard', () => this.sealed(this.nameOf('shard'))],
    ['sealed with other content', () => this.sealed(this.nameOf('publisher'))],
    ['sealed with the timestamp key', () => this.timestamped()],
    ['sealed with another leaf', () => this.nearlySealed(true)],
    ['sealed with other signatures', () => this.nearlySealed(false)],
    ['sealed out of order', () => this.timestamped(undefined, this.model.unsettled[1]?.cut)],
    ['sealed by a stranger with the timestamp key', () => this.timestamped('outsider')],
    ['void by services', () => this.void([this.nameOf('sealer'), this.nameOf('publisher')])],
    ['void by one operator', () => this.void([OPERATORS[0]])],
    ['void out of order', () => this.lateVoid()],
    ['void by operators', () => this.void(OPERATORS)],
    ['policy by one operator', () => this.policy([OPERATORS[1]], 1)],
    ['policy of strangers', () => this.policy(['outsider', 'outsider-2'], 1)],
    ['policy out of order', () => this.policy(OPERATORS, this.world.random.pick([0, 100]))],
    ['services by one operator', () => this.services([OPERATORS[1]], 1)],
    ['services of strangers', () => this.services(['outsider', 'outsider-2'], 1)],
    ['services out of order', () => this.services(OPERATORS, this.world.random.pick([0, 100]))],
    ['targets by one key', () => this.targets()],
    ['document of before', () => this.before()],
    ['subtree of a stranger', () => this.subtree('outsider')],
    ['subtree of a publisher', () => this.subtree(this.nameOf('publisher'))],
    ['subtree of another cut', () => this.subtree(this.nameOf('shard'), ZERO_HASH)],
    ['leaves of a stranger', () => this.roles()],
  ];

  /** A file's worth of bytes of no meaning. */
  private garbage(): void {
    const { random } = this.world;
    const bytes = Buffer.from(random.hex(2 * random.between(0, 40)), 'hex');
    const other = utf8(`{"signatures":[],"signed":{"type":"${random.hex(4)}","v":1}}`);
    this.put(...this.anywhere(), random.chance(0.5) ? bytes : other);
  }

  /** A record that stood somewhere before, in the same place or another one. */
  private copy(): void {
    const { random } = this.world;
    const [topic, p] = this.anywhere();
    const lane = this.world.lane(topic, p);
    const bytes = random.pick(lane);
    if (random.chance(0.6)) this.put(topic, p, bytes);
    else this.put(...this.anywhere(), bytes);
  }

  private truncated(): void {
    const [topic, p] = this.anywhere();
    const bytes = this.world.random.pick(this.world.lane(topic, p));
    this.put(topic, p, bytes.subarray(0, this.world.random.below(bytes.length)));
  }

  /** A batch that stands in its partition already. */
  private again(): void {
    const p = this.world.random.below(this.world.disk.partitions);
    const [, ...batches] = this.world.lane('events', p);
    if (batches.length > 0) this.put('events', p, this.world.random.pick(batches));
  }

  private batch(wrong: {
    by?: string;
    ledger?: string;
    partition?: number;
    ahead?: number;
    run?: number;
  }): void {
    const { random } = this.world;
    const { ledger } = this.model.fixture.genesis;
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
      seq: this.end('events', p),
      time: Math.max(0, this.world.now + (wrong.ahead ?? 0)),
      subjects: ['mallory'],
    };
    const signer = keyOf(wrong.by ?? this.nameOf('intake'));
    this.put('events', p, encodeBatch(header, [encodeEvent(event)], signer));
  }

  /** The cut that a sealer would make now. */
  private nextCut(): CutSigned {
    const { last, fixture, view } = this.model;
    const limit = view.policy.advance_max;
    return {
      type: 'cut',
      v: 1,
      ledger: fixture.genesis.ledger,
      n: last.n + 1,
      previous: last.hash,
      time: last.time,
      vector: last.vector.map((from, p) =>
        Math.max(from, Math.min(this.end('events', p), from + limit)),
      ),
      control: this.end('control', 0),
    };
  }

  /** A cut that is as it should be but for what is given. */
  private cut(wrong: Partial<CutSigned>, by = this.nameOf('sealer')): void {
    const bytes = signRecord({ ...this.nextCut(), ...wrong }, [keyOf(by)]);
    this.cuts.add(recordHash(bytes));
    this.put('control', 0, bytes);
  }

  private partitions(): void {
    const { vector } = this.nextCut();
    this.cut({ vector: this.world.random.chance(0.5) ? [...vector, 0] : vector.slice(1) });
  }

  private vector(by: number): void {
    const { vector } = this.model.last;
    const p = this.world.random.below(vector.length);
    if (vector[p]! + by < 0) return;
    this.cut({ vector: vector.map((end, at) => (at === p ? end + by : end)) });
  }

  private behind(): void {
    const { control } = this.model.last;
    if (control > 0) this.cut({ control: this.world.random.between(0, control - 1) });
  }

  private future(beyond: number): void {
    const { step_max_ms } = this.model.viewAt(this.end('control', 0)).policy;
    this.cut({ time: this.model.last.time + step_max_ms + beyond });
  }

  /** Three valid cuts, of which the third has to wait. */
  private flood(): void {
    for (let i = 0; i < 3; i++) {
      this.cut({});
      this.model.advance();
    }
  }

  /** A valid cut of more than there is: nobody can finish it. */
  private poison(): void {
    const { policy } = this.model.view;
    const { last } = this.model;
    const vector = last.vector.map((from, p) => Math.max(from, this.end('events', p)));
    const p = this.world.random.below(vector.length);
    vector[p] = Math.min(last.vector[p]! + policy.advance_max, vector[p]! + 1_000);
    this.cut({
      vector: vector.map((end, at) => Math.min(end, last.vector[at]! + policy.advance_max)),
    });
    this.model.advance();
    this.poisoned.add(this.model.last.hash);
  }

  /** Another cut of the same number. */
  private second(): void {
    const oldest = this.model.unsettled.at(-1);
    if (oldest === undefined) return;
    const { before } = oldest;
    this.cut({ n: before.n + 1, previous: before.hash, time: before.time, vector: before.vector });
  }

  /** A `sealed` for the cut that is next, as it was for the one before. */
  private sealed(by: string): void {
    const cut = this.model.pending;
    const { newest } = this.model;
    if (cut === undefined || newest === undefined) return;
    const sig = this.world.random.hex(128);
    this.seal(by, cut, { ...newest.leaf, n: cut.n }, { keyid: ZERO_HASH, sig });
  }

  /** The same with all that control shows as it should be. Nobody could void a cut that cannot be finished. */
  private timestamped(by = this.nameOf('publisher'), cut = this.model.pending): void {
    const { newest } = this.model;
    if (cut === undefined || newest === undefined || this.poisoned.has(cut.hash)) return;
    const { snapshot, merkle_root: merkleRoot } = newest.leaf;
    const expiresMs = cut.time + cut.view.policy.expiry_s.timestamp * 1000;
    const stated = timestampSigned({ version: cut.n, expiresMs, snapshot, merkleRoot });
    const timestamp = signMetadata(stated, [keyOf('timestamp')]);
    const [signature] = parseTimestamp(timestamp).signatures;
    const leaf = {
      ...newest.leaf,
      n: cut.n,
      time: cut.time,
      timestamp: sha256HexNative(timestamp),
      root: cut.view.documents.root!.version,
      partitions: newest.leaf.partitions.map(({ events, ...part }, p) => ({
        ...part,
        events: { ...events, size: cut.vector[p]! },
      })),
      control: { ...newest.leaf.control, size: cut.control },
    };
    this.seal(by, cut, leaf, signature!);
  }

  private seal(
    by: string,
    { n, hash }: { readonly n: number; readonly hash: string },
    leaf: SealedSigned['leaf'],
    timestamp: SealedSigned['signatures']['timestamp'],
  ): void {
    const { random } = this.world;
    const sig = random.hex(128);
    const signed: SealedSigned = {
      type: 'sealed',
      v: 1,
      ledger: this.model.fixture.genesis.ledger,
      n,
      cut: hash,
      leaf,
      signatures: {
        timestamp,
        snapshot: random.chance(0.5) ? null : { keyid: ZERO_HASH, sig },
        checkpoint: sig,
      },
    };
    this.put('control', 0, signRecord(signed, [keyOf(by)]));
  }

  /** A `sealed` of which one thing is wrong: the leaf, or one of the signatures. */
  private nearlySealed(isLeaf: boolean): void {
    // What would be right is known once the cut was called sealed.
    if (this.model.drafted === undefined) this.timestamped();
    const { drafted } = this.model;
    if (drafted === undefined) return;
    const { cut, leaf } = drafted;
    const signatures = signaturesOf(drafted);
    const { timestamp, snapshot } = signatures;
    const sig = this.world.random.hex(128);
    const wrong = this.world.random.pick([
      { ...signatures, timestamp: { ...timestamp, sig } },
      { ...signatures, checkpoint: sig },
      ...(snapshot === null ? [] : [{ ...signatures, snapshot: { ...snapshot, sig } }]),
    ]);
    const signed: SealedSigned = {
      type: 'sealed',
      v: 1,
      ledger: this.model.fixture.genesis.ledger,
      n: cut.n,
      cut: cut.hash,
      leaf: isLeaf ? { ...leaf, root: leaf.root + 1 } : leaf,
      signatures: isLeaf ? signatures : wrong,
    };
    this.put('control', 0, signRecord(signed, [keyOf(this.nameOf('publisher'))]));
  }

  private void(by: readonly string[]): void {
    const cut = this.model.unsettled[0]?.cut;
    if (cut === undefined) return;
    const { ledger } = this.model.fixture.genesis;
    this.signed({ type: 'void', v: 1, ledger, n: cut.n, cut: cut.hash }, by);
  }

  /** A void of a cut that is sealed, or not the oldest. */
  private lateVoid(): void {
    const { newest, unsettled } = this.model;
    const cut = this.world.random.chance(0.5) ? newest?.cut : unsettled[1]?.cut;
    if (cut === undefined) return;
    const { ledger } = this.model.fixture.genesis;
    this.signed({ type: 'void', v: 1, ledger, n: cut.n, cut: cut.hash }, OPERATORS);
  }

  private policy(by: readonly string[], step: number): void {
    const { policy, policyVersion } = this.model.view;
    const { ledger } = this.model.fixture.genesis;
    const version = Math.max(1, policyVersion + step);
    if (step === 0 && policyVersion === 0) return;
    const conflict = policy.conflict === 'reject' ? 'replace' : 'reject';
    const changed = { ...policy, conflict } as const;
    this.signed({ type: 'policy', v: 1, ledger, version, rules: 1, policy: changed }, by);
  }

  private services(by: readonly string[], step: number): void {
    const { services, servicesVersion } = this.model.view;
    const { ledger } = this.model.fixture.genesis;
    const version = Math.max(1, servicesVersion + step);
    if (step === 0 && servicesVersion === 0) return;
    const outsider = [keyOf('outsider').publicKey];
    const changed = { ...services, shard: outsider, publisher: [] };
    this.signed({ type: 'services', v: 1, ledger, version, services: changed }, by);
  }

  private targets(): void {
    const held = this.model.view.documents.targets;
    const { bytes } = targetsDocument((held?.version ?? 0) + 1, ['targets-1']);
    const [record] = splitDocument({ kind: 'role', role: 'targets' }, bytes);
    this.put('control', 0, encodeRecord(record!));
  }

  /** Signed as it should be, but there is a newer one. */
  private before(): void {
    const { replaced } = this.model;
    if (replaced.length === 0) return;
    const { role, bytes } = this.world.random.pick(replaced);
    const name = role === 'root' ? ({ kind: 'root' } as const) : ({ kind: 'role', role } as const);
    for (const record of splitDocument(name, bytes)) {
      this.put('control', 0, encodeRecord(record));
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
      ledger: this.model.fixture.genesis.ledger,
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
    this.put('leaves', p, signRecord(signed, [keyOf(by)]));
  }

  private roles(): void {
    const p = this.world.random.below(this.model.fixture.shape.partitions);
    const n = this.model.last.n + this.world.random.between(0, 3);
    if (n === 0) return;
    const leaves = [['bin-0', 1, 10, ZERO_HASH, '00'.repeat(64)]] as const;
    this.put('leaves', p, encodeRecord({ type: 'roles', v: 1, n, partition: p, i: 0, leaves }));
  }

  private signed(signed: Signed, by: readonly string[]): void {
    this.put('control', 0, signRecord(signed, by.map(keyOf)));
  }

  private put(topic: Topic, partition: number, bytes: Uint8Array): void {
    const record = Uint8Array.from(bytes);
    this.checks.forged.add(record);
    this.world.inject(topic, partition, [record]);
    this.model.advance();
  }

  private end(topic: Topic, p: number): number {
    return this.world.lane(topic, p).length;
  }

  private anywhere(): [Topic, number] {
    const topic = this.world.random.pick(['events', 'control', 'leaves'] as const);
    return [topic, topic === 'control' ? 0 : this.world.random.below(this.world.disk.partitions)];
  }

  /** The name of a key that a running process of a purpose holds. */
  private nameOf(purpose: 'intake' | 'sealer' | 'shard' | 'publisher'): string {
    for (const host of this.hosts) {
      if (purpose === 'sealer' && host instanceof PublisherHost && host.sealerKey !== undefined) {
        return host.sealerKey;
      }
      if (purpose === 'publisher' && host instanceof PublisherHost && host.key !== undefined) {
        return host.key;
      }
      if (purpose === 'shard' && host instanceof ShardHost && host.key !== undefined) {
        return host.key;
      }
      if (purpose === 'intake' && 'intake' in host) return (host as unknown as { key: string }).key;
    }
    throw new Error(`no process is ${purpose}`);
  }
}
