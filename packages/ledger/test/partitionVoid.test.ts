/** What a void takes back: state, versions, the window; nothing that was never sealed is served. */
import { describe, expect, test } from 'vitest';
import {
  markerAt,
  openPartition,
  PartitionView,
  rollBack,
  ROW,
  rowKey,
  Rows,
} from '../src/index.ts';
import { PartitionRun, rolesOf } from './partitionRun.ts';
import { codeOf, codeOfAsync, DAY, HOUR, T0 } from './support.ts';
import { TestLedger } from './testLedger.ts';
import { added, batch, binOf, pathsOf, removed } from './uploads.ts';

const [a, b] = pathsOf(0, 1, 2) as [string, string];
const POLICY = { conflict: 'replace', window_s: 3600, clock_ahead_s: 600 } as const;

/** A partition with cut 1 settled; `spare` folds the same log, but never what becomes void. */
async function start() {
  const ledger = TestLedger.ready({ policy: POLICY });
  const run = await PartitionRun.open(ledger);
  const spare = await PartitionRun.open(ledger, { events: run.events });
  run.events.push(batch([added('1', a, 'one')], { seq: 1, time: T0 }));
  const cut = run.cut();
  await run.take(cut);
  await spare.take(cut);
  return { ledger, run, spare };
}

async function undo(run: PartitionRun, n: number): Promise<void> {
  await rollBack(run.db, run.ledger.genesis, run.index, n);
  await run.reopen();
  expect(run.partition.n).toBe(n - 1);
}

/** Every version a partition could serve. */
function served(run: PartitionRun): string[] {
  const { heads, bodies } = run.partition;
  const found: string[] = [];
  for (let bin = heads.first; bin < heads.first + heads.count; bin++) {
    for (let version = 1; version < 200; version += 2) {
      if (bodies.file(bin, version) !== undefined) found.push(`${bin} ${version}`);
    }
  }
  return found;
}

test('a partition that folded what became void comes to the state of one that did not', async () => {
  const { ledger, run, spare } = await start();
  const before = served(run);
  run.events.push(batch([added('2', a, 'poison')], { seq: 2, time: T0 + DAY }));
  const poisoned = ledger.cut({ vector: run.vector(), time: T0 + DAY });
  const signed = await run.take(poisoned);
  expect(signed.applied).toBe(1);
  const change = ledger.void(2);
  expect(change?.type).toBe('void');
  const { hash } = ledger.fold.last;

  await undo(run, 2);
  expect(served(run)).toEqual(before);
  await run.partition.foldVoid(2, hash);
  await spare.partition.foldVoid(2, hash);

  run.events.push(batch([added('3', b, 'three')], { seq: 3, time: T0 + 2000 }));
  const next = run.cut({ time: T0 + 2000 });
  const folded = await run.take(next);
  expect(folded.subtree).toEqual((await spare.take(next)).subtree);
  expect(run.files()).toEqual(spare.files());
  // The poisoned upload is ahead of the clock of the cut that covers it now.
  expect(folded.outcomes).toEqual([[2, 0, 'clock_ahead']]);
  await run.reopen();
  expect(run.files()).toEqual(spare.files());
});

test('versions of both cuts in flight are spent: none is given to two contents', async () => {
  const { ledger, run, spare } = await start();
  ledger.seal(1);
  // Both renew every bin: twice as many versions as the partition has bins.
  const second = ledger.cutAlone({ vector: run.vector(), time: T0 + 20 * HOUR });
  const third = ledger.cutAlone({ vector: run.vector(), time: T0 + 40 * HOUR });
  const spent = new Set<number>();
  for (const cut of [second, third]) {
    const roles = rolesOf(await run.take(cut)).filter(([role]) => role.startsWith('bin-'));
    expect(roles).toHaveLength(8);
    for (const [, version] of roles) spent.add(version);
  }
  ledger.void(2);
  const { hash } = ledger.fold.last;
  await undo(run, 2);
  await run.partition.foldVoid(2, hash);
  await spare.partition.foldVoid(2, hash);
  const next = run.cut({ time: T0 + 20 * HOUR });
  const folded = await run.take(next);
  expect(folded.subtree).toEqual((await spare.take(next)).subtree);
  const versions = rolesOf(folded).map(([, version]) => version);
  expect(versions.filter((version) => spent.has(version))).toEqual([]);
  expect(versions).toEqual(Array.from({ length: 8 }, (_, i) => 2 * (8 + 16 + i) + 1));
});

test('a cut far ahead forgets the window only until it is void', async () => {
  const { ledger, run, spare } = await start();
  const upload = batch([added('2', b, 'two')], { seq: 2, time: T0 + 1000 });
  const remove = batch([removed('3', b)], { seq: 3, time: T0 + 1000 });
  run.events.push(upload, remove);
  const cut = run.cut();
  await run.take(cut);
  await spare.take(cut);
  ledger.seal(2);
  for (const time of [T0 + 5 * HOUR, T0 + 10 * HOUR]) {
    await run.take(ledger.cutAlone({ vector: run.vector(), time }));
  }
  ledger.void(3);
  const { hash } = ledger.fold.last;
  await undo(run, 3);
  await run.partition.foldVoid(3, hash);
  await spare.partition.foldVoid(3, hash);
  // The same event in another run's batch: it must still be known.
  run.events.push(batch([added('2', b, 'two')], { seq: 0, intake: 'run-2', time: T0 + 3000 }));
  const next = run.cut({ time: T0 + 3000 });
  const folded = await run.take(next);
  expect(folded.outcomes).toEqual([[4, 0, 'duplicate', 2, 0]]);
  expect(folded.applied).toBe(0);
  expect((await spare.take(next)).subtree).toEqual(folded.subtree);
});

test('what the window left behind goes once it is settled, also over restarts', async () => {
  const { run } = await start();
  const rows = (): Promise<number> => countWindowRows(run);
  expect(await rows()).toBe(1);
  await run.add([batch([added('2', b, 'x')], { seq: 2, time: T0 + 1000 })]);
  expect(await rows()).toBe(2);
  await run.add([], { time: T0 + 5 * HOUR });
  expect(await rows()).toBe(2);
  await run.add([]);
  expect(await rows()).toBe(2);
  await run.reopen();
  await run.add([]);
  expect(await rows()).toBe(2);
  await run.add([]);
  expect(await rows()).toBe(0);
});

test('rows that a crashed fold left behind are not served once the cut is void', async () => {
  const { ledger, run } = await start();
  const before = served(run);
  run.events.push(batch([added('2', a, 'poison')], { seq: 2, time: T0 + 1000 }));
  const poisoned = ledger.cut({ vector: run.vector() });
  // All rows but the marker are written; then the process dies.
  await run.fold(poisoned);
  await run.reopen();
  expect(run.partition.n).toBe(1);
  expect(served(run)).not.toEqual(before);
  ledger.void(2);
  await run.partition.foldVoid(2, ledger.fold.last.hash);
  await run.reopen();
  expect(run.partition.n).toBe(2);
  expect(served(run)).toEqual(before);
});

test('the very first cut can be void', async () => {
  const ledger = TestLedger.ready({ policy: POLICY });
  const run = await PartitionRun.open(ledger);
  await run.take(run.cut());
  ledger.void(1);
  await undo(run, 1);
  expect(served(run)).toEqual([]);
  await run.partition.foldVoid(1, ledger.fold.last.hash);
  await run.reopen();
  expect(run.partition.n).toBe(1);
  const folded = await run.take(run.cut());
  expect(folded.view.versions).toHaveLength(8);
  expect(run.files().size).toBe(8);
});

test('a void is itself a state that survives a restart', async () => {
  const { ledger, run } = await start();
  ledger.cut();
  ledger.void(2);
  const { hash } = ledger.fold.last;
  await run.partition.foldVoid(2, hash);
  const files = run.files();
  await run.reopen();
  expect(run.files()).toEqual(files);
  const marker = await markerAt(new Rows(run.db, 'x'), 9);
  expect(marker).toMatchObject({ n: 2, cut: hash, changed: '', time: T0 + 1000 });
});

describe('a view', () => {
  test('shows a snapshot while the fold is further on, and refuses what it has not', async () => {
    const { ledger, run } = await start();
    const view = new PartitionView(run.partition);
    const values: (string | undefined)[] = [(await view.target(a, 1)).value];
    const roots: string[] = [];
    for (let n = 2; n <= 6; n++) {
      const time = T0 + n * 1000;
      const folded = await run.add([batch([added(`${n}`, a, `content ${n}`)], { seq: n, time })]);
      roots.push(folded.subtree.map);
      view.committed(folded.view);
      values.push((await view.target(a, n)).value);
    }
    expect(new Set(values).size).toBe(6);
    // From the newest backward, so that none can come from memory alone.
    for (let n = 6; n >= 1; n--) expect((await view.target(a, n)).value).toBe(values[n - 1]);
    expect(view.n).toBe(6);
    expect(await codeOfAsync(view.target(a, 7))).toBe('OperatingFault view.behind');
    expect(await codeOfAsync(view.target(a, 0))).toBe('RejectedInput view.past');
    const role = `bin-${binOf(a, 4).toString(16)}`;
    const { version } = await view.target(a, 3);
    expect(view.file(role, version, 2)).toBeUndefined();
    expect(view.file(role, version, 3)).toBeDefined();
    expect(view.file('bin-f', 1, 6)).toBeUndefined();
    expect(view.file('targets', 1, 6)).toBeUndefined();
    expect(ledger.fold.settled).toBe(5);
  });

  test('tells a version that is lost from one that never was', async () => {
    const { run } = await start();
    const view = new PartitionView(run.partition);
    for (let n = 2; n <= 5; n++) {
      const upload = batch([added(`${n}`, a, `content ${n}`)], { seq: n, time: T0 + n });
      view.committed((await run.add([upload])).view);
    }
    const bin = binOf(a, 4);
    const { version } = await view.target(a, 3);
    const role = (i: number): string => `bin-${i.toString(16)}`;
    await run.db.del(rowKey(ROW.delta, bin, version));
    expect(codeOf(() => view.file(role(bin), version, 5))).toBe('BrokenInvariant state.missing');
    expect(view.file(role((bin + 1) % 8), version, 5)).toBeUndefined();
    expect(view.file(role(bin), version + 1, 5)).toBeUndefined();
    expect(view.file(role(bin), version + 100, 5)).toBeUndefined();
    expect(codeOf(() => view.file(role(bin), version, 6))).toBe('OperatingFault view.behind');
    await run.db.del(rowKey(ROW.marker, 0, 3));
    expect(codeOf(() => view.file(role(bin), version, 5))).toBe('BrokenInvariant state.missing');
  });
});

test('opening needs no more than the newest marker; a gap in them is noticed', async () => {
  const { run } = await start();
  for (let n = 2; n <= 4; n++) await run.add([]);
  await run.db.del(rowKey(ROW.marker, 0, 3));
  const { genesis, genesisBytes } = run.ledger;
  const options = { genesis, genesisBytes, partition: 0, db: run.db, memoryBudgetBytes: 0 };
  expect(await codeOfAsync(openPartition(options))).toBe('BrokenInvariant state.missing');
  await expect(openPartition(options)).rejects.toThrow('the marker of cut 3 is gone');
});

async function countWindowRows(run: PartitionRun): Promise<number> {
  let count = 0;
  for await (const key of run.db.keys()) if (key[0] === 0x49) count++;
  return count;
}
