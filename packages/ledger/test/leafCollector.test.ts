/** Reading a leaves log that anybody may have written to: only what a listed shard vouches for counts. */
import { utf8 } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import {
  decodeRecord,
  encodeRecord,
  roleLeavesMax,
  signRecord,
  type OutcomesSigned,
  type RolesSigned,
  type SubtreeSigned,
} from '@tidemark/event';
import type { Log } from '@tidemark/log';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LeafCollector, type Cut, type FoldedCut } from '../src/index.ts';
import { leafRecords } from '../src/leaves.ts';
import { PartitionRun, rolesOf } from './partitionRun.ts';
import { codeOfAsync, T0 } from './support.ts';
import { keyOf, TestLedger } from './testLedger.ts';
import { added, batch, pathsOf, removed } from './uploads.ts';

const [a, b] = pathsOf(0, 1, 2) as [string, string];
const SHARD = [keyOf('shard')];

interface Reported {
  readonly cut: Cut;
  readonly folded: FoldedCut;
  readonly records: readonly Uint8Array[];
  readonly subtree: Uint8Array;
}

/** Two cuts as a shard reports them, with roles and outcomes. */
async function reported(cuts = 2): Promise<Reported[]> {
  const run = await PartitionRun.open(TestLedger.ready({ policy: { conflict: 'replace' } }));
  const list: Reported[] = [];
  for (let n = 1; n <= cuts; n++) {
    const events = [added(`${n}`, a, `content ${n}`), removed(`${n}r`, b)];
    run.events.push(batch(events, { seq: n, time: T0 + n }));
    const cut = run.cut();
    const folded = await run.take(cut);
    const records = folded.records.map(({ bytes }) => bytes);
    list.push({ cut, folded, records, subtree: signRecord(folded.subtree, SHARD) });
  }
  return list;
}

/** A log that grows as the test says, read in chunks of so many records. */
class Lane implements Log {
  readonly records: Uint8Array[];
  readonly chunk: number;
  reads = 0;

  constructor(records: readonly Uint8Array[], chunk = 1024) {
    this.records = [...records];
    this.chunk = chunk;
  }

  async append(_partition: number, records: readonly Uint8Array[]): Promise<number> {
    return this.records.push(...records) - records.length;
  }

  async read(_partition: number, from: number) {
    this.reads++;
    return { first: from, records: this.records.slice(from, from + this.chunk) };
  }

  async end(): Promise<number> {
    return this.records.length;
  }
}

interface Reading {
  readonly lane: Lane;
  readonly collector: LeafCollector;
}

/** A reader of a log that holds these records. */
function reading(records: readonly Uint8Array[], position = 0, poolBytesMax?: number): Reading {
  const lane = new Lane(records);
  return { lane, collector: new LeafCollector(lane, 0, position, poolBytesMax) };
}

async function expectFound({ collector }: Reading, { cut, folded }: Reported): Promise<void> {
  const wanted = { subtree: folded.subtree, roles: rolesOf(folded), outcomes: folded.outcomes };
  expect(await collector.find(cut)).toEqual(wanted);
  expect(collector.has(cut)).toBe(true);
  expect(await collector.find(cut)).toEqual(wanted);
}

async function expectTaken(reader: Reading, reported: Reported): Promise<void> {
  await expectFound(reader, reported);
  reader.collector.take();
  expect(reader.collector.has(reported.cut)).toBe(false);
}

const whole = ({ records, subtree }: Reported): Uint8Array[] => [...records, subtree];

function signed(subtree: SubtreeSigned): Uint8Array {
  return signRecord(subtree, SHARD);
}

describe('an honest log', () => {
  test('gives each cut what was reported for it', async () => {
    const [first, second] = (await reported()) as [Reported, Reported];
    expect(first.records).toHaveLength(2);
    const reader = reading([...whole(first), ...whole(second)]);
    await expectTaken(reader, first);
    expect(reader.collector.position).toBe(3);
    await expectTaken(reader, second);
    expect(reader.collector.position).toBe(6);
    expect([...reader.collector.ignored]).toEqual([]);
    expect(reader.lane.reads).toBe(1);
  });

  test('is incomplete until the last of a cut’s records is there, and the subtree record is that', async () => {
    const [first] = (await reported(1)) as [Reported];
    for (const missing of first.records) {
      const reader = reading(whole(first).filter((record) => record !== missing));
      expect(await reader.collector.find(first.cut)).toBeUndefined();
      expect(reader.collector.has(first.cut)).toBe(false);
      // It does not complete what stands before it.
      reader.lane.records.push(missing);
      expect(await reader.collector.find(first.cut)).toBeUndefined();
      reader.lane.records.push(first.subtree);
      await expectTaken(reader, first);
    }
  });

  test('that is shorter than it was is a truncation', async () => {
    const [first, second] = (await reported()) as [Reported, Reported];
    const reader = reading([...whole(first), ...second.records]);
    await expectTaken(reader, first);
    expect(await reader.collector.find(second.cut)).toBeUndefined();
    reader.lane.records.length = 2;
    expect(await codeOfAsync(reader.collector.find(second.cut))).toBe(
      'BrokenInvariant log.truncated',
    );
  });
});

describe('the first valid record wins', () => {
  test('whoever reads, from wherever the last cut ended, however far and with whatever room', async () => {
    const [first, second, third] = (await reported(3)) as [Reported, Reported, Reported];
    // All of them valid, and told apart by what a listed shard may say differently.
    const spoken = [first, second, third].flatMap((each) =>
      [1, 2, 3].map((due) => signed({ ...each.folded.subtree, due })),
    );
    const pages = [first, second, third].flatMap(({ records }) => records);
    const junk = Array.from({ length: 12 }, (_, i) =>
      utf8(`{"signatures":[],"signed":{"i":${i},"n":${(i % 4) + 1},"outcomes":"x"`),
    );
    const forged = signRecord(second.folded.subtree, [keyOf('stranger')]);
    const material = [...pages, ...pages, ...spoken, ...junk, forged];
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(material, { minLength: material.length }),
        fc.constantFrom(1, 3, 1024),
        async (shuffled, chunk) => {
          const records = [...shuffled, ...whole(first), ...whole(second), ...whole(third)];
          const wanted = firstValid(records, [first, second, third]);
          for (const poolBytesMax of [0, 2000, 1 << 20]) {
            const lane = new Lane(records, chunk);
            let position = 0;
            const one = new LeafCollector(lane, 0, 0, poolBytesMax);
            for (const [i, { cut }] of [first, second, third].entries()) {
              const other = new LeafCollector(lane, 0, position, poolBytesMax);
              const due = (await one.find(cut))?.subtree.due;
              expect((await other.find(cut))?.subtree.due).toBe(due);
              one.take();
              position = one.position;
              expect({ due, position }).toEqual(wanted[i]);
            }
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  /** The rule in its simplest form: behind the last one, named records before it. */
  function firstValid(records: readonly Uint8Array[], cuts: readonly Reported[]) {
    let from = 0;
    return cuts.map(({ folded }) => {
      const hashes = records.map((record) => sha256HexNative(record));
      const at = records.findIndex((record, offset) => {
        if (offset < from) return false;
        const due = dueOf(record, folded.subtree);
        const before = new Set(hashes.slice(from, offset));
        return due !== undefined && folded.subtree.records.every((hash) => before.has(hash));
      });
      from = at + 1;
      return { due: dueOf(records[at]!, folded.subtree), position: from };
    });
  }

  function dueOf(record: Uint8Array, subtree: SubtreeSigned): number | undefined {
    return [subtree.due, 1, 2, 3].find(
      (due) => Buffer.compare(record, signed({ ...subtree, due })) === 0,
    );
  }

  test('a void makes the reader begin again where the last cut ended', async () => {
    const [first, second] = (await reported()) as [Reported, Reported];
    // Cut 2 was void, and is there in another form before somebody reported the old one.
    const cut = { ...second.cut, hash: 'a'.repeat(64) };
    const subtree = { ...second.folded.subtree, cut: cut.hash };
    const reader = reading([
      ...whole(first),
      ...second.records,
      signed(subtree),
      ...second.records,
      second.subtree,
    ]);
    await expectTaken(reader, first);
    await expectFound(reader, second);
    expect((await reader.collector.find(cut))?.subtree).toEqual(subtree);
    reader.collector.take();
    expect(reader.collector.position).toBe(6);
  });

  test('what the reader reported itself need not be read, unless others wrote before it', async () => {
    const [first, second] = (await reported()) as [Reported, Reported];
    const reader = reading([]);
    const { collector, lane } = reader;
    expect(await collector.find(first.cut)).toBeUndefined();
    expect(collector.passOver(await lane.append(0, first.records), 2)).toBe(true);
    expect(collector.passOver(await lane.append(0, [first.subtree]), 1)).toBe(true);
    collector.take();
    expect(collector.position).toBe(3);
    expect(lane.reads).toBe(0);
    expect(await collector.find(second.cut)).toBeUndefined();
    expect(collector.passOver(await lane.append(0, second.records), 2)).toBe(true);
    await lane.append(0, [utf8('junk')]);
    expect(collector.passOver(await lane.append(0, [second.subtree]), 1)).toBe(false);
    await expectTaken(reader, second);
    expect(collector.position).toBe(7);
  });
});

describe('a subtree record counts only', () => {
  const forge = async (
    make: (first: Reported) => Uint8Array,
  ): Promise<{ reader: Reading; first: Reported }> => {
    const [first] = (await reported(1)) as [Reported];
    const reader = reading([...first.records, make(first)]);
    expect(await reader.collector.find(first.cut)).toBeUndefined();
    return { reader, first };
  };

  test.each<[string, (first: Reported) => Uint8Array]>([
    ['by a listed shard', ({ folded }) => signRecord(folded.subtree, [keyOf('stranger')])],
    [
      'by a shard, not another service',
      ({ folded }) => signRecord(folded.subtree, [keyOf('sealer')]),
    ],
    ['signed', ({ folded }) => encodeRecord(folded.subtree, [])],
    ['for the very cut', ({ folded }) => signed({ ...folded.subtree, cut: 'a'.repeat(64) })],
    ['for this partition', ({ folded }) => signed({ ...folded.subtree, partition: 1 })],
    ['for its number', ({ folded }) => signed({ ...folded.subtree, n: 2 })],
    ['with as many roles as it says', ({ folded }) => signed({ ...folded.subtree, roles: 1 })],
  ])('%s', async (_, make) => {
    const { reader, first } = await forge(make);
    // The honest one behind it is found all the same.
    reader.lane.records.push(first.subtree);
    await expectTaken(reader, first);
  });

  test('with its signature: one that was altered counts nothing', async () => {
    const { reader, first } = await forge(({ folded, subtree }) => {
      const text = Buffer.from(subtree).toString('latin1');
      const sig = /"sig":"([0-9a-f]{128})"/.exec(text)![1]!;
      expect(folded.n).toBe(1);
      return utf8(text.replace(sig, `${sig.slice(1)}${sig.slice(0, 1)}`));
    });
    reader.lane.records.push(first.subtree);
    await expectTaken(reader, first);
  });
});

describe('what a shard vouches for that is none', () => {
  test.each<[string, (n: number) => Uint8Array]>([
    ['junk', (n) => utf8(`{"signatures":[],"signed":{"i":0,"n":${n},"outcomes":`)],
    ['of another cut', (n) => encodeRecord(outcomesOf({ n: n + 1 }))],
    ['of another partition', (n) => encodeRecord(outcomesOf({ n, partition: 1 }))],
    [
      'of another shape',
      (n) => utf8(`{"signatures":[],"signed":{"i":0,"leaves":"x","n":${n},"partition":0}}`),
    ],
    [
      'with a version that is no number',
      (n) =>
        utf8(
          `{"signatures":[],"signed":{"i":0,"leaves":[["bin-0","1",1,"${'a'.repeat(64)}",""]],` +
            `"n":${n},"partition":0,"type":"roles","v":1}}`,
        ),
    ],
  ])('%s: is passed over, and does not stop the reader', async (_, make) => {
    const [first] = (await reported(1)) as [Reported];
    const bad = make(1);
    const { subtree } = first.folded;
    const records = [...subtree.records, sha256HexNative(bad)];
    const forged = signRecord({ ...subtree, records, roles: subtree.roles + 1 }, SHARD);
    const also = signRecord({ ...subtree, records }, SHARD);
    const reader = reading([...first.records, bad, forged, also]);
    expect(await reader.collector.find(first.cut)).toBeUndefined();
    expect(reader.collector.ignored.get('leaves.subtree')).toBe(2);
    reader.lane.records.push(first.subtree);
    await expectTaken(reader, first);
  });

  function outcomesOf(change: Partial<OutcomesSigned>): OutcomesSigned {
    return {
      type: 'outcomes',
      v: 1,
      n: 1,
      partition: 0,
      i: 0,
      outcomes: [[0, 0, 'absent']],
      ...change,
    };
  }
});

describe('a cut with more records than a subtree record can name', () => {
  /** Ready to be reported: so many full pages of roles, and one of outcomes where `rest` says so. */
  async function large(pages: number, rest: boolean) {
    const [first] = (await reported(1)) as [Reported];
    const roles = Array.from(
      { length: pages * roleLeavesMax },
      (_, i) => [`bin-${i.toString(16).padStart(5, '0')}`, i + 1, 1, 'a'.repeat(64), ''] as const,
    );
    const outcomes = rest ? ([[1, 0, 'absent']] as const) : [];
    const { records, named } = leafRecords(1, 0, roles, outcomes);
    const subtree = { ...first.folded.subtree, roles: roles.length, records: named };
    return { cut: first.cut, records: records.map(({ bytes }) => bytes), subtree, roles, outcomes };
  }

  test('names each of 900 records itself', async () => {
    const { cut, records, subtree, roles } = await large(900, false);
    expect(subtree.records).toEqual(records.map((bytes) => sha256HexNative(bytes)));
    const { collector } = reading([...records, signed(subtree)]);
    expect((await collector.find(cut))?.roles).toEqual(roles);
  });

  test('names two pages of names from the 901st on', async () => {
    const { cut, records, subtree, roles, outcomes } = await large(900, true);
    expect(records).toHaveLength(903);
    expect(subtree.records).toEqual(records.slice(901).map((bytes) => sha256HexNative(bytes)));
    expect(decodeRecord(records[901]!).signed).toMatchObject({ type: 'index', i: 0 });
    for (const room of [0, 1 << 26]) {
      const { collector } = reading([...records, signed(subtree)], 0, room);
      expect(await collector.find(cut)).toEqual({ subtree, roles, outcomes });
    }
    // One page of names missing, or one that it names.
    for (const missing of [0, 900, 901, 902]) {
      const { collector } = reading([...records.toSpliced(missing, 1), signed(subtree)]);
      expect(await collector.find(cut)).toBeUndefined();
    }
  });

  test('does not name pages of pages of names', async () => {
    const [first] = (await reported(1)) as [Reported];
    const index = (i: number, hashes: readonly string[]) =>
      encodeRecord({ type: 'index', v: 1, n: 1, partition: 0, i, records: hashes });
    const inner = index(0, first.folded.subtree.records);
    const outer = index(1, [sha256HexNative(inner)]);
    const naming = (page: Uint8Array) =>
      signed({ ...first.folded.subtree, records: [sha256HexNative(page)] });
    const reader = reading([...first.records, inner, outer, naming(outer)]);
    expect(await reader.collector.find(first.cut)).toBeUndefined();
    reader.lane.records.push(naming(inner));
    expect((await reader.collector.find(first.cut))?.roles).toEqual(rolesOf(first.folded));
  });
});

describe('junk', () => {
  test('is counted and changes nothing', async () => {
    const [first] = (await reported(1)) as [Reported];
    const ledger = TestLedger.ready();
    const roles: RolesSigned = {
      type: 'roles',
      v: 1,
      n: 1,
      partition: 0,
      i: 0,
      leaves: [['bin-0', 1, 1, 'a'.repeat(64), '']],
    };
    const reader = reading([
      ledger.genesisBytes,
      utf8('junk'),
      Uint8Array.of(0xff),
      new Uint8Array(70_000),
      utf8('{"signatures":[],"signed":{"i":"none"}}'),
      signRecord(roles, SHARD),
      batch([added('1', a, 'x')], { seq: 0, time: T0 }),
      encodeRecord({ ...roles, n: 2 }),
      signRecord(first.folded.subtree, [keyOf('stranger')]),
      signed({ ...first.folded.subtree, n: 2 }),
      ...whole(first),
    ]);
    await expectFound(reader, first);
    expect([...reader.collector.ignored]).toEqual([
      ['record.syntax', 2],
      ['record.too_large', 1],
      ['leaves.shape', 1],
      ['leaves.type', 2],
      ['leaves.cut', 2],
      ['leaves.signature', 1],
    ]);
  });

  test('of any bytes never throws', async () => {
    const [first] = (await reported(1)) as [Reported];
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc.string().map((text) => utf8(`{"signatures":[],"signed":{"i":${text}`)),
          fc.json().map((text) => utf8(`{"signatures":[],"signed":${text}}`)),
        ),
        async (bytes) => {
          const { collector } = reading([bytes, bytes]);
          expect(await collector.find(first.cut)).toBeUndefined();
          expect([...collector.ignored.values()].reduce((sum, n) => sum + n, 0)).toBe(2);
        },
      ),
    );
  });

  test('crowds nothing out for good, and takes no more room than there is', async () => {
    const [first] = (await reported(1)) as [Reported];
    const junk = Array.from({ length: 300 }, (_, i) =>
      utf8(`{"signatures":[],"signed":{"i":${i},"n":1,"outcomes":"${'x'.repeat(1000 + i)}"`),
    );
    const reader = reading([...first.records, ...junk], 0, 100_000);
    expect(await reader.collector.find(first.cut)).toBeUndefined();
    expect(reader.collector.memoryBytes).toBeLessThanOrEqual(100_000);
    expect(reader.collector.memoryBytes).toBeGreaterThan(98_000);
    // The honest ones stand in front of it, and are read once more.
    reader.lane.records.push(first.subtree);
    await expectTaken(reader, first);
    expect(reader.collector.memoryBytes).toBe(0);
  });

  test('by who cannot sign for a shard is not kept at all, however much there is', async () => {
    const [first] = (await reported(1)) as [Reported];
    const forged = Array.from({ length: 100 }, (_, i) =>
      signRecord({ ...first.folded.subtree, due: i }, [keyOf('stranger')]),
    );
    const others = Array.from({ length: 1000 }, (_, i) =>
      utf8(`{"signatures":[],"signed":{"i":0,"n":${i + 2},"outcomes":"x"`),
    );
    const reader = reading([...forged, ...others]);
    expect(await reader.collector.find(first.cut)).toBeUndefined();
    expect(reader.collector.memoryBytes).toBe(0);
    expect([...reader.collector.ignored]).toEqual([
      ['leaves.signature', 100],
      ['leaves.cut', 1000],
    ]);
    reader.lane.records.push(...whole(first));
    await expectTaken(reader, first);
  });
});
