/** Every record there can be, as far as its schema goes. */

import * as fc from 'fast-check';
import type { JsonObject } from '@tidemark/canonical';
import { policyOf } from '../src/index.ts';
import type {
  BatchHeader,
  BatchSigned,
  Event,
  Outcome,
  Policy,
  RoleLeaf,
  Services,
  Signed,
} from '../src/index.ts';

const HEX = '0123456789abcdef'.split('');
const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(...HEX), minLength: length, maxLength: length });
const sha256 = hex(64);
const count = fc.oneof(fc.nat(300), fc.maxSafeNat());
const positive = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 2 ** 53 - 1 }));
const ledger = hex(32);
const partition = fc.nat(127);
const v = fc.constant(1 as const);
const kind = <T extends string>(type: T) => fc.constant(type);

const chars = (set: string, max: number) =>
  fc.string({ unit: fc.constantFrom(...set.split('')), minLength: 1, maxLength: max });
const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const PATH = `${LOWER}ABCXYZ0123456789_+~!-`;

const segment = fc.tuple(
  chars(PATH, 2),
  fc.string({ unit: fc.constantFrom('.', ...PATH.split('')), maxLength: 12 }),
);
const path = fc
  .array(
    segment.map((parts) => parts.join('')),
    { minLength: 1, maxLength: 16 },
  )
  .map((segments) => segments.join('/'));

const printable = fc.string({ unit: 'grapheme-ascii', maxLength: 8 });
const name = printable.filter((text) => !/^[0-9]+$/.test(text) && text !== '__proto__');
const customValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'xsmall' },
    printable,
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(name, tie('value'), { maxKeys: 3 }),
  ),
})).value;
export const custom = fc.dictionary(name, customValue, {
  minKeys: 1,
  maxKeys: 3,
}) as fc.Arbitrary<JsonObject>;

const expected = fc.oneof(fc.constant('absent'), positive, sha256);
const common = {
  id: chars(`${LOWER}ABC0123456789._-`, 64),
  path,
};
export const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record(
    {
      ...common,
      type: kind('target.added'),
      length: count,
      hashes: fc.record({ sha256 }, { noNullPrototype: true }),
      custom,
      expected,
    },
    { requiredKeys: ['id', 'path', 'type', 'length', 'hashes'], noNullPrototype: true },
  ),
  fc.record(
    { ...common, type: kind('target.yanked'), custom, expected },
    { requiredKeys: ['id', 'path', 'type'], noNullPrototype: true },
  ),
  fc.record(
    { ...common, type: kind('target.removed'), expected },
    { requiredKeys: ['id', 'path', 'type'], noNullPrototype: true },
  ),
);

const subject = chars(`${LOWER}:/@#[]{}'0123456789`, 20);

export const batch: fc.Arbitrary<BatchSigned> = fc
  .record({
    type: kind('batch'),
    v,
    ledger,
    partition,
    intake: chars(`${LOWER}-0123456789`, 64),
    seq: count,
    time: count,
    subjects: fc.array(subject, { minLength: 1, maxLength: 3 }),
    events: fc.array(fc.tuple(event, fc.nat(2)), { minLength: 1, maxLength: 6 }),
  })
  .map((signed) => ({
    ...signed,
    events: signed.events.map(([item, by]) =>
      by > 0 && by < signed.subjects.length ? { ...item, by } : item,
    ),
  }));

export function headerOf({
  type: _type,
  v: _v,
  events: _events,
  ...header
}: BatchSigned): BatchHeader {
  return header;
}

export const policy: fc.Arbitrary<Policy> = fc
  .record({
    conflict: fc.constantFrom('reject' as const, 'replace' as const),
    classic_ms: fc.constantFrom(null, 0, 1000, 60_000),
    snapshot_hashes: fc.boolean(),
    advance_max: positive,
  })
  .map((given) => policyOf({ ...given, log_origin: 'tidemark.example/log' }));

const services: fc.Arbitrary<Services> = fc
  .uniqueArray(sha256, { minLength: 4, maxLength: 9 })
  .map(([intake = '', sealer = '', shard = '', ...publisher]) => ({
    intake: [intake],
    sealer: [sealer],
    shard: [shard],
    publisher,
  }));

const genesis = fc
  .record({
    type: kind('genesis'),
    v,
    ledger,
    name: chars(LOWER, 20),
    time: count,
    rules: fc.constant(1),
    bits: fc.integer({ min: 1, max: 20 }),
    delegation: fc.constantFrom('succinct' as const, 'prefixes' as const),
    prefix: fc.constant('bin'),
    policy,
    services,
    operators: fc
      .uniqueArray(sha256, { minLength: 1, maxLength: 4 })
      .map((keys) => ({ keys, threshold: keys.length })),
    root: sha256,
  })
  .map((signed) => ({
    ...signed,
    partitions: 2 ** Math.min(7, signed.bits),
    slot_bits: signed.bits + 4,
  }));

const tree = fc.record({ size: count, root: sha256 });
const signature = fc.record({ keyid: sha256, sig: hex(128) });
const leaf = fc.record({
  n: count,
  time: count,
  merkle_root: sha256,
  timestamp: sha256,
  snapshot: fc.record({ version: positive, length: positive, sha256 }),
  root: positive,
  partitions: fc.array(fc.record({ events: tree, leaves: tree, map: sha256 }), {
    minLength: 1,
    maxLength: 4,
  }),
  control: tree,
});
const document = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 });
const roleName = chars(`${LOWER}._-`, 20);

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.tuple(count, count, fc.constantFrom('conflict', 'stale', 'expected')),
  fc.tuple(count, count, kind('duplicate'), count, count),
);
const roleLeaf: fc.Arbitrary<RoleLeaf> = fc.tuple(
  roleName,
  positive,
  positive,
  sha256,
  fc.oneof(hex(128), fc.constant('')),
);

export const signed: fc.Arbitrary<Signed> = fc.oneof(
  batch,
  genesis,
  fc.record({
    type: kind('cut'),
    v,
    ledger,
    n: positive,
    previous: sha256,
    time: count,
    vector: fc.array(count, { minLength: 1, maxLength: 128 }),
    control: count,
  }),
  fc.record({ type: kind('void'), v, ledger, n: positive, cut: sha256 }),
  fc.record({
    type: kind('sealed'),
    v,
    ledger,
    n: positive,
    cut: sha256,
    leaf,
    signatures: fc.record({
      timestamp: signature,
      snapshot: fc.option(signature, { nil: null }),
      checkpoint: hex(128),
    }),
  }),
  fc.record({ type: kind('root'), v, document }),
  fc.record({ type: kind('role'), v, role: roleName, document }),
  fc.record({
    type: kind('part'),
    v,
    kind: kind('root'),
    sha256,
    i: fc.nat(3),
    k: fc.constant(4),
    data: document,
  }),
  fc.record({
    type: kind('part'),
    v,
    kind: kind('role'),
    role: roleName,
    sha256,
    i: fc.nat(3),
    k: fc.constant(4),
    data: document,
  }),
  fc.record({ type: kind('services'), v, ledger, version: positive, services }),
  fc.record({ type: kind('policy'), v, ledger, version: positive, rules: positive, policy }),
  fc.record({
    type: kind('roles'),
    v,
    n: positive,
    partition,
    i: count,
    leaves: fc.array(roleLeaf, { minLength: 1, maxLength: 5 }),
  }),
  fc.record({
    type: kind('index'),
    v,
    n: positive,
    partition,
    i: count,
    records: fc.array(sha256, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    type: kind('outcomes'),
    v,
    n: positive,
    partition,
    i: count,
    outcomes: fc.array(outcome, { minLength: 1, maxLength: 5 }),
  }),
  fc.record({
    type: kind('subtree'),
    v,
    ledger,
    n: positive,
    cut: sha256,
    partition,
    roles: count,
    records: fc.array(sha256, { maxLength: 3 }),
    map: sha256,
    events: tree,
    leaves: tree,
    state: sha256,
    control: sha256,
    due: count,
  }),
);
