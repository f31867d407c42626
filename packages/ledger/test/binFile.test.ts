/** A bin's bytes: spliced, they are what the canonical encoder makes of the same targets. */
import { canonicalText, fromUtf8, type Json, type JsonObject } from '@tidemark/canonical';
import { formatExpires, signMetadata, targetsSigned, type TargetInput } from '@tidemark/tuf';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BinFile, BinScratch, packOps, parseValue, targetValue, type BinOp } from '../src/index.ts';
import { codeOf, hex, T0 } from './support.ts';
import { binSigner } from './testLedger.ts';

const { signer, keyid } = binSigner();

/** Paths that are prefixes of one another and meet every character around the separators. */
const PATHS = (
  'a a/b a! a~ a+ a-1 a.b a0 aa A ! ~x + 0 1 10 a/b/c a/b.whl a/b~1 a/b+cp version targets ' +
  `__proto__ ${'z/'.repeat(15)}z`
).split(' ');

const text = fc.string({
  unit: fc.constantFrom('a', '"', '\\', '{', '}', '[', ']', ',', ':', ' ', '~', '},"version":9}}'),
  maxLength: 12,
});
const { custom } = fc.letrec<{ value: Json; custom: JsonObject }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    text,
    fc.integer(),
    fc.boolean(),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('custom'),
  ),
  custom: fc.dictionary(text, tie('value'), { minKeys: 1, maxKeys: 3 }),
}));

const target: fc.Arbitrary<TargetInput> = fc.record(
  {
    length: fc.integer({ min: 0, max: 2 ** 53 - 1 }),
    sha256: fc.stringMatching(/^[0-9a-f]{64}$/),
    custom,
  },
  { requiredKeys: ['length', 'sha256'] },
);

const change = fc.tuple(fc.constantFrom(...PATHS), fc.option(target, { nil: null, freq: 3 }));
/** Changes of one version each: every path once, sorted. */
const versions = fc.array(
  fc
    .uniqueArray(change, { selector: ([path]) => path, maxLength: PATHS.length })
    .map((ops) => ops.toSorted(([a], [b]) => (a < b ? -1 : 1))),
  { maxLength: 6 },
);

describe('a bin after any changes', () => {
  test('has the bytes of signMetadata, and survives being parsed', () => {
    fc.assert(
      fc.property(versions, fc.boolean(), (steps, reparse) => {
        const held = new Map<string, TargetInput>();
        const scratch = new BinScratch();
        let bin = BinFile.empty();
        steps.forEach((ops, i) => {
          bin.apply(packOps(ops.map(opOf)), scratch);
          for (const [path, value] of ops) {
            if (value === null) held.delete(path);
            else held.set(path, value);
          }
          expect(sealed(bin, i + 1)).toBe(expected(held, i + 1));
          expectTargets(bin, held);
          if (reparse) bin = BinFile.parse(Buffer.from(bin.view()));
          expectTargets(bin, held);
        });
      }),
      { numRuns: 300 },
    );
  });

  test('grows to a thousand targets and back to none', () => {
    const scratch = new BinScratch();
    const bin = BinFile.empty();
    const held = new Map<string, TargetInput>();
    const names = Array.from({ length: 1000 }, (_, i) => `pool/${(i * 7919) % 1000}/file-${i}`);
    for (let i = 0; i < names.length; i += 100) {
      const ops = names.slice(i, i + 100).toSorted();
      for (const path of ops) held.set(path, { length: i, sha256: '0'.repeat(64) });
      bin.apply(packOps(ops.map((path) => opOf([path, held.get(path)!]))), scratch);
      expect(sealed(bin, i + 1)).toBe(expected(held, i + 1));
    }
    expect(bin.count).toBe(1000);
    bin.apply(packOps(names.toSorted().map((path) => [path, null])), scratch);
    expect(sealed(bin, 2 ** 53 - 1)).toBe(expected(new Map(), 2 ** 53 - 1));
    expect(bin.count).toBe(0);
  });
});

test.each([
  ['first', '!', ['!', 'b', 'c']],
  ['last', '~x', ['b', 'c', '~x']],
  ['between', 'bb', ['b', 'bb', 'c']],
])('a target is put %s, replaced and taken away there', (_, path, order) => {
  const scratch = new BinScratch();
  const bin = BinFile.empty();
  const b = targetValue(1, 'b'.repeat(64), undefined);
  bin.apply(
    packOps([
      ['b', b],
      ['c', b],
    ]),
    scratch,
  );
  const before = sealed(bin, 1);
  bin.apply(packOps([[path, targetValue(2, 'a'.repeat(64), '{"x":"}"}')]]), scratch);
  expect([...bin.paths()]).toEqual(order);
  bin.apply(packOps([[path, targetValue(33_333, 'c'.repeat(64), undefined)]]), scratch);
  expect(parseValue(bin.get(path)!)).toEqual({
    length: 33_333,
    sha256: 'c'.repeat(64),
    custom: undefined,
  });
  bin.apply(packOps([[path, null]]), scratch);
  expect(sealed(bin, 1)).toBe(before);
});

test('removing what is not there changes nothing', () => {
  const bin = BinFile.empty();
  bin.apply(
    packOps([
      ['a', null],
      ['b', null],
    ]),
    new BinScratch(),
  );
  expect(sealed(bin, 1)).toBe(expected(new Map(), 1));
});

test('finds no path that differs in what is no ASCII, or in what is too long', () => {
  const bin = BinFile.empty();
  const longest = 'A'.repeat(512);
  const value = targetValue(1, 'b'.repeat(64), undefined);
  const ops: BinOp[] = [
    ['A', value],
    [longest, value],
  ];
  bin.apply(packOps(ops), new BinScratch());
  expect([bin.get('A'), bin.get(longest)]).toEqual([value, value]);
  // U+0141 ends in the byte of an A.
  for (const path of ['\u0141', `${longest}A`, `${longest}\u0141`, `${longest}\u{1f600}`, '']) {
    expect(bin.get(path)).toBeUndefined();
  }
});

test('reads the key id, and states its memory', () => {
  const bin = BinFile.empty();
  sealed(bin, 1);
  expect(bin.keyid).toBe(keyid);
  expect(bin.memoryBytes).toBeGreaterThanOrEqual(bin.length);
});

describe('bytes that no bin has are refused', () => {
  const bin = BinFile.empty();
  bin.apply(packOps([['a', targetValue(1, 'b'.repeat(64), '{"k":"v"}')]]), new BinScratch());
  const good = sealed(bin, 1);
  test.each([
    ['nothing', ''],
    ['no version', good.replace('"version"', '"Version"')],
    ['another type', good.replace('"targets","expires"', '"tirgets","expires"')],
    ['a target that does not close', good.replace('"length":1}', '"length":1')],
    ['a string that does not close', good.replace('"v"', '"v')],
  ])('%s', (_, bytes) => {
    expect(codeOf(() => BinFile.parse(Buffer.from(bytes, 'latin1')))).toBe(
      'BrokenInvariant bin.shape',
    );
  });
});

function opOf([path, value]: readonly [string, TargetInput | null]): BinOp {
  if (value === null) return [path, null];
  const { length, sha256, custom } = value;
  return [path, targetValue(length, sha256, custom && canonicalText(custom))];
}

/** The file's text after version, expiry and signature are put in. */
function sealed(bin: BinFile, version: number): string {
  const signature = signer.sign(bin.stamp(version, formatExpires(expiryOf(version))));
  bin.seal(keyid, hex(signature));
  expect(bin.view().length).toBe(bin.length);
  return fromUtf8(bin.view());
}

function expiryOf(version: number): number {
  return T0 + 1000 * (version % 1_000_000);
}

function expected(targets: ReadonlyMap<string, TargetInput>, version: number): string {
  const signed = targetsSigned({ version, expiresMs: expiryOf(version), targets });
  return fromUtf8(signMetadata(signed, [signer]));
}

function expectTargets(bin: BinFile, held: ReadonlyMap<string, TargetInput>): void {
  expect([...bin.paths()]).toEqual([...held.keys()].toSorted());
  for (const path of PATHS) {
    const value = held.get(path);
    const found = bin.get(path);
    if (value === undefined) expect(found).toBeUndefined();
    else expect(found).toBe(opOf([path, value])[1]);
  }
}
