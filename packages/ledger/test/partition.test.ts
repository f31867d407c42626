/** A partition against the naive model: bytes, outcomes, versions; restarts, budgets, logged signatures. */
import { decodeRecord, type Event } from '@tidemark/event';
import { SlotTree, slotHash } from '@tidemark/merkle';
import { sha256HexNative, sha256Native } from '@tidemark/canonical/native';
import type { JsonObject } from '@tidemark/canonical';
import { slotOfBin, slotOfRole } from '@tidemark/bin';
import { binRoleName } from '@tidemark/tuf';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FoldedCut } from '../src/index.ts';
import { encodeUpload, PartitionModel, type Upload } from './model.ts';
import { hourWindow, loggedBy, outcomesOf, PartitionRun, rolesOf } from './partitionRun.ts';
import { codeOfAsync, hex, HOUR, MINUTE, T0 } from './support.ts';
import { binSigner, keyOf, TestLedger } from './testLedger.ts';
import { added, batch, contentHash, pathsOf, removed, yanked } from './uploads.ts';

const PATHS = [...pathsOf(0, 1, 9), ...pathsOf(1, 1, 1)];

const event: fc.Arbitrary<Event> = fc
  .record({
    id: fc.nat({ max: 40 }).map((i) => `id-${i}`),
    path: fc.constantFrom(...PATHS),
    type: fc.constantFrom('add', 'add', 'add', 'remove', 'yank'),
    content: fc.constantFrom('one', 'two!'),
    custom: fc.option(
      fc.constantFrom<JsonObject>(
        { note: 'a "q" {b} \\' },
        { yanked: false },
        { yanked: 'why', z: 1 },
      ),
      { nil: undefined, freq: 2 },
    ),
    expected: fc.option(fc.constantFrom('absent', contentHash('one'), 1, 3, 9), {
      nil: undefined,
      freq: 8,
    }),
  })
  .map(({ id, path, type, content, custom, expected }) => {
    const more = {
      ...(custom === undefined || type === 'remove' ? {} : { custom }),
      ...(expected === undefined ? {} : { expected }),
    };
    if (type === 'add') return added(id, path, content, more);
    if (type === 'remove') return removed(id, path, more);
    return { ...yanked(id, path), ...more };
  });

const upload = fc.record({
  flaw: fc.option(fc.constantFrom('unsigned', 'partition', 'ledger', 'junk'), {
    nil: undefined,
    freq: 8,
  }),
  intake: fc.constantFrom('run-1', 'run-2'),
  /** Now and then a sequence number comes again. */
  resent: fc.nat({ max: 5 }).map((i) => i === 0),
  /** Against the cut's time: within the window, ahead of the clock, too far either way. */
  shift: fc.constantFrom(0, -5, -50, -59, -61, -200, 4, 9, 11).map((minutes) => minutes * MINUTE),
  subject: fc.constantFrom('alice', 'bob'),
  events: fc.array(event, { minLength: 1, maxLength: 5 }),
});
const step = fc.record({
  after: fc.constantFrom(0, 1000, 20 * MINUTE, 50 * MINUTE, 3 * HOUR, 9 * HOUR),
  uploads: fc.array(upload, { maxLength: 5 }),
  crash: fc.constantFrom('no', 'before', 'after'),
});

describe('any uploads', () => {
  test('give the files, outcomes and versions of the model, whoever folds them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 6 }),
        fc.constantFrom('reject', 'replace'),
        async (steps, conflict) => {
          const ledger = TestLedger.ready({ policy: hourWindow(conflict) });
          const model = new PartitionModel(ledger);
          const signs = await PartitionRun.open(ledger);
          const { events } = signs;
          const crashes = await PartitionRun.open(ledger, { events, budget: 0 });
          const follows = await PartitionRun.open(ledger, { events, budget: 3000 });
          const seqs = new Map<string, number>();
          for (const { after, uploads, crash } of steps) {
            const time = ledger.fold.last.time + after;
            const made = uploads.map(({ resent, shift, flaw, ...rest }): Upload => {
              const seq = (seqs.get(rest.intake) ?? 0) + (resent ? 0 : 1);
              seqs.set(rest.intake, seq);
              return { ...rest, seq, time: time + shift, ...(flaw === undefined ? {} : { flaw }) };
            });
            const first = events.length;
            events.push(...made.map(encodeUpload));
            const cut = signs.cut({ time });
            const wanted = model.cut(cut, made, first);
            const folded = await signs.take(cut);
            expectFolded(folded, wanted);
            if (crash === 'before') {
              expectSame(await crashes.fold(cut), folded);
              await crashes.reopen();
            }
            expectSame(await crashes.take(cut), folded);
            if (crash === 'after') await crashes.reopen();
            expectSame(await follows.take(cut, loggedBy(folded)), folded);
            const files = new Map([...model.bins].map(([bin, { file }]) => [bin, file]));
            for (const run of [signs, crashes, follows]) {
              expect(run.files()).toEqual(files);
              expect(run.partition.tree.root()).toEqual(mapRoot(signs));
            }
          }
          await crashes.reopen();
          for (const { bin, version, file } of model.history) {
            for (const run of [signs, crashes, follows]) {
              expect(run.partition.bodies.file(bin, version)?.toString('latin1')).toBe(file);
            }
          }
          expect(crashes.partition.bodies.memoryBytes).toBe(0);
          expect(follows.partition.bodies.memoryBytes).toBeLessThanOrEqual(3000);
        },
      ),
      { numRuns: 40 },
    );
  }, 120_000);

  function expectFolded(folded: FoldedCut, wanted: ReturnType<PartitionModel['cut']>): void {
    expect(folded.outcomes).toEqual(wanted.outcomes);
    expect(outcomesOf(folded)).toEqual(wanted.outcomes);
    expect(folded.applied).toBe(wanted.applied);
    expect(folded.ignored).toEqual(countsOf(wanted.ignored));
    expect(folded.view.versions.map(([bin]) => bin)).toEqual(wanted.dirty);
  }

  function countsOf(codes: readonly string[]): Map<string, number> {
    const counts = new Map<string, number>();
    for (const code of codes) counts.set(code, (counts.get(code) ?? 0) + 1);
    return counts;
  }

  function expectSame(folded: FoldedCut, other: FoldedCut): void {
    expect(folded.subtree).toEqual(other.subtree);
    expect(folded.records).toEqual(other.records);
  }
});

/** The subtree's root, computed from the files alone. */
function mapRoot(run: PartitionRun): Uint8Array {
  const { genesis, fold } = run.ledger;
  const { bits, slot_bits, prefix } = genesis;
  const slots = new Map<number, Record<string, JsonObject>>();
  const put = (slot: number, role: string, version: number, file: string | Uint8Array) => {
    const bytes = Buffer.from(file as string, 'latin1');
    const contents = slots.get(slot) ?? {};
    const hashes = { sha256: sha256HexNative(bytes) };
    slots.set(slot, {
      ...contents,
      [`${role}.json`]: { hashes, length: bytes.length, version },
    });
  };
  for (const [bin, file] of run.files()) {
    put(
      slotOfBin(bin, bits, slot_bits),
      binRoleName(prefix, bits, bin),
      run.partition.heads.version(bin),
      file,
    );
  }
  const { documents } = fold.view;
  for (const role of ['targets', 'bins'] as const) {
    const slot = slotOfRole(role, genesis, slot_bits, sha256HexNative);
    const { version, bytes } = documents[role]!;
    if (slot >> (slot_bits - 1) === run.index) put(slot, role, version, bytes);
  }
  const shape = { slotBits: slot_bits, partitionBits: 1, partition: run.index };
  const tree = new SlotTree(shape, sha256Native);
  tree.update(
    [...slots].map(([slot, json]) => ({ slot, hash: slotHash(slot, json, sha256Native) })),
  );
  return tree.root();
}

describe('versions', () => {
  test('are k·P + p + 1: none is ever given twice, in whatever partition', async () => {
    const ledger = TestLedger.ready({ partitions: 4, policy: { conflict: 'replace' } });
    const runs = await Promise.all(
      [0, 1, 2, 3].map((index) => PartitionRun.open(ledger, { index })),
    );
    const given: number[] = [];
    for (let n = 1; n <= 3; n++) {
      for (const run of runs) {
        const [path] = pathsOf(run.index, 2, 1);
        const time = T0 + n * 1000;
        const upload = added(`id-${n}`, path!, `content ${n}`);
        run.events.push(batch([upload], { seq: n, time, partition: run.index }));
      }
      const cut = ledger.cut({ vector: runs.map(({ events }) => events.length) });
      for (const run of runs) {
        for (const [role, version] of rolesOf(await run.take(cut))) {
          if (!role.startsWith('bin-')) continue;
          expect((version - 1) % 4).toBe(run.index);
          given.push(version);
        }
      }
    }
    // All bins at the first cut, then one a partition.
    expect(given.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 24 }, (_, i) => i + 1));
  });
});

describe('what cannot be folded halts', () => {
  const start = async (): Promise<PartitionRun> => {
    const run = await PartitionRun.open(TestLedger.ready());
    await run.add([batch([added('1', PATHS[0]!, 'one')], { seq: 1, time: T0 })]);
    return run;
  };

  test('another genesis record at offset 0', async () => {
    const run = await PartitionRun.open(TestLedger.ready(), { events: [Buffer.from('other')] });
    expect(await codeOfAsync(run.fold(run.cut()))).toBe('BrokenInvariant log.foreign');
  });

  test('a cut out of order, or with records missing, or before the last is committed', async () => {
    const run = await start();
    const second = run.cut();
    const third = run.cut();
    expect(await codeOfAsync(run.fold(third))).toBe('BrokenInvariant fold.order');
    const short = run.partition.foldCut({ ...second, vector: [3, 0] }, [], binSigner());
    expect(await codeOfAsync(short)).toBe('BrokenInvariant fold.order');
    await run.fold(second);
    expect(await codeOfAsync(run.fold(third))).toBe('BrokenInvariant fold.order');
    await run.partition.commit(0);
    expect(await codeOfAsync(run.partition.commit(0))).toBe('BrokenInvariant fold.order');
    expect(await codeOfAsync(run.partition.foldVoid(2, 'a'.repeat(64)))).toBe(
      'BrokenInvariant fold.order',
    );
    expect((await run.take(third)).n).toBe(3);
  });

  test('a key that bins does not delegate to', async () => {
    const run = await start();
    const cut = run.cut();
    const folding = run.fold(cut, binSigner('other'));
    expect(await codeOfAsync(folding)).toBe('OperatingFault keys.bins');
    // Nothing was touched: with the right key it goes on.
    expect((await run.take(cut)).n).toBe(2);
  });

  test('a logged set of signatures that lacks a role', async () => {
    const ledger = TestLedger.ready();
    const run = await PartitionRun.open(ledger);
    const follower = await PartitionRun.open(ledger, { events: run.events });
    const cut = run.cut();
    const { logged } = loggedBy(await run.take(cut));
    logged.delete('bin-3');
    expect(await codeOfAsync(follower.fold(cut, { logged }))).toBe('BrokenInvariant fold.differs');
    // Rebuilt from what stands in the log it comes to the same.
    await follower.reopen();
    expect(follower.partition.n).toBe(0);
    expect((await follower.take(cut, loggedBy(run.folded[0]!))).subtree).toEqual(
      run.folded[0]!.subtree,
    );
  });

  test('a logged signature that is another shows in the records and the state', async () => {
    const ledger = TestLedger.ready();
    const run = await PartitionRun.open(ledger);
    const follower = await PartitionRun.open(ledger, { events: run.events });
    const cut = run.cut();
    const folded = await run.take(cut);
    const { logged } = loggedBy(folded);
    logged.set('bin-3', `00${logged.get('bin-3')!.slice(2)}`);
    const other = await follower.fold(cut, { logged });
    expect(other.subtree.records).not.toEqual(folded.subtree.records);
    expect(other.subtree.map).not.toBe(folded.subtree.map);
    expect(other.subtree.state).not.toBe(folded.subtree.state);
  });
});

describe('the leaf records', () => {
  test('of many roles and outcomes are pages of 128 and 1,000, in slot and fold order', async () => {
    const ledger = TestLedger.ready({ bits: 9, slotBits: 10 });
    const run = await PartitionRun.open(ledger);
    const absent = Array.from({ length: 500 }, (_, i) => removed(`${i}`, PATHS[i % 9]!));
    run.events.push(...[1, 2, 3].map((seq) => batch(absent, { seq, time: T0 })));
    const folded = await run.take(run.cut());
    const pages = folded.records.map(({ bytes }) => {
      const { signed } = decodeRecord(bytes);
      if (signed.type === 'roles') return [signed.i, 'roles', signed.leaves.length];
      return signed.type === 'outcomes' ? [signed.i, 'outcomes', signed.outcomes.length] : [];
    });
    const roles = rolesOf(folded);
    expect(roles.length).toBeGreaterThanOrEqual(256);
    expect(pages).toEqual([
      [0, 'roles', 128],
      [1, 'roles', 128],
      ...(roles.length > 256 ? [[2, 'roles', roles.length - 256]] : []),
      [0, 'outcomes', 1000],
      [1, 'outcomes', 500],
    ]);
    expect(outcomesOf(folded)).toEqual(folded.outcomes);
    const slots = roles.map(([role]) => slotOfRole(role, ledger.genesis, 10, sha256HexNative));
    expect(slots).toEqual(slots.toSorted((x, y) => x - y));
    expect(folded.records.map(({ bytes }) => sha256HexNative(bytes))).toEqual(
      folded.subtree.records,
    );
  });
});

describe('memory', () => {
  test('of bodies stays within any budget, however they grow', async () => {
    const ledger = TestLedger.ready();
    const events = [ledger.genesisBytes];
    const none = await PartitionRun.open(ledger, { events, budget: 0 });
    const some = await PartitionRun.open(ledger, { events, budget: 20_000 });
    for (let n = 1; n <= 5; n++) {
      const paths = pathsOf(0, 1, 100).slice(20 * n - 20, 20 * n);
      events.push(
        batch(
          paths.map((path) => added(path.slice(6), path, 'x')),
          { seq: n, time: T0 },
        ),
      );
      const cut = none.cut();
      await none.take(cut);
      await some.take(cut);
      expect(none.partition.bodies.memoryBytes).toBe(0);
      expect(some.partition.bodies.memoryBytes).toBeLessThanOrEqual(20_000);
    }
    expect(some.partition.bodies.memoryBytes).toBeGreaterThan(5000);
    expect(some.partition.memoryBytes).toBeGreaterThan(some.partition.bodies.memoryBytes);
  });
});

describe('another key for the bins', () => {
  test('signs all of them in the cut that covers it, and history keeps the old one', async () => {
    const ledger = TestLedger.ready();
    const run = await PartitionRun.open(ledger);
    await run.add([batch([added('1', PATHS[0]!, 'one')], { seq: 1, time: T0 })]);
    const before = run.files();
    const versions = [...before.keys()].map((bin) => run.partition.heads.version(bin));
    ledger.document('bins', ledger.bins(2, keyOf('bins 2')));
    const folded = await run.take(run.cut(), binSigner('bins 2'));
    expect(folded.view.versions).toHaveLength(8);
    for (const [bin, file] of run.files()) {
      expect(file.slice(25, 89)).toBe(binSigner('bins 2').keyid);
      const old = run.partition.bodies.file(bin, versions[bin]!)!;
      expect(old.toString('latin1')).toBe(before.get(bin));
      expect(old.toString('latin1', 25, 89)).toBe(binSigner().keyid);
    }
    await run.reopen();
    const quiet = await run.take(run.cut(), binSigner('bins 2'));
    expect(quiet.view.versions).toEqual([]);
  });
});

describe('the state says', () => {
  test('what the partition signed for, in the subtree record', async () => {
    const run = await PartitionRun.open(TestLedger.ready());
    const { subtree, records } = await run.add([
      batch([added('1', PATHS[0]!, 'one'), removed('2', PATHS[1]!)], { seq: 1, time: T0 }),
    ]);
    expect(subtree).toMatchObject({
      type: 'subtree',
      n: 1,
      partition: 0,
      cut: run.ledger.fold.last.hash,
      roles: rolesOf({ records } as FoldedCut).length,
      records: records.map(({ sha256 }) => sha256),
      map: hex(mapRoot(run)),
    });
    expect(subtree.events.size).toBe(2);
    expect(subtree.leaves.size).toBe(records.length);
  });
});
