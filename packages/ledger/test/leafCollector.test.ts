/** Reading a leaves log that anybody may have written to: only what a listed shard vouches for counts. */
import { utf8 } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import {
  encodeRecord,
  signRecord,
  type OutcomesSigned,
  type RolesSigned,
  type SubtreeSigned,
} from '@tidemark/event';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LeafCollector, type Cut, type FoldedCut } from '../src/index.ts';
import { PartitionRun, rolesOf } from './partitionRun.ts';
import { added, batch, keyOf, pathsOf, removed, T0, TestLedger } from './support.ts';

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

/** A collector that has read records, at offsets from 0 on. */
function reader(records: readonly Uint8Array[], taken = 0): LeafCollector {
  const collector = new LeafCollector(0, taken);
  records.forEach((record, offset) => collector.add(record, offset));
  return collector;
}

function expectTaken(collector: LeafCollector, { cut, folded }: Reported): void {
  expect(collector.has(cut)).toBe(true);
  const wanted = { subtree: folded.subtree, roles: rolesOf(folded), outcomes: folded.outcomes };
  expect(collector.peek(cut)).toEqual(wanted);
  expect(collector.take(cut)).toEqual(wanted);
  expect(collector.take(cut)).toBeUndefined();
}

describe('an honest log', () => {
  test('gives each cut what was reported for it', async () => {
    const [first, second] = (await reported()) as [Reported, Reported];
    expect(first.records).toHaveLength(2);
    const collector = reader([...first.records, first.subtree, ...second.records, second.subtree]);
    expectTaken(collector, first);
    expectTaken(collector, second);
    expect([...collector.ignored]).toEqual([]);
  });

  test('in any order of its records, and however often they come', async () => {
    const list = await reported(3);
    const records = list.flatMap((each) => [...each.records, each.subtree]);
    fc.assert(
      fc.property(
        fc.shuffledSubarray([...records, ...records], { minLength: 2 * records.length }),
        (shuffled) => {
          const collector = reader(shuffled);
          for (const each of list) expectTaken(collector, each);
        },
      ),
      { numRuns: 30 },
    );
  });

  test('is incomplete until the last of a cut’s records is there', async () => {
    const [first] = (await reported(1)) as [Reported];
    const all = [...first.records, first.subtree];
    for (const missing of all) {
      const collector = reader(all.filter((record) => record !== missing));
      expect(collector.has(first.cut)).toBe(false);
      expect(collector.peek(first.cut)).toBeUndefined();
      collector.add(missing, 99);
      expectTaken(collector, first);
    }
  });
});

describe('what replicas report besides', () => {
  test('is recognised as the same, and does not pile up once the cut was taken', async () => {
    const [first, second] = (await reported()) as [Reported, Reported];
    const replica = signRecord(first.folded.subtree, [keyOf('stranger')]);
    const collector = reader([...first.records, ...first.records, replica, first.subtree]);
    expectTaken(collector, first);
    for (const record of [...first.records, first.subtree]) collector.add(record, 9);
    expect(collector.ignored.get('leaves.late')).toBe(2);
    for (const record of [...second.records, second.subtree]) collector.add(record, 12);
    expectTaken(collector, second);
  });
});

describe('a subtree record counts only', () => {
  const forge = async (
    make: (first: Reported) => Uint8Array,
  ): Promise<{ collector: LeafCollector; first: Reported }> => {
    const [first] = (await reported(1)) as [Reported];
    const collector = reader([make(first), ...first.records]);
    expect(collector.take(first.cut)).toBeUndefined();
    return { collector, first };
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
    const { collector, first } = await forge(make);
    // The honest one behind it is found all the same.
    collector.add(first.subtree, 9);
    expectTaken(collector, first);
  });

  test('with its signature: one that was altered counts nothing', async () => {
    const { collector, first } = await forge(({ folded, subtree }) => {
      const text = Buffer.from(subtree).toString('latin1');
      const sig = /"sig":"([0-9a-f]{128})"/.exec(text)![1]!;
      expect(folded.n).toBe(1);
      return utf8(text.replace(sig, `${sig.slice(1)}${sig.slice(0, 1)}`));
    });
    collector.add(first.subtree, 9);
    expectTaken(collector, first);
  });

  function signed(subtree: SubtreeSigned): Uint8Array {
    return signRecord(subtree, SHARD);
  }
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
    const collector = reader([...first.records, bad, forged, also]);
    expect(collector.peek(first.cut)).toBeUndefined();
    collector.add(first.subtree, 9);
    expectTaken(collector, first);
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
    const collector = reader([
      ledger.genesisBytes,
      utf8('junk'),
      Uint8Array.of(0xff),
      new Uint8Array(70_000),
      utf8('{"signatures":[],"signed":{"i":"none"}}'),
      signRecord(roles, SHARD),
      batch([added('1', a, 'x')], { seq: 0, time: T0 }),
      ...first.records,
      first.subtree,
    ]);
    expect([...collector.ignored]).toEqual([
      ['record.syntax', 2],
      ['record.too_large', 1],
      ['leaves.shape', 1],
      ['leaves.type', 2],
    ]);
    expectTaken(collector, first);
  });

  test('of any bytes never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc.string().map((text) => utf8(`{"signatures":[],"signed":{"i":${text}`)),
          fc.json().map((text) => utf8(`{"signatures":[],"signed":${text}}`)),
        ),
        (bytes) => {
          const collector = new LeafCollector(0, 0);
          collector.add(bytes, 0);
          collector.add(bytes, 1);
          expect([...collector.ignored.values()].reduce((sum, n) => sum + n, 0)).toBe(2);
        },
      ),
    );
  });

  test('does not grow the pool beyond its bound: what came first goes', async () => {
    const [first] = (await reported(1)) as [Reported];
    const bytesMax = 100_000;
    const collector = new LeafCollector(0, 0, bytesMax);
    const junk = Array.from({ length: 300 }, (_, i) =>
      utf8(`{"signatures":[],"signed":{"i":${i},"n":9,"outcomes":"${'x'.repeat(1000 + i)}"`),
    );
    // The honest records stand in front of it, so they are crowded out, and come again.
    const honest = [...first.records, first.subtree];
    [...honest, ...junk].forEach((record, offset) => collector.add(record, offset));
    expect(collector.has(first.cut)).toBe(false);
    let bytes = 0;
    const kept = junk.toReversed().findIndex((record) => (bytes += record.length) > bytesMax);
    expect(collector.ignored.get('leaves.pool')).toBe(first.records.length + 300 - kept);
    for (const record of honest) collector.add(record, 400);
    expectTaken(collector, first);
  });

  test('of subtree records crowds out no more than its own number', async () => {
    const [first, second] = (await reported()) as [Reported, Reported];
    const collector = reader([]);
    for (let i = 0; i < 100; i++) {
      collector.add(signRecord({ ...first.folded.subtree, due: i }, [keyOf('stranger')]), i);
    }
    expect(collector.ignored.get('leaves.candidates')).toBe(36);
    for (const record of [...second.records, second.subtree]) collector.add(record, 101);
    expectTaken(collector, second);
  });
});

describe('forgeries of the very cut', () => {
  test('do not end the reading, nor take the room of the record that counts', async () => {
    const [first] = (await reported(1)) as [Reported];
    const collector = reader([]);
    for (let i = 0; i < 100; i++) {
      const empty = { ...first.folded.subtree, records: [], roles: 0, due: i };
      collector.add(signRecord(empty, [keyOf('stranger')]), i);
      expect(collector.has(first.cut)).toBe(false);
    }
    expect([...collector.ignored]).toEqual([['leaves.subtree', 100]]);
    for (const record of [...first.records, first.subtree]) collector.add(record, 100);
    expectTaken(collector, first);
  });
});

describe('where to read from again', () => {
  test('is before everything of the cuts to come, outcomes without roles too', async () => {
    const run = await PartitionRun.open(TestLedger.ready());
    const records: Uint8Array[] = [];
    const starts: number[] = [];
    const cuts: Cut[] = [];
    for (let n = 1; n <= 4; n++) {
      run.events.push(batch([removed(`${n}`, b)], { seq: n, time: T0 }));
      const cut = run.cut();
      cuts.push(cut);
      const folded = await run.take(cut);
      starts.push(records.length);
      for (const { bytes } of folded.records) records.push(bytes);
      records.push(signRecord(folded.subtree, SHARD));
    }
    // Only the first cut has roles: the others consist of outcomes.
    expect(starts).toEqual([0, 3, 5, 7]);
    for (let n = 0; n < 4; n++) {
      const collector = reader(records);
      const from = collector.resumeFrom(n, records.length);
      expect(from).toBe(starts[n]);
      const again = new LeafCollector(0, n);
      records.slice(from).forEach((record, i) => again.add(record, from + i));
      for (const cut of cuts.slice(n)) expect(again.take(cut)?.subtree.n).toBe(cut.n);
    }
    expect(reader(records).resumeFrom(4, records.length)).toBe(records.length);
  });

  test('is told apart from what a void made useless', async () => {
    const [first, second] = (await reported()) as [Reported, Reported];
    const collector = reader([...first.records, first.subtree, ...second.records, second.subtree]);
    collector.forget(1);
    expect(collector.peek(first.cut)).toBeUndefined();
    expect(collector.resumeFrom(1, 6)).toBe(3);
    expectTaken(collector, second);
  });
});
