/** Every record: round trip, signatures, flipped bytes, versions. */
import { createHash } from 'node:crypto';
import {
  fromUtf8,
  RejectedInput,
  recordText,
  toHex,
  utf8,
  verifyEd25519,
} from '@tidemark/canonical';
import type { Json, JsonObject } from '@tidemark/canonical';
import { createSigner, verifyEd25519Native } from '@tidemark/canonical/native';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeBatch,
  decodeRecord,
  encodeRecord,
  keyIdOfPublic,
  keysById,
  parseLeaf,
  policyOf,
  recordHash,
  signedSlice,
  signRecord,
  verifyRecord,
} from '../src/index.ts';
import type { CutSigned, GenesisSigned, Signed } from '../src/index.ts';
import { signed as anySigned } from './arbitraries.ts';
import { codeOf } from './codes.ts';

const signers = [1, 2, 3].map((n) => createSigner(new Uint8Array(32).fill(n)));
const [alice = fail(), bob = fail(), carol = fail()] = signers;
const keys = keysById(signers.map(({ publicKey }) => publicKey));

const cut: CutSigned = {
  type: 'cut',
  v: 1,
  ledger: '0123456789abcdef'.repeat(2),
  n: 7,
  previous: 'ab'.repeat(32),
  time: 1_790_000_000_000,
  vector: [3, 0, 12, 9_007_199_254_740_991],
  control: 5,
};

describe('records', () => {
  it('come back as they were, whatever their type, signed or not', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(anySigned, fc.subarray(signers), (signed, some) => {
        seen.add(signed.type);
        const bytes = signRecord(signed, some);
        const record = decodeRecord(bytes);
        expect(record.signed).toEqual(signed);
        expect(record.signatures.length).toBe(some.length);
        expect(fromUtf8(record.signedBytes)).toBe(recordText(signed as unknown as Json));
        expect(encodeRecord(record.signed, record.signatures)).toEqual(bytes);
        expect(verifyRecord(record, keys, some.length, verifyEd25519Native)).toBe(some.length > 0);
      }),
      { numRuns: 300 },
    );
    expect(seen.size).toBe(14);
  });

  it('have exactly these bytes', () => {
    const bytes = signRecord(cut, [alice]);
    const body =
      `{"control":5,"ledger":"${cut.ledger}","n":7,"previous":"${cut.previous}",` +
      `"time":1790000000000,"type":"cut","v":1,"vector":[3,0,12,9007199254740991]}`;
    const keyid = createHash('sha256')
      .update(`{"keytype":"ed25519","keyval":{"public":"${alice.publicKey}"},"scheme":"ed25519"}`)
      .digest('hex');
    const sig = toHex(alice.sign(utf8(body)));
    expect(fromUtf8(bytes)).toBe(
      `{"signatures":[{"keyid":"${keyid}","sig":"${sig}"}],"signed":${body}}`,
    );
    expect(keyIdOfPublic(alice.publicKey)).toBe(keyid);
    expect(fromUtf8(signedSlice(bytes))).toBe(body);
    expect(recordHash(bytes)).toBe(createHash('sha256').update(body).digest('hex'));
  });

  it('hash alike whoever signed them', () => {
    const bytes = [[], [alice], [bob, carol]].map((some) => signRecord(cut, some));
    expect(new Set(bytes.map((record) => recordHash(record))).size).toBe(1);
    expect(recordHash(signRecord({ ...cut, n: 8 }, []))).not.toBe(recordHash(signRecord(cut, [])));
  });

  it('with any byte changed fail to decode or to verify', () => {
    fc.assert(
      fc.property(anySigned, fc.nat(), fc.integer({ min: 1, max: 255 }), (signed, at, flip) => {
        const bytes = signRecord(signed, [alice]);
        expect(verifyRecord(decodeRecord(bytes), keys, 1, verifyEd25519Native)).toBe(true);
        const i = at % bytes.length;
        bytes[i] = (bytes[i] ?? 0) ^ flip;
        let verified: boolean;
        try {
          verified = verifyRecord(decodeRecord(bytes), keys, 1, verifyEd25519Native);
        } catch (error) {
          if (!(error instanceof RejectedInput)) throw error;
          verified = false;
        }
        expect(verified).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('decodeRecord refuses', () => {
  const text = fromUtf8(encodeRecord(cut));

  it.each([
    ['no JSON', text.slice(1), 'record.syntax'],
    ['another value', '[]', 'record.shape'],
    ['nothing signed', '{"signatures":[]}', 'record.shape'],
    ['no signatures', text.replace('"signatures":[],', ''), 'record.shape'],
    [
      'a signature of another length',
      text.replace('[]', `[{"keyid":"${'a'.repeat(64)}","sig":""}]`),
      'record.shape',
    ],
    ['a field beside', text.replace('{', '{"a":1,'), 'record.not_canonical'],
    ['white space', text.replace(',', ', '), 'record.not_canonical'],
    [
      'another order',
      text.replace('"control":5,', '').replace('"cut"', '"cut","control":5'),
      'record.not_canonical',
    ],
    ['a field twice', text.replace('"n":7', '"n":7,"n":7'), 'record.not_canonical'],
    ['an escape', text.replace('"cut"', '"\\u0063ut"'), 'record.not_canonical'],
    ['a fraction', text.replace('"n":7', '"n":7.5'), 'record.not_canonical'],
    ['an exponent', text.replace('"n":7', '"n":7e0'), 'record.not_canonical'],
    ['minus zero', text.replace('"control":5', '"control":-0'), 'record.not_canonical'],
    [
      'a number beyond 2^53',
      text.replace('"control":5', '"control":9007199254740993'),
      'record.not_canonical',
    ],
    ['a negative number', text.replace('"control":5', '"control":-5'), 'record.shape'],
    ['an unknown field', text.replace('"n":7', '"m":0,"n":7'), 'record.shape'],
    ['a missing field', text.replace('"control":5,', ''), 'record.shape'],
    ['an unknown type', text.replace('"cut"', '"cute"'), 'record.type'],
    ['no type', text.replace('"type":"cut",', ''), 'record.type'],
    ['no version', text.replace('"v":1,', ''), 'record.shape'],
    ['a newer version', text.replace('"v":1', '"v":2'), 'record.version'],
    ['an older version', text.replace('"v":1', '"v":0'), 'record.version'],
    ['a vector of no partitions', text.replace(/"vector":\[.*\]/, '"vector":[]'), 'record.shape'],
  ])('%s', (_what, changed, code) => {
    expect(changed).not.toBe(text);
    expect(codeOf(() => decodeRecord(utf8(changed)))).toBe(code);
  });

  it('what nests too deeply, without exhausting the stack', () => {
    const deep = text.replace(
      '"control":5',
      `"control":${'['.repeat(30_000)}${']'.repeat(30_000)}`,
    );
    expect(codeOf(() => decodeRecord(utf8(deep)))).toBe('record.not_canonical');
    const deepOutside = `{"a":${'['.repeat(30_000)}${']'.repeat(30_000)}}`;
    expect(codeOf(() => decodeRecord(utf8(deepOutside)))).toBe('record.shape');
  });

  it('bytes that are not UTF-8', () => {
    expect(codeOf(() => decodeRecord(Uint8Array.of(0xff)))).toBe('record.syntax');
  });

  it('more than 65,535 bytes', () => {
    const empty = encodeRecord({ type: 'root', v: 1, document: 'x' }).length - 1;
    const longest: Signed = { type: 'root', v: 1, document: 'x'.repeat(65_535 - empty) };
    expect(decodeRecord(encodeRecord(longest)).signed).toEqual(longest);
    const tooLong = { ...longest, document: `${longest.document}x` };
    expect(codeOf(() => encodeRecord(tooLong))).toBe('record.too_large');
    const bytes = utf8(`{"signatures":[],"signed":${recordText({ ...tooLong })}}`);
    expect(codeOf(() => decodeRecord(bytes))).toBe('record.too_large');
  });

  it('a record of another type where a batch has to be', () => {
    expect(codeOf(() => decodeBatch(encodeRecord(cut)))).toBe('record.type');
  });
});

describe('versions', () => {
  /** As if cuts had once had a `last` instead of `previous`, and batches no subjects. */
  const upcasts = new Map([
    [
      'cut 0',
      ({ last, ...rest }: JsonObject): JsonObject => ({ ...rest, v: 1, previous: last ?? null }),
    ],
    ['batch 0', (signed: JsonObject): JsonObject => ({ ...signed, v: 1, subjects: ['nobody'] })],
  ]);

  function old(signed: JsonObject): Uint8Array {
    const text = recordText(signed);
    const sig = toHex(alice.sign(utf8(text)));
    const keyid = keyIdOfPublic(alice.publicKey);
    return utf8(`{"signatures":[{"keyid":"${keyid}","sig":"${sig}"}],"signed":${text}}`);
  }

  it('older ones are read as the newest, and verify over their own bytes', () => {
    const { previous, ...rest } = cut;
    const bytes = old({ ...rest, v: 0, last: previous });
    const record = decodeRecord(bytes, upcasts);
    expect(record.signed).toEqual(cut);
    expect(verifyRecord(record, keys, 1, verifyEd25519Native)).toBe(true);
    expect(codeOf(() => decodeRecord(bytes))).toBe('record.version');
  });

  it('older batches likewise, as strictly as new ones', () => {
    const { ledger } = cut;
    const event = { id: 'e', path: 'a/b', type: 'target.removed' };
    const batch = { type: 'batch', v: 0, ledger, partition: 0, intake: 'i', seq: 0, time: 0 };
    const record = decodeRecord(old({ ...batch, events: [event] }), upcasts);
    expect(record.signed).toMatchObject({ v: 1, subjects: ['nobody'], events: [event] });
    const odd = old({ ...batch, events: [{ ...event, odd: 1 }] });
    expect(codeOf(() => decodeRecord(odd, upcasts))).toBe('record.shape');
  });

  it('a step that is missing is an unknown version', () => {
    expect(codeOf(() => decodeRecord(old({ type: 'cut', v: -1 }), upcasts))).toBe('record.version');
    expect(codeOf(() => decodeRecord(old({ type: 'void', v: 0 }), upcasts))).toBe('record.version');
  });
});

describe('verifyRecord', () => {
  it('counts distinct listed keys with valid signatures, in the browser as on servers', () => {
    const record = decodeRecord(signRecord(cut, [alice, bob]));
    const only = (...some: readonly { publicKey: string }[]) =>
      keysById(some.map(({ publicKey }) => publicKey));
    for (const verify of [verifyEd25519, verifyEd25519Native]) {
      expect(verifyRecord(record, keys, 2, verify)).toBe(true);
      expect(verifyRecord(record, keys, 3, verify)).toBe(false);
      expect(verifyRecord(record, only(alice, carol), 1, verify)).toBe(true);
      expect(verifyRecord(record, only(alice, carol), 2, verify)).toBe(false);
      expect(verifyRecord(record, only(carol), 1, verify)).toBe(false);
      expect(verifyRecord(record, new Map(), 1, verify)).toBe(false);
    }
  });

  it('attack: one key signs twice, or stands under two ids', () => {
    const honest = decodeRecord(signRecord(cut, [alice]));
    const [signature = fail()] = honest.signatures;
    expect(verifyRecord(honest, keys, 1, verifyEd25519Native)).toBe(true);
    const twice = decodeRecord(encodeRecord(cut, [signature, signature]));
    expect(verifyRecord(twice, keys, 2, verifyEd25519Native)).toBe(false);
    const alias = { keyid: 'f'.repeat(64), sig: signature.sig };
    const aliased = decodeRecord(encodeRecord(cut, [signature, alias]));
    const both = new Map([...keys, [alias.keyid, alice.publicKey]]);
    expect(verifyRecord(aliased, both, 2, verifyEd25519Native)).toBe(false);
  });

  it('attack: a signature is moved to another record, or under another key id', () => {
    const [signature = fail()] = decodeRecord(signRecord(cut, [alice])).signatures;
    const moved = decodeRecord(encodeRecord({ ...cut, n: 8 }, [signature]));
    expect(verifyRecord(moved, keys, 1, verifyEd25519Native)).toBe(false);
    const renamed = { ...signature, keyid: keyIdOfPublic(bob.publicKey) };
    const other = decodeRecord(encodeRecord(cut, [renamed]));
    expect(verifyRecord(other, keys, 1, verifyEd25519Native)).toBe(false);
  });

  it('a threshold of nothing is never reached', () => {
    const unsigned = decodeRecord(encodeRecord(cut));
    expect(verifyRecord(unsigned, keys, 0, verifyEd25519Native)).toBe(false);
  });
});

describe('genesis and policy', () => {
  const policy = policyOf({ log_origin: 'tidemark.example/log' });
  const genesis: GenesisSigned = {
    type: 'genesis',
    v: 1,
    ledger: cut.ledger,
    name: 'demo',
    time: 0,
    rules: 1,
    partitions: 4,
    bits: 8,
    slot_bits: 12,
    delegation: 'succinct',
    prefix: 'bin',
    policy,
    services: { intake: ['a'], sealer: ['b'], shard: ['c'], publisher: ['d'] },
    operators: { keys: ['e'.repeat(64), 'f'.repeat(64)], threshold: 2 },
    root: '0'.repeat(64),
  };
  const services = Object.fromEntries(
    Object.entries(genesis.services).map(([purpose, [key = '']]) => [purpose, [key.repeat(64)]]),
  ) as unknown as GenesisSigned['services'];
  const valid = { ...genesis, services };

  it('the defaults are those of the design', () => {
    expect(policy).toEqual({
      conflict: 'reject',
      window_s: 86_400,
      clock_ahead_s: 3_600,
      expiry_s: { timestamp: 86_400, snapshot: 86_400, bins: 86_400 },
      renew_below_percent: 50,
      renew_always_below_percent: 25,
      classic_ms: 1_000,
      snapshot_hashes: true,
      advance_max: 1_000_000,
      step_max_ms: 86_400_000,
      slot_roles_max: 64,
      intakes_max: 1_024,
      log_origin: 'tidemark.example/log',
    });
  });

  it.each<[string, object]>([
    ['renewal that must come before it may', { renew_always_below_percent: 50 }],
    ['a life of seconds', { expiry_s: { timestamp: 5, snapshot: 86_400, bins: 86_400 } }],
    ['an origin with a space', { log_origin: 'a b' }],
    ['an unknown field', { unknown: 1 }],
  ])('a policy with %s is refused', (_what, change) => {
    expect(codeOf(() => policyOf({ ...policy, ...change }))).toBe('policy.shape');
    const bytes = encodeRecord({ ...valid, policy: { ...policy, ...change } });
    expect(codeOf(() => decodeRecord(bytes))).toBe('record.shape');
  });

  it.each<[string, Partial<GenesisSigned>]>([
    ['three partitions', { partitions: 3 }],
    ['256 partitions', { partitions: 256 }],
    ['more partitions than bins', { partitions: 8, bits: 2 }],
    ['fewer slots than bins', { slot_bits: 7 }],
    ['no rules', { rules: 0 }],
    ['one key for two purposes', { services: { ...services, shard: services.sealer } }],
    ['a threshold nobody reaches', { operators: { keys: ['e'.repeat(64)], threshold: 2 } }],
    [
      'an operator listed twice',
      { operators: { keys: Array(2).fill('e'.repeat(64)), threshold: 2 } },
    ],
  ])('a genesis with %s is refused', (_what, change) => {
    expect(decodeRecord(encodeRecord(valid)).signed).toEqual(valid);
    expect(codeOf(() => decodeRecord(encodeRecord({ ...valid, ...change })))).toBe('record.shape');
  });
});

describe('parseLeaf', () => {
  it('reads a leaf of the snapshot log, canonical only', () => {
    const head = { size: 3, root: 'aa'.repeat(32) };
    const leaf = {
      n: 1,
      time: 5,
      merkle_root: head.root,
      timestamp: head.root,
      snapshot: { version: 1, length: 10, sha256: head.root },
      root: 1,
      partitions: [{ events: head, leaves: head, map: head.root }],
      control: head,
    };
    const text = recordText(leaf);
    expect(parseLeaf(utf8(text))).toEqual(leaf);
    expect(codeOf(() => parseLeaf(utf8(`${text} `)))).toBe('record.not_canonical');
    expect(codeOf(() => parseLeaf(utf8(recordText({ ...leaf, n: -1 }))))).toBe('record.shape');
  });
});

function fail(): never {
  throw new Error('absent');
}
