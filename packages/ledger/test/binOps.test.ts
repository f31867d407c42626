/** Operations pending in a cut: the last one of a path counts, whatever shares words of its hash. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { packOps, PendingOps, unpackOps, type BinOp } from '../src/binOps.ts';

/** Paths of which many share the words that the table looks at, or the bin. */
const path = fc.constantFrom('a', 'a/b', 'aa', 'a-1', 'b', 'b'.repeat(512), '~', '0', 'a/b/c', '!');
const value = fc.option(
  fc.oneof(
    fc.constantFrom('{}', '{"length":1}'),
    fc.nat(70).map((n) => 'x'.repeat(1 + n * n)),
  ),
  { nil: null },
);

test('is what a map of maps would hold, sorted', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(path, value), { maxLength: 40 }), fc.nat(3), (ops, bins) => {
      const pending = new PendingOps();
      const model = new Map<number, Map<string, string | null>>();
      for (const [path, value] of ops) {
        // A path is in one bin; hashes that end alike are as good as equal ones to the table.
        const bin = path.length % (bins + 1);
        const pathHash = `${'0'.repeat(48)}0000000${path.length % 2}00000001`;
        const sought = pending.seek(path, pathHash);
        const earlier = sought.ordinal;
        const held = model.get(bin)?.get(path);
        expect(earlier !== undefined).toBe(held !== undefined);
        if (earlier !== undefined) expect(pending.value(earlier)).toBe(held ?? undefined);
        pending.set(bin, sought, value);
        if (!model.has(bin)) model.set(bin, new Map());
        model.get(bin)!.set(path, value);
      }
      expect(pending.dirty()).toEqual(
        [...model]
          .toSorted(([a], [b]) => a - b)
          .map(([bin, ops]) => ({ bin, ops: packOps([...ops].toSorted(byPath)) })),
      );
    }),
    { numRuns: 300 },
  );
});

test('what is packed comes out as it was', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(path, value)), (ops) => {
      expect(unpackOps(packOps(ops))).toEqual(ops);
    }),
  );
});

test('finds each of a hundred thousand, in whatever block it stands', () => {
  const pending = new PendingOps();
  const COUNT = 100_000;
  const targetOf = (i: number) => {
    const path = `pool/${i}`;
    const pathHash = Math.imul(i, 0x9e3779b1) >>> 0;
    return { path, pathHash: pathHash.toString(16).padStart(8, '0').padStart(64, '0') };
  };
  for (let i = 0; i < COUNT; i++) {
    const { path, pathHash } = targetOf(i);
    pending.set(i % 7, pending.seek(path, pathHash), `{"length":${i}}`);
  }
  for (let i = 0; i < COUNT; i += 3) {
    const { path, pathHash } = targetOf(i);
    expect(pending.seek(path, pathHash).ordinal).toBe(i);
    expect(pending.value(i)).toBe(`{"length":${i}}`);
    expect(pending.seek(`${path}0`, pathHash).ordinal).toBeUndefined();
  }
  expect(pending.dirty().map(({ bin }) => bin)).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

function byPath(a: BinOp, b: BinOp): number {
  return a[0] < b[0] ? -1 : 1;
}
