/** How cuts are settled in the control log: sealed by a publisher, or void by the operators, in order. */
import { recordHash, signRecord, type SealedSigned, type VoidSigned } from '@tidemark/event';
import { describe, expect, test } from 'vitest';
import { expectIgnored } from './controlIgnored.ts';
import { DAY, T0 } from './support.ts';
import { keyOf, LEDGER, OPERATORS, TestLedger } from './testLedger.ts';

describe('sealed', () => {
  test('settles cuts in order', () => {
    const ledger = TestLedger.ready();
    ledger.cutAlone();
    ledger.cutAlone();
    const { fold } = ledger;
    expectIgnored(ledger, signRecord(ledger.sealed(2), [keyOf('publisher')]), 'sealed.order');
    expect(ledger.seal(1)?.type).toBe('sealed');
    expect(fold.settled).toBe(1);
    expect(ledger.seal(2)?.type).toBe('sealed');
    expect(fold.settled).toBe(2);
    expectIgnored(ledger, signRecord(ledger.sealed(3), [keyOf('publisher')]), 'sealed.order');
  });

  test('another one for a settled number is passed on: the first need not be the valid one', () => {
    const ledger = TestLedger.ready();
    ledger.cut();
    ledger.seal(1);
    expect(ledger.seal(1)).toMatchObject({ type: 'sealed', sealed: { n: 1 } });
    expect(ledger.fold.settled).toBe(1);
  });

  test.each([
    ['unsigned', () => []],
    ["by another service's key", () => [keyOf('sealer')]],
    ['by operators', () => OPERATORS],
  ])('%s is ignored', (_, signers) => {
    const ledger = TestLedger.ready();
    ledger.cutAlone();
    expectIgnored(ledger, signRecord(ledger.sealed(1), signers()), 'sealed.signature');
  });

  test.each<[string, (sealed: SealedSigned, ledger: TestLedger) => SealedSigned]>([
    ['signed by another key', (_, ledger) => ledger.sealed(2, undefined, keyOf('snapshot'))],
    ['of another number', (sealed) => changed(sealed, { n: 1 })],
    ['of another time', (sealed) => changed(sealed, { time: sealed.leaf.time + 1 })],
    ['of another root', (sealed) => changed(sealed, { root: 2 })],
    ['of another map', (sealed) => changed(sealed, { merkle_root: 'b'.repeat(64) })],
    ['of another file', (sealed) => changed(sealed, { timestamp: 'b'.repeat(64) })],
    [
      'of other control records',
      (sealed) => changed(sealed, { control: { ...sealed.leaf.control, size: 1 } }),
    ],
    [
      'of one partition too few',
      (sealed) => changed(sealed, { partitions: sealed.leaf.partitions.slice(1) }),
    ],
    [
      'of other events',
      (sealed) => {
        const [first, ...rest] = sealed.leaf.partitions;
        const other = { ...first!, events: { ...first!.events, size: 9 } };
        return changed(sealed, { partitions: [other, ...rest] });
      },
    ],
  ])('with a timestamp %s settles nothing, and the cut can be void', (_, forge) => {
    const ledger = TestLedger.ready();
    ledger.cut({ vector: [1, 1] });
    const { hash } = ledger.cut({ vector: [2, 2] });
    const forged = forge(ledger.sealed(2), ledger);
    expectIgnored(ledger, signRecord(forged, [keyOf('publisher')]), 'sealed.timestamp');
    expect(ledger.void(2)?.type).toBe('void');
    expectIgnored(ledger, signRecord(ledger.sealed(2, hash), [keyOf('publisher')]), 'sealed.void');
    expect(ledger.cut({ vector: [2, 2] }).n).toBe(3);
    expect(ledger.seal(3)?.type).toBe('sealed');
  });

  function changed(sealed: SealedSigned, leaf: Partial<SealedSigned['leaf']>): SealedSigned {
    return { ...sealed, leaf: { ...sealed.leaf, ...leaf } };
  }

  test('for another cut or another ledger is ignored', () => {
    const ledger = TestLedger.ready();
    ledger.cutAlone();
    const by = [keyOf('publisher')];
    expectIgnored(ledger, signRecord(ledger.sealed(1, 'a'.repeat(64)), by), 'sealed.order');
    const foreign = { ...ledger.sealed(1), ledger: 'f'.repeat(32) };
    expectIgnored(ledger, signRecord(foreign, by), 'sealed.signature');
  });
});

describe('void', () => {
  const poisoned = (): TestLedger => {
    const ledger = TestLedger.ready();
    ledger.cut({ vector: [1, 1] });
    ledger.cut({ vector: [500, 1], time: T0 + DAY });
    return ledger;
  };

  test('spends the number; what the cut covered, and its time, are for the next one', () => {
    const ledger = poisoned();
    const before = { ...ledger.fold.last };
    expect(before.n).toBe(2);
    const change = ledger.void(2);
    expect(change).toEqual({ type: 'void', n: 2, hash: recordHash(ledger.records.at(-1)!) });
    const { last } = ledger.fold;
    expect(last).toMatchObject({ n: 2, time: T0 + 1000, vector: [1, 1] });
    expect(last.hash).toBe((change as { hash: string }).hash);
    expect(ledger.fold.settled).toBe(2);
    expect(ledger.cut({ vector: [2, 2] })).toMatchObject({ n: 3, time: T0 + 2000 });
  });

  test('takes the cut behind it along', () => {
    const ledger = poisoned();
    const third = ledger.cutAlone({ vector: [501, 1] });
    expect(third.n).toBe(3);
    ledger.void(2);
    expect(ledger.fold.last).toMatchObject({ n: 2, vector: [1, 1] });
    // The old cut 3 chained to the cut that is spent.
    expectIgnored(ledger, ledger.records.at(-2)!, 'cut.chain');
    expect(ledger.cut({ vector: [3, 3] }).n).toBe(3);
    expectIgnored(
      ledger,
      signRecord(ledger.sealed(3, third.hash), [keyOf('publisher')]),
      'sealed.order',
    );
    expect(ledger.seal(3)).toMatchObject({ type: 'sealed', sealed: { n: 3 } });
  });

  test('the second of two in flight cannot be void before the first', () => {
    const ledger = poisoned();
    const third = ledger.cutAlone();
    expectIgnored(ledger, voidRecord(3, third.hash, OPERATORS), 'void.order');
    ledger.seal(2);
    expect(ledger.void(3)?.type).toBe('void');
    expect(ledger.fold.last).toMatchObject({ n: 3, vector: [500, 1] });
  });

  test('needs the threshold of operators, the right cut and ledger', () => {
    const ledger = poisoned();
    const { hash } = ledger.fold.last;
    const [one] = OPERATORS;
    expectIgnored(ledger, voidRecord(2, hash, [one!]), 'void.signature');
    expectIgnored(ledger, voidRecord(2, hash, [one!, keyOf('sealer')]), 'void.signature');
    expectIgnored(ledger, voidRecord(2, hash, OPERATORS, 'f'.repeat(32)), 'void.signature');
    expectIgnored(ledger, voidRecord(2, 'a'.repeat(64), OPERATORS), 'void.order');
    expectIgnored(ledger, voidRecord(1, hash, OPERATORS), 'void.order');
    expect(ledger.append(voidRecord(2, hash, OPERATORS))?.type).toBe('void');
    expectIgnored(ledger, voidRecord(2, hash, OPERATORS), 'void.order');
  });

  test('a sealed cut cannot be void any more, a void one not be sealed', () => {
    const ledger = poisoned();
    const { hash } = ledger.fold.last;
    ledger.void(2);
    const sealed = signRecord(ledger.sealed(2, hash), [keyOf('publisher')]);
    expectIgnored(ledger, sealed, 'sealed.void');
    const third = ledger.cut({ vector: [1, 1] });
    ledger.seal(3);
    expectIgnored(ledger, voidRecord(3, third.hash, OPERATORS), 'void.order');
  });

  test('the cut in its place sees what was in force where it ends, not what the void one saw', () => {
    const ledger = TestLedger.ready();
    ledger.cut();
    const { control } = ledger.fold.last;
    ledger.policy(1, { window_s: 7 });
    ledger.policy(2, { window_s: 8 });
    const spent = ledger.cut();
    expect(spent.view.policy.window_s).toBe(8);
    ledger.void(2);
    expect(ledger.cut({ control }).view.policy.window_s).toBe(86_400);
    expect(ledger.cut({ control: control + 2 }).view.policy.window_s).toBe(7);
  });

  function voidRecord(n: number, cut: string, by: typeof OPERATORS, ledger = LEDGER): Uint8Array {
    const signed: VoidSigned = { type: 'void', v: 1, ledger, n, cut };
    return signRecord(signed, by);
  }
});
