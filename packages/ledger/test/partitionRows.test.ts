/** History out of rows: every version ever current comes back, and nothing damaged is ever served. */
import { BrokenInvariant } from '@tidemark/canonical';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openPartition, ROW, rowKey, Rows, type StateDb } from '../src/index.ts';
import { packOps } from '../src/binOps.ts';
import { decodeDelta, encodeDelta } from '../src/delta.ts';
import { PartitionRun } from './partitionRun.ts';
import { codeOf, codeOfAsync, T0 } from './support.ts';
import { TestLedger } from './testLedger.ts';
import { added, batch, binOf, pathsOf, removed } from './uploads.ts';

const PATHS = pathsOf(0, 1, 6);
const [a] = PATHS as [string];

/** Versions as they were when they were current, over some cuts of small and large changes. */
async function history(cuts: number, budget = 0) {
  const run = await PartitionRun.open(TestLedger.ready({ policy: { conflict: 'replace' } }), {
    budget,
  });
  const files: [bin: number, version: number, file: string][] = [];
  for (let n = 1; n <= cuts; n++) {
    const path = PATHS[n % PATHS.length]!;
    const many = Array.from({ length: 12 }, (_, i) => `${'x'.repeat(i)}${n} ${i}`);
    const own = pathsOf(0, 1, 60).slice((n % 5) * 12, (n % 5) * 12 + 12);
    const events =
      n % 3 === 0
        ? many.map((content, i) => added(`${n}-${i}`, own[i]!, content))
        : [n % 5 === 1 ? removed(`${n}`, path) : added(`${n}`, path, `content ${n}`)];
    const folded = await run.add([batch(events, { seq: n, time: T0 + 1000 * n })]);
    for (const [bin, version] of folded.view.versions) {
      files.push([bin, version, run.partition.bodies.get(bin).view().toString('latin1')]);
    }
  }
  return { run, files };
}

test('every version regenerates as it was when it was current', async () => {
  const { run, files } = await history(40);
  await run.reopen();
  for (const [bin, version, file] of files) {
    expect(run.partition.bodies.file(bin, version)?.toString('latin1')).toBe(file);
  }
  expect(run.partition.bodies.file(0, 2)).toBeUndefined();
  expect(run.partition.bodies.file(0, 0)).toBeUndefined();
  // Both ways of keeping a version were taken.
  const rows = await keysOf(run.db);
  expect(rows.filter((key) => key[0] === ROW.body).length).toBeGreaterThan(5);
  expect(rows.filter((key) => key[0] === ROW.delta).length).toBe(files.length);
});

test('what is served is not what later changes are spliced into', async () => {
  const { run } = await history(3, 1 << 20);
  const bin = binOf(a, 4);
  const version = run.partition.heads.version(bin);
  const served = run.partition.bodies.file(bin, version)!;
  const before = Buffer.from(served);
  await run.add([batch([added('later', a, 'later')], { seq: 99, time: T0 + 9000 })]);
  expect(served).toEqual(before);
  served.fill(0);
  expect(run.partition.bodies.file(bin, version)).toEqual(before);
});

describe('a flipped bit in any row', () => {
  test('is never served and never folded: an error or the same bytes', async () => {
    const { run, files } = await history(12);
    const { genesis, genesisBytes } = run.ledger;
    const keys = await keysOf(run.db);
    const next = run.cut();
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), async (which, where) => {
        const key = keys[which % keys.length]!;
        const stored = run.db.getSync(key)!;
        const good = Buffer.from(stored);
        const bit = where % (stored.length * 8);
        const bad = Buffer.from(good);
        bad[bit >> 3]! ^= 1 << (bit & 7);
        await run.db.put(key, bad);
        let refused = 0;
        const options = { genesis, genesisBytes, partition: 0, db: run.db, memoryBudgetBytes: 0 };
        const opened = await openPartition(options).catch((error: unknown) => {
          expect(error).toBeInstanceOf(BrokenInvariant);
          refused++;
        });
        const partition = opened ?? run.partition;
        for (const [bin, version, file] of files) {
          try {
            const served = partition.bodies.file(bin, version);
            expect(served?.toString('latin1')).toBe(file);
          } catch (error) {
            if (!(error instanceof BrokenInvariant)) throw error;
            refused++;
          }
        }
        // Markers and chunks of the past that nothing asks for may stay damaged unnoticed.
        if ([ROW.body, ROW.delta].some((kind) => kind === key[0]))
          expect(refused).toBeGreaterThan(0);
        await run.db.put(key, good);
      }),
      { numRuns: 150 },
    );
    expect((await run.take(next)).n).toBe(13);
  }, 60_000);
});

describe('rows that somebody wrote anew, with checksums that hold', () => {
  const tampered = async (change: (rows: Rows, head: { bin: number; version: number }) => void) => {
    const { run } = await history(6);
    const bin = binOf(a, 4);
    const version = run.partition.heads.version(bin);
    const rows = new Rows(run.db, 'tampered');
    change(rows, { bin, version });
    await rows.flush();
    return { run, bin, version };
  };
  const deltaOf = (rows: Rows, bin: number, version: number) =>
    decodeDelta(rows.get(rowKey(ROW.delta, bin, version))!);

  test('another digest in the newest version does not give the root that was signed', async () => {
    const { run } = await tampered((rows, { bin, version }) => {
      const delta = { ...deltaOf(rows, bin, version), sha256: 'a'.repeat(64) };
      rows.put(rowKey(ROW.delta, bin, version), encodeDelta(delta));
    });
    expect(await codeOfAsync(run.reopen())).toBe('BrokenInvariant state.root');
  });

  test('other operations do not give the file that was signed', async () => {
    const { run, bin, version } = await tampered((rows, head) => {
      const delta = deltaOf(rows, head.bin, head.version);
      const ops = Buffer.concat([delta.ops, packOps([['zz', '{"length":1}']])]);
      rows.put(
        rowKey(ROW.delta, head.bin, head.version),
        encodeDelta({ ...delta, ops, hasBody: false }),
      );
    });
    await run.reopen();
    const { bodies } = run.partition;
    expect(codeOf(() => bodies.file(bin, version))).toBe('BrokenInvariant state.body');
    expect(codeOf(() => bodies.get(bin))).toBe('BrokenInvariant state.body');
    run.events.push(batch([added('9', a, 'nine')], { seq: 99, time: T0 + 9000 }));
    expect(await codeOfAsync(run.fold(run.cut()))).toBe('BrokenInvariant state.body');
  });

  test('versions that follow themselves do not keep a reader busy for ever', async () => {
    const { run, bin, version } = await tampered((rows, head) => {
      const delta = deltaOf(rows, head.bin, head.version);
      const looped = { ...delta, before: head.version, hasBody: false };
      rows.put(rowKey(ROW.delta, head.bin, head.version), encodeDelta(looped));
    });
    await run.reopen();
    expect(codeOf(() => run.partition.bodies.file(bin, version))).toBe(
      'BrokenInvariant state.delta',
    );
  });

  test.each([
    ['a delta', ROW.delta, 'BrokenInvariant state.missing'],
    ['a window chunk', ROW.window, 'BrokenInvariant state.missing'],
  ])('without %s the state does not open', async (_, kind, code) => {
    const { run } = await history(4);
    const keys = (await keysOf(run.db)).filter((key) => key[0] === kind);
    const newest = kind === ROW.window ? keys[0]! : keys.at(-1)!;
    await run.db.del(newest);
    expect(await codeOfAsync(run.reopen())).toBe(code);
  });

  test('without a chunk between others neither', async () => {
    const { run } = await history(4);
    const keys = (await keysOf(run.db)).filter((key) => key[0] === ROW.window);
    await run.db.del(keys[1]!);
    expect(await codeOfAsync(run.reopen())).toBe('BrokenInvariant state.idempotency');
  });

  test.each<[string, (row: Buffer) => void]>([
    ['another entry', (row) => row.writeUInt8(row.at(-20)! ^ 1, row.length - 20)],
    ['another time', (row) => row.writeDoubleBE(row.readDoubleBE(0) + 1, 0)],
    ['another chain before it', (row) => row.writeUInt8(row[8]! ^ 1, 8)],
  ])('a window chunk with %s is not what was signed', async (_, change) => {
    const { run } = await history(4);
    const keys = (await keysOf(run.db)).filter((key) => key[0] === ROW.window);
    expect(keys.length).toBeGreaterThan(2);
    const rows = new Rows(run.db, 'tampered');
    for (const key of keys) {
      const good = rows.get(key)!;
      const bad = Buffer.from(good);
      change(bad);
      rows.put(key, bad);
      await rows.flush();
      expect(await codeOfAsync(run.reopen())).toBe('BrokenInvariant state.idempotency');
      rows.put(key, good);
      await rows.flush();
      await run.reopen();
    }
  });

  test('without its last chunk neither', async () => {
    const { run } = await history(4);
    const keys = (await keysOf(run.db)).filter((key) => key[0] === ROW.window);
    await run.db.del(keys.at(-1)!);
    expect(await codeOfAsync(run.reopen())).toBe('BrokenInvariant state.idempotency');
  });

  test('without a body neither its version nor those behind it are served', async () => {
    const { run, files } = await history(12);
    const keys = (await keysOf(run.db)).filter((key) => key[0] === ROW.body);
    const [key] = keys;
    await run.db.del(key!);
    await run.reopen();
    const bin = key!.readUInt32BE(7);
    const version = key!.readUIntBE(1, 6);
    expect(files.some(([other, at]) => other === bin && at === version)).toBe(true);
    expect(codeOf(() => run.partition.bodies.file(bin, version))).toBe(
      'BrokenInvariant state.missing',
    );
  });
});

test('opening after many cuts starts from an image of the heads', async () => {
  const run = await PartitionRun.open(TestLedger.ready({ policy: { conflict: 'replace' } }));
  for (let n = 1; n <= 258; n++) {
    const events =
      n % 16 === 0 ? [batch([added(`${n}`, a, `c${n}`)], { seq: n, time: T0 + n })] : [];
    await run.add(events, { time: T0 + n });
  }
  const files = run.files();
  // Markers up to the image are not needed any more.
  for (let n = 1; n <= 256; n++) await run.db.del(rowKey(ROW.marker, 0, n));
  await run.reopen();
  expect(run.partition.n).toBe(258);
  expect(run.files()).toEqual(files);
});

async function keysOf(db: StateDb): Promise<Buffer[]> {
  const keys: Buffer[] = [];
  for await (const key of db.keys()) keys.push(key);
  return keys;
}
