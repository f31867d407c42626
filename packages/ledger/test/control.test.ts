/** The control log's fold: what is in force, which cuts count, and what nobody may do to either. */
import { utf8 } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import {
  encodeRecord,
  recordHash,
  signRecord,
  type CutSigned,
  type GenesisSigned,
} from '@tidemark/event';
import { describe, expect, test } from 'vitest';
import { ControlFold, CUT_RULES, type ControlChange } from '../src/index.ts';
import { expectIgnored, stateOf } from './controlIgnored.ts';
import { codeOf, DAY, T0 } from './support.ts';
import { keyOf, LEDGER, OPERATORS, policyFor, TestLedger } from './testLedger.ts';
import { batch, added } from './uploads.ts';

const SEALER = [keyOf('sealer')];

describe('an honest sequence', () => {
  test('documents, cuts, seals', () => {
    const ledger = TestLedger.ready();
    const { fold } = ledger;
    const { root, targets, bins } = fold.view.documents;
    expect([root, targets, bins].map((document) => document?.version)).toEqual([1, 1, 1]);
    expect(root?.sha256).toBe(ledger.genesis.root);
    expect(fold.next).toBe(4);
    expect(fold.last).toEqual({
      n: 0,
      hash: recordHash(ledger.genesisBytes),
      time: T0,
      vector: [0, 0],
      control: 0,
    });
    const first = ledger.append(signRecord(ledger.cutSigned({ vector: [1, 1] }), SEALER));
    expect(first).toMatchObject({
      type: 'cut',
      cut: { n: 1, time: T0 + 1000, vector: [1, 1], control: 4, hash: fold.last.hash },
    });
    const sealed = ledger.append(
      signRecord(ledger.sealed(1, fold.last.hash), [keyOf('publisher')]),
    );
    expect(sealed).toMatchObject({ type: 'sealed', offset: 5, sealed: { n: 1 } });
    expect(fold.settled).toBe(1);
    expect(fold.last).toMatchObject({ n: 1, vector: [1, 1] });
    expect([...fold.ignored]).toEqual([]);
  });

  test('is the same to everybody who reads it', () => {
    const ledger = TestLedger.ready();
    for (let n = 1; n <= 5; n++) ledger.cut({ vector: [n, n] });
    ledger.policy(1, { conflict: 'replace' });
    ledger.cut();
    const again = ledger.refold();
    expect(stateOf(again)).toEqual(stateOf(ledger.fold));
    expect(again.next).toBe(ledger.records.length);
  });
});

describe('the log begins with genesis', () => {
  test.each([
    ['another genesis', (genesis: GenesisSigned) => encodeRecord({ ...genesis, name: 'other' })],
    ['no record', () => utf8('{}')],
  ])('%s is another ledger', (_, first) => {
    const { genesis, genesisBytes } = new TestLedger();
    const fold = new ControlFold(genesis, recordHash(genesisBytes));
    expect(codeOf(() => fold.apply(first(genesis)))).toBe('BrokenInvariant log.foreign');
  });

  test('rules from the future halt', () => {
    const { genesis } = new TestLedger();
    const run = () => new ControlFold({ ...genesis, rules: 2 }, '');
    expect(codeOf(run)).toBe('BrokenInvariant control.rules');
  });
});

describe('a cut that breaks one rule', () => {
  /** Ready for cut 3, cut 2 unsealed where a rule needs it; the record breaks just one rule. */
  type Break = (ledger: TestLedger) => Uint8Array;
  const signed = (change: (ledger: TestLedger) => Partial<CutSigned>): Break => {
    return (ledger) => signRecord(ledger.cutSigned(change(ledger)), SEALER);
  };
  const BREAKS: readonly (readonly [rule: string, what: string, make: Break])[] = [
    ['signature', 'unsigned', (ledger) => encodeRecord(ledger.cutSigned(), [])],
    ['signature', "another service's key", (l) => signRecord(l.cutSigned(), [keyOf('publisher')])],
    ['signature', 'operators', (ledger) => signRecord(ledger.cutSigned(), OPERATORS)],
    ['signature', 'another ledger', signed(() => ({ ledger: 'f'.repeat(32) }))],
    ['number', 'one too many', signed(({ fold }) => ({ n: fold.last.n + 2 }))],
    ['number', 'once more', signed(({ fold }) => ({ n: fold.last.n }))],
    ['chain', 'another hash', signed(() => ({ previous: 'a'.repeat(64) }))],
    ['partitions', 'one too few', signed(() => ({ vector: [9] }))],
    ['partitions', 'one too many', signed(() => ({ vector: [9, 9, 0] }))],
    ['vector', 'one goes back', signed(() => ({ vector: [100, 8] }))],
    ['advance', 'one too far', signed(() => ({ vector: [9, 9 + 1001] }))],
    ['control', 'goes back', signed(({ fold }) => ({ control: fold.last.control - 1 }))],
    ['control', 'covers itself', signed(({ fold }) => ({ control: fold.next + 1 }))],
    ['time', 'goes back', signed(({ fold }) => ({ time: fold.last.time - 1 }))],
    ['time_step', 'too far', signed(({ fold }) => ({ time: fold.last.time + 60_001 }))],
  ];
  const options = { policy: { advance_max: 1000, step_max_ms: 60_000 } };
  const ready = (rules = CUT_RULES): TestLedger => {
    const ledger = TestLedger.ready({ ...options, rules });
    ledger.cut({ vector: [5, 5] });
    ledger.cut({ vector: [9, 9] });
    ledger.seal(2);
    return ledger;
  };

  test.each(BREAKS)('%s: %s', (rule, _, make) => {
    const ledger = ready();
    expectIgnored(ledger, make(ledger), `cut.${rule}`);
    // The honest one still goes through afterwards.
    expect(ledger.cut({ vector: [10, 10] }).n).toBe(3);

    const lax = ready(CUT_RULES.filter(({ name }) => name !== rule));
    expect(lax.append(make(lax))?.type).toBe('cut');
  });

  test('in_flight: a third one while two are unsealed', () => {
    const run = (rules = CUT_RULES): TestLedger => {
      const ledger = TestLedger.ready({ ...options, rules });
      ledger.cutAlone();
      ledger.cutAlone();
      return ledger;
    };
    const ledger = run();
    const third = signRecord(ledger.cutSigned(), SEALER);
    expectIgnored(ledger, third, 'cut.in_flight');
    ledger.seal(1);
    expect(ledger.append(third)?.type).toBe('cut');

    const lax = run(CUT_RULES.filter(({ name }) => name !== 'in_flight'));
    expect(lax.append(signRecord(lax.cutSigned(), SEALER))?.type).toBe('cut');
  });

  test.each(['root', 'targets', 'bins'])('documents: %s is not covered', (missing) => {
    const run = (rules = CUT_RULES): [TestLedger, Uint8Array] => {
      const ledger = new TestLedger({ ...options, rules });
      let control = 0;
      for (const role of ['root', 'targets', 'bins'] as const) {
        if (role === missing) control = ledger.fold.next;
        ledger.document(role, ledger[role]());
      }
      return [ledger, signRecord(ledger.cutSigned({ control }), SEALER)];
    };
    const [ledger, record] = run();
    expectIgnored(ledger, record, 'cut.documents');
    expect(ledger.cut().n).toBe(1);
    const [lax, again] = run(CUT_RULES.filter(({ name }) => name !== 'documents'));
    expect(lax.append(again)?.type).toBe('cut');
  });

  test('every rule of the table is shown broken above', () => {
    const shown = new Set([...BREAKS.map(([rule]) => rule), 'in_flight', 'documents']);
    expect(CUT_RULES.map(({ name }) => name).filter((name) => !shown.has(name))).toEqual([]);
  });

  test('at the limits a cut is valid', () => {
    const ledger = ready();
    const { time, control } = ledger.fold.last;
    const cut = ledger.cut({ time: time + 60_000, vector: [1009, 9], control });
    expect(cut).toMatchObject({ n: 3, vector: [1009, 9], control });
    expect(ledger.cut({ time: cut.time, vector: cut.vector, control: ledger.fold.next }).n).toBe(4);
  });
});

describe('the first valid cut wins', () => {
  test('a second one for its number is ignored', () => {
    const ledger = TestLedger.ready();
    const mine = ledger.cutSigned({ vector: [1, 1] });
    const theirs = ledger.cutSigned({ vector: [2, 2] });
    expect(ledger.append(signRecord(mine, SEALER))?.type).toBe('cut');
    expectIgnored(ledger, signRecord(theirs, SEALER), 'cut.number');
    expectIgnored(ledger, signRecord(mine, SEALER), 'cut.number');
    expect(ledger.fold.last.vector).toEqual([1, 1]);
  });

  test('invalid ones before it do not spend the number', () => {
    const ledger = TestLedger.ready();
    expectIgnored(ledger, signRecord(ledger.cutSigned({ time: T0 - 1 }), SEALER), 'cut.time');
    expect(ledger.cut({ vector: [2, 2] }).vector).toEqual([2, 2]);
  });
});

describe('policy and services', () => {
  test('change what is in force, by threshold and in order', () => {
    const ledger = TestLedger.ready();
    expect(ledger.fold.view).toMatchObject({ policyVersion: 0, servicesVersion: 0 });
    const control = ledger.fold.next;
    expect(ledger.fold.changedSince(control)).toBe(false);
    expect(ledger.policy(1, { conflict: 'replace' })?.type).toBe('view');
    expect(ledger.fold.changedSince(control)).toBe(true);
    expect(ledger.fold.view).toMatchObject({ policyVersion: 1, policy: { conflict: 'replace' } });
    expect(ledger.services(1, { sealer: [keyOf('sealer 2').publicKey] })?.type).toBe('view');
    expect(ledger.fold.view.servicesVersion).toBe(1);
    expectIgnored(ledger, signRecord(ledger.cutSigned(), SEALER), 'cut.signature');
    expect(ledger.append(signRecord(ledger.cutSigned(), [keyOf('sealer 2')]))?.type).toBe('cut');
  });

  test('an old policy cannot be replayed, none skipped', () => {
    const ledger = TestLedger.ready();
    ledger.policy(1, { conflict: 'replace' });
    const first = ledger.records.at(-1)!;
    ledger.policy(2, { conflict: 'reject' });
    expectIgnored(ledger, first, 'policy.version');
    expect(ledger.fold.view.policy.conflict).toBe('reject');
    expectIgnored(ledger, policyRecord(4, OPERATORS), 'policy.version');
    ledger.services(1, {});
    expectIgnored(ledger, ledger.records.at(-1)!, 'services.version');
  });

  test('too few operators, or others, change nothing', () => {
    const ledger = TestLedger.ready();
    const [one] = OPERATORS;
    expectIgnored(ledger, policyRecord(1, [one!]), 'policy.signature');
    expectIgnored(ledger, policyRecord(1, [keyOf('sealer'), keyOf('shard')]), 'policy.signature');
    expectIgnored(ledger, policyRecord(1, OPERATORS, 'f'.repeat(32)), 'policy.signature');
    const { services } = ledger.genesis;
    const record = { type: 'services', v: 1, ledger: LEDGER, version: 1, services } as const;
    expectIgnored(ledger, signRecord(record, [one!]), 'services.signature');
  });

  test('one operator signing twice is one operator', () => {
    const ledger = TestLedger.ready();
    const signed = Buffer.from(policyRecord(1, [OPERATORS[0]!])).toString('latin1');
    const entry = /\[(\{"keyid".*?\})\]/.exec(signed)![1]!;
    const twice = utf8(signed.replace(`[${entry}]`, `[${entry},${entry}]`));
    expectIgnored(ledger, twice, 'policy.signature');
  });

  test('rules that this build lacks halt it; unsigned, they are ignored', () => {
    const ledger = TestLedger.ready();
    expectIgnored(ledger, policyRecord(1, [], LEDGER, 2), 'policy.signature');
    const raise = policyRecord(1, OPERATORS, LEDGER, 2);
    expect(codeOf(() => ledger.fold.apply(raise))).toBe('BrokenInvariant control.rules');
  });

  function policyRecord(
    version: number,
    by: typeof OPERATORS,
    ledger = LEDGER,
    rules = 1,
  ): Uint8Array {
    const policy = policyFor({ window_s: 1 });
    return signRecord({ type: 'policy', v: 1, ledger, version, rules, policy }, by);
  }
});

describe('a cut sees what is in force at the control offset it covers', () => {
  test('not what came since', () => {
    const ledger = TestLedger.ready();
    const before = ledger.fold.next;
    ledger.policy(1, { step_max_ms: 5000, window_s: 1 });
    ledger.services(1, { intake: [keyOf('intake 2').publicKey] });
    const old = ledger.cut({ control: before, time: T0 + DAY });
    expect(old.view).toMatchObject({ policyVersion: 0, policy: { window_s: 86_400 } });
    expect([...old.view.keys.intake.values()]).toEqual([keyOf('intake').publicKey]);
    // Covering the policy's record, a cut is bound by it.
    const late = ledger.cutSigned({ time: T0 + 2 * DAY });
    expectIgnored(ledger, signRecord(late, SEALER), 'cut.time_step');
    const next = ledger.cut({ control: before + 1 });
    expect(next.view).toMatchObject({ policyVersion: 1, servicesVersion: 0 });
    expect(ledger.cut().view).toMatchObject({ policyVersion: 1, servicesVersion: 1 });
  });

  test('but its sealer is one who is listed when it stands in the log', () => {
    const ledger = TestLedger.ready();
    const control = ledger.fold.next;
    ledger.services(1, { sealer: [keyOf('sealer 2').publicKey] });
    expectIgnored(ledger, signRecord(ledger.cutSigned({ control }), SEALER), 'cut.signature');
    const record = signRecord(ledger.cutSigned({ control }), [keyOf('sealer 2')]);
    expect(ledger.append(record)?.type).toBe('cut');
  });
});

describe('whatever else stands in the log', () => {
  test('is counted by its code and changes nothing', () => {
    const ledger = TestLedger.ready();
    expectIgnored(ledger, utf8('junk'), 'record.syntax');
    expectIgnored(ledger, Uint8Array.of(0xff, 0xfe), 'record.syntax');
    expectIgnored(ledger, utf8('{"signatures":[],"signed":{}} '), 'record.type');
    expectIgnored(
      ledger,
      utf8('{"signatures":[],"signed":{"type":"tomorrow","v":1}}'),
      'record.type',
    );
    expectIgnored(ledger, new Uint8Array(65_536), 'record.too_large');
    expectIgnored(ledger, ledger.genesisBytes, 'control.type');
    const upload = batch([added('1', 'p', 'x')], { seq: 0, time: T0 });
    expectIgnored(ledger, upload, 'control.type');
    expectIgnored(
      ledger,
      encodeRecord({ type: 'role', v: 1, role: 'bin-a', document: '{}' }),
      'document.role',
    );
    const part = {
      type: 'part',
      v: 1,
      kind: 'root',
      sha256: sha256HexNative('x'),
      i: 0,
      k: 1,
    } as const;
    expectIgnored(ledger, encodeRecord({ ...part, data: 'y' }), 'part.sha256');
    const changes: (ControlChange | undefined)[] = [ledger.cut(), ledger.seal(1)].map(
      (made) => made as ControlChange,
    );
    expect(changes).toHaveLength(2);
  });
});
