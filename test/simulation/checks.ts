// The invariants, held against what processes and stores show after every step.
//
//   I1 no acknowledged event is lost          I4 there is one truth for every n
//   I2 none is applied twice                  I5 what is published is a pure function of the logs
//   I3 versions never decrease                I6 nothing is visible that is not sealed
import { canonicalText, concat, toHex, utf8 } from '@tidemark/canonical';
import { sha256Native } from '@tidemark/canonical/native';
import { decodeRecord, type RolesSigned, type SubtreeSigned } from '@tidemark/event';
import { combineRoots, rootFromSlot } from '@tidemark/merkle';
import type { MemoryFiles } from '@tidemark/publish';
import type { SnapshotRow } from '@tidemark/publisher';
import type { PublisherHost, ShardHost } from './hosts.ts';
import type { Model } from './model.ts';
import type { Truth } from './modelSnapshot.ts';
import { leafHash } from './modelTree.ts';
import { Violation, type World } from './world.ts';

/** How far a cut may be ahead of the clock of whoever signs its timestamp, ms. */
const AHEAD_MAX_MS = 30_000;

export class Checks {
  private readonly world: World;
  private readonly model: Model;
  /** Records that were written past the processes. */
  readonly forged = new Set<Uint8Array>();
  private readonly leavesRead: number[];
  private readonly roleOfVersion = new Map<number, string>();
  private readonly hashOfVersion = new Map<string, string>();
  private readonly stored = new Map<MemoryFiles, Map<string, number>>();
  private checkedTop = 0;
  /** The newest number that a publisher or a store has shown. */
  shown = 0;
  private readonly versions = new Map<string, number>();
  private readonly signed = new WeakSet<Uint8Array>();
  private readonly shownLater = new Map<string, string>();

  constructor(world: World, model: Model) {
    this.world = world;
    this.model = model;
    this.leavesRead = Array.from({ length: world.disk.partitions }, () => 0);
  }

  /** After every step: what stands in the logs. */
  logs(): void {
    this.model.advance();
    if (this.model.isFrozen) return;
    this.readLeaves();
    while (this.checkedTop < this.model.top) {
      const truth = this.model.truths.get(++this.checkedTop);
      if (truth !== undefined) this.isFresh(truth);
    }
  }

  /** A name in a store may have changed. */
  store(files: MemoryFiles, name: string): void {
    this.model.advance();
    const file = files.get(name);
    if (file === undefined) return;
    const text = Buffer.from(file.bytes).toString();
    const expected =
      this.expectedFile(name, file.version ?? 0) ?? this.later(name, file.version, text);
    if (expected === undefined) return this.unsealed(name, file.version, text);
    same('I5', `${name} (version ${file.version}) in the store`, text, expected);
    if (file.version === undefined) return;
    this.shown = Math.max(this.shown, file.version);
    const names = this.stored.get(files) ?? new Map<string, number>();
    this.stored.set(files, names);
    if (file.version < (names.get(name) ?? 0)) {
      throw new Violation('I3', `${name} went back from ${names.get(name)} to ${file.version}`);
    }
    names.set(name, file.version);
    const truth = name === 'timestamp.json' ? this.model.truths.get(file.version) : undefined;
    if (truth !== undefined) this.leadsSomewhere(files, truth);
  }

  /** A publisher shows a snapshot. */
  visible(host: PublisherHost, row: SnapshotRow): void {
    this.model.advance();
    this.shown = Math.max(this.shown, row.n);
    const truth = this.model.truths.get(row.n);
    if (truth === undefined) {
      const first = this.later('timestamp.json', row.n, row.timestamp);
      if (first !== undefined) return same('I4', `snapshot ${row.n}`, row.timestamp, first);
      return this.unsealed('timestamp.json', row.n, row.timestamp);
    }
    same('I4', `timestamp ${row.n} of ${host.name}`, row.timestamp, text(truth.timestamp));
    same('I4', `checkpoint ${row.n} of ${host.name}`, row.checkpoint, text(truth.checkpoint));
    same('I5', `vector ${row.n} of ${host.name}`, row.vector.join(), truth.cut.vector.join());
    if (row.n < host.shown) {
      throw new Violation('I3', `${host.name} went back from snapshot ${host.shown} to ${row.n}`);
    }
    host.shown = row.n;
  }

  /** What a crash left undone in the store is made good by the next start. */
  opened({ name, publisher, files }: PublisherHost): void {
    const n = publisher?.visible?.n ?? 0;
    const stored = files.get('timestamp.json')?.version ?? 0;
    if (stored < n) throw new Violation('order', `${name} shows ${n}, its store ${stored}`);
  }

  /** Somebody with a clock is about to append records to control. */
  signs(name: string, now: number, records: readonly Uint8Array[]): void {
    for (const bytes of records) {
      // Once: it may be tried again later, with the clock set back.
      if (this.signed.has(bytes)) continue;
      this.signed.add(bytes);
      const { signed } = decodeRecord(bytes);
      if (signed.type === 'sealed' && signed.leaf.time > now + AHEAD_MAX_MS) {
        throw new Violation('clock', `${name} seals ${signed.n}, which is ahead of its clock`);
      }
    }
  }

  /** Everything that a publisher keeps, held against every snapshot it shows. */
  publisher(host: PublisherHost): void {
    const { publisher } = host;
    if (publisher === undefined) return;
    for (const [n, truth] of this.model.truths) {
      if (n > (publisher.visible?.n ?? 0)) continue;
      const row = publisher.snapshot(n);
      if (row === undefined) throw new Violation('I4', `${host.name} has no snapshot ${n}`);
      same('I4', `stored timestamp ${n} of ${host.name}`, row.timestamp, text(truth.timestamp));
    }
  }

  /** Every bin of a shard at the newest snapshot, and some older files. */
  async shard(host: ShardHost): Promise<void> {
    const { shard } = host;
    const { newest } = this.model;
    if (shard === undefined || newest === undefined) return;
    for (const [p, runner] of shard.runners) {
      const { n } = newest.cut;
      for (const [role, bin] of newest.bins) {
        if (!this.isOf(role, p)) continue;
        const file = runner.view.file(role, bin.version, n);
        same('I5', `${role} ${bin.version} of ${host.name}`, text(file), text(bin.file));
      }
      await this.oldFiles(host, p);
      await this.proof(host, p, newest);
    }
  }

  /**
   * Behind a log that was cut short there is no truth to compare with: but whatever comes first is it.
   * @returns undefined where the log is whole
   */
  private later(name: string, version: number | undefined, shown: string): string | undefined {
    if (!this.model.isFrozen) return undefined;
    const isDocument = /\.(root|targets|bins)\.json$/.test(name);
    const n = version ?? Number.parseInt(name, 10);
    // A void may be among what was lost: whoever has not seen it seals that number.
    if (this.model.truths.has(n) && !isDocument) return undefined;
    const first = this.shownLater.get(`${name} ${n}`) ?? shown;
    this.shownLater.set(`${name} ${n}`, first);
    return first;
  }

  /** Something is visible of a cut that is not sealed; it may not even be what the fold gives. */
  private unsealed(name: string, version: number | undefined, shown: string): void {
    const { drafted } = this.model;
    const expected = drafted && fileOf(drafted, name, version ?? Number.parseInt(name, 10));
    if (expected !== undefined) {
      same('I5', `${name} of cut ${drafted!.cut.n}`, shown, expected);
      // What the cut leads to comes first; what the cut itself is shows what has gone wrong.
      if (version === undefined && !name.endsWith('.snapshot.json')) return;
    }
    throw new Violation('I6', `${name} (version ${version}) is visible but not sealed`);
  }

  /** The bins of a partition. */
  private isOf(role: string, p: number): boolean {
    const { bits, partitions } = this.model.fixture.shape;
    const bin = Number.parseInt(role.slice('bin-'.length), 16);
    return Math.floor((bin * partitions) / 2 ** bits) === p;
  }

  private async oldFiles(host: ShardHost, p: number): Promise<void> {
    const { view } = host.shard!.runners.get(p)!;
    const truths = [...this.model.truths.values()];
    for (let i = 0; i < 3 && truths.length > 0; i++) {
      const truth = this.world.random.pick(truths);
      const roles = [...truth.bins].filter(([role]) => this.isOf(role, p));
      const [role, bin] = this.world.random.pick(roles);
      const file = view.file(role, bin.version, truth.cut.n);
      same('I5', `old ${role} ${bin.version} of ${host.name}`, text(file), text(bin.file));
      for (const [path, value] of bin.targets) {
        const held = await view.target(path, truth.cut.n);
        const shown = `${held.version} ${held.value}`;
        const expected = `${bin.version} ${canonicalText(value)}`;
        same('I5', `${path} in snapshot ${truth.cut.n} of ${host.name}`, shown, expected);
        break;
      }
    }
  }

  /** A TAP 16 path leads from a role to the root in the timestamp. */
  private async proof(host: ShardHost, p: number, truth: Truth): Promise<void> {
    const { view } = host.shard!.runners.get(p)!;
    const roles = [...truth.bins.keys()].filter((role) => this.isOf(role, p));
    const { slot, contents, path } = await view.proof(this.world.random.pick(roles), truth.cut.n);
    const number = Buffer.alloc(4);
    number.writeUInt32BE(slot);
    const { paths } = combineRoots(
      truth.leaf.partitions.map(({ map }) => Buffer.from(map, 'hex')),
      sha256Native,
    );
    const leaf = leafHash(concat(number, utf8(contents)));
    const root = toHex(rootFromSlot(slot, leaf, [...path, ...paths[p]!], sha256Native));
    same('I5', `proof of ${host.name}`, root, truth.leaf.merkle_root);
  }

  private expectedFile(name: string, version: number): string | undefined {
    for (const truth of this.model.truths.values()) {
      const file = fileOf(truth, name, version);
      if (file !== undefined) return file;
    }
    return undefined;
  }

  /** What a timestamp leads to is there before it. */
  private leadsSomewhere(files: MemoryFiles, { cut, leaf }: Truth): void {
    const { root, targets, bins } = cut.view.documents;
    const names = [
      `${leaf.snapshot.version}.snapshot.json`,
      `${root!.version}.root.json`,
      `${targets!.version}.targets.json`,
      `${bins!.version}.bins.json`,
      'checkpoint',
    ];
    for (const name of names) {
      if (!files.has(name)) {
        throw new Violation('order', `timestamp ${cut.n} is visible, ${name} is not there`);
      }
    }
  }

  /** No version goes back, and nothing is older than the policy lets it become. */
  private isFresh({ cut, bins, leaf }: Truth): void {
    const { policy } = cut.view;
    const left = (policy.expiry_s.bins * policy.renew_always_below_percent) / 100;
    for (const [role, { version, expires }] of bins) {
      if (version < (this.versions.get(role) ?? 0)) {
        throw new Violation('I3', `${role} went back to ${version} in snapshot ${cut.n}`);
      }
      this.versions.set(role, version);
      if (expires - cut.time / 1000 < left - 1) {
        throw new Violation('renewal', `${role} ${version} is too old in snapshot ${cut.n}`);
      }
    }
    if (leaf.snapshot.version > cut.n) throw new Violation('I3', 'snapshot.json is ahead');
  }

  /**
   * No version number is shared by two roles that were signed online, in the whole of the log. And shards
   * agree on what the control log has come to.
   */
  private readLeaves(): void {
    this.leavesRead.forEach((from, p) => {
      const lane = this.world.lane('leaves', p);
      for (let at = from; at < lane.length; at++) {
        const bytes = lane[at]!;
        if (this.forged.has(bytes)) continue;
        this.statesControl(bytes);
        if (!isRoles(bytes)) continue;
        const { leaves } = (JSON.parse(Buffer.from(bytes).toString()) as { signed: RolesSigned })
          .signed;
        for (const [role, version, , sha256, signature] of leaves) {
          if (signature !== '') this.hasOwnVersion(role, version, sha256);
        }
      }
      this.leavesRead[p] = lane.length;
    });
  }

  /** A subtree record says of a cut what the model says: whoever signed it, from wherever it has read. */
  private statesControl(bytes: Uint8Array): void {
    if (!isSubtree(bytes)) return;
    const { signed } = JSON.parse(Buffer.from(bytes).toString()) as { signed: SubtreeSigned };
    const expected = this.model.digests.get(signed.cut);
    if (expected === undefined) return;
    same('I5', `what cut ${signed.n} says of control`, signed.control, expected);
  }

  private hasOwnVersion(role: string, version: number, sha256: string): void {
    const other = this.roleOfVersion.get(version) ?? role;
    if (other !== role) {
      throw new Violation('versions', `${role} and ${other} were both signed as ${version}`);
    }
    this.roleOfVersion.set(version, role);
    const name = `${role} ${version}`;
    if ((this.hashOfVersion.get(name) ?? sha256) !== sha256) {
      throw new Violation('versions', `${name} was signed twice, with other bytes`);
    }
    this.hashOfVersion.set(name, sha256);
  }
}

/** A file of a store as a snapshot has it; undefined where it is none of its own. */
function fileOf(truth: Truth, name: string, version: number): string | undefined {
  const { cut, timestamp, checkpoint, snapshot } = truth;
  if (name === 'timestamp.json') return version === cut.n ? text(timestamp) : undefined;
  if (name === 'checkpoint') return version === cut.n ? text(checkpoint) : undefined;
  const [, number, role] = /^([0-9]+)\.([a-z]+)\.json$/.exec(name) ?? [];
  if (role === 'snapshot') return Number(number) === cut.n ? textIfAny(snapshot) : undefined;
  if (role !== 'root' && role !== 'targets' && role !== 'bins') return undefined;
  const document = cut.view.documents[role]!;
  return document.version === Number(number) ? text(document.bytes) : undefined;
}

function isSubtree(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes('"type":"subtree"');
}

function isRoles(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, 40)
    .toString('latin1')
    .startsWith('{"signatures":[],"signed":{"i":0,"leaves');
}

function text(bytes: Uint8Array | undefined): string {
  return textIfAny(bytes) ?? 'nothing';
}

function textIfAny(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString();
}

function same(rule: string, what: string, shown: string, expected: string): void {
  if (shown === expected) return;
  const at = [...shown].findIndex((character, i) => character !== expected[i]);
  const part = (of: string): string => of.slice(Math.max(0, at - 40), at + 80);
  throw new Violation(rule, `${what} is …${part(shown)}…, it has to be …${part(expected)}…`);
}
