/** The three spellings of JSON against an independent encoder. */
import canonicalize from 'canonicalize';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalText, encodeCanonical, fromUtf8, recordText } from '../src/index.ts';
import { parseCanonical, parseJson, RejectedInput, utf8 } from '../src/index.ts';
import type { Json } from '../src/index.ts';

describe('OLPC canonical JSON', () => {
  it('is what an independent encoder writes, for anything that TUF may hold', () => {
    fc.assert(
      fc.property(jsonOf(anyText), (value) => {
        expect(fromUtf8(encodeCanonical(value))).toBe(fromUtf8(oracle(value)));
      }),
      { numRuns: 500 },
    );
  });

  it('is JCS where no control character and no astral member name occurs', () => {
    fc.assert(
      fc.property(jsonOf(plainText), (value) => {
        expect(canonicalText(value)).toBe(canonicalize(value));
      }),
      { numRuns: 300 },
    );
  });

  it('keeps the newlines of a PEM key raw and escapes only quote and backslash', () => {
    const key = '-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n';
    expect(canonicalText({ public: key, b: '"\\\t\u007fé', a: [0, -1, true, null] })).toBe(
      `{"a":[0,-1,true,null],"b":"\\"\\\\\t\u007fé","public":"${key}"}`,
    );
  });

  it('sorts members by code point, where UTF-16 order differs', () => {
    expect(canonicalText({ '\u{1f600}': 1, '\uffee': 2, '\ue000x': 3 })).toBe(
      '{"\ue000x":3,"\uffee":2,"\u{1f600}":1}',
    );
  });

  it.each([
    [1.5, 'json.number'],
    [-0, 'json.number'],
    [Number.NaN, 'json.number'],
    [2 ** 53, 'json.number'],
    ['\ud800', 'json.surrogate'],
    [{ '\udc00': 1 }, 'json.surrogate'],
  ] satisfies [Json, string][])('refuses %j with %s', (value, code) => {
    expect(codeOf(() => canonicalText([value]))).toBe(code);
    expect(codeOf(() => recordText([value]))).toBe(code);
  });

  it('calls a value outside of the types a broken invariant', () => {
    const wrong = { a: undefined } as unknown as Json;
    expect(codeOf(() => canonicalText(wrong))).toBe('json.type');
    expect(codeOf(() => recordText(wrong))).toBe('json.type');
  });
});

describe('record text', () => {
  it('is JCS, always valid JSON, and comes back as the same value', () => {
    fc.assert(
      fc.property(jsonOf(anyText), (value) => {
        const text = recordText(value);
        expect(text).toBe(canonicalize(value));
        expect(parseJson(utf8(text))).toEqual(value);
      }),
      { numRuns: 300 },
    );
  });
});

describe('parseJson', () => {
  it('reads what JSON.stringify writes, indented or not', () => {
    fc.assert(
      fc.property(jsonOf(anyText), fc.constantFrom(0, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(parseJson(utf8(text))).toEqual(value);
        expect(parseJson(text)).toEqual(value);
      }),
      { numRuns: 300 },
    );
  });

  it('refuses a member written twice, wherever and however it is spelt', () => {
    for (const text of [
      '{"a":1,"a":1}',
      '{"a":1,"\\u0061":2}',
      '[{"b":{"":0,"":{}}}]',
      '{"__proto__":1,"__proto__":2}',
      '{"x":"}{\\"a\\":1","y":":::","x":0}',
    ]) {
      expect([text, codeOf(() => parseJson(utf8(text)))]).toEqual([text, 'json.duplicate_key']);
    }
    expect(parseJson(utf8('{"a":"\\":\\\\","b":{"a":":"}}'))).toEqual({ a: '":\\', b: { a: ':' } });
    expect(Object.keys(parseJson(utf8('{"__proto__":1}')) as object)).toEqual(['__proto__']);
  });

  it.each([
    ['', 'json.syntax'],
    ['{"a":1,}', 'json.syntax'],
    ['{} {}', 'json.syntax'],
    ["{'a':1}", 'json.syntax'],
    ['"a\nb"', 'json.syntax'],
    ['01', 'json.syntax'],
    ['1.0', 'json.number'],
    ['[1e2]', 'json.number'],
    ['{"a":1E2}', 'json.number'],
    ['-0', 'json.number'],
    ['9007199254740992', 'json.number'],
    ['"\\ud83d"', 'json.surrogate'],
    ['\ufeff{}', 'json.bom'],
    ['['.repeat(33) + ']'.repeat(33), 'json.too_deep'],
  ])('refuses %j with %s', (text, code) => {
    expect(codeOf(() => parseJson(utf8(text)))).toBe(code);
    expect(codeOf(() => parseJson(text))).toBe(code);
  });

  it('takes the limits it is given, and no more', () => {
    expect(parseJson(utf8('[[1]]'), { bytesMax: 5, depthMax: 2 })).toEqual([[1]]);
    expect(codeOf(() => parseJson(utf8('[[1]]'), { bytesMax: 4 }))).toBe('json.too_large');
    expect(codeOf(() => parseJson('[[1]]', { bytesMax: 4 }))).toBe('json.too_large');
    expect(codeOf(() => parseJson('"\ud800"'))).toBe('json.surrogate');
    expect(codeOf(() => parseJson(utf8('[[1]]'), { depthMax: 1 }))).toBe('json.too_deep');
    expect(parseJson(utf8(`[${'['.repeat(31)}${']'.repeat(31)}]`))).toBeDefined();
    expect(parseJson(utf8('-9007199254740991'))).toBe(-9007199254740991);
  });

  it('refuses bytes that are not UTF-8', () => {
    for (const bytes of [
      [0x22, 0xff, 0x22],
      [0x22, 0xc0, 0x80, 0x22],
      [0x22, 0xed, 0xa0, 0x80, 0x22],
    ]) {
      expect(codeOf(() => parseJson(Uint8Array.from(bytes)))).toBe('json.utf8');
    }
  });

  it('reads raw control characters inside strings only when told to', () => {
    const text = '{\n"k\te\ny":"a\nb\\n\\\\\n\u0000"}';
    expect(codeOf(() => parseJson(utf8(text)))).toBe('json.syntax');
    expect(parseJson(utf8(text), { olpc: true })).toEqual({ 'k\te\ny': 'a\nb\n\\\n\u0000' });
    expect(codeOf(() => parseJson(utf8('"a\\\nb"'), { olpc: true }))).toBe('json.syntax');
    expect(codeOf(() => parseJson(utf8('"a\n'), { olpc: true }))).toBe('json.syntax');
    expect(codeOf(() => parseJson(utf8('[1,\u00002]'), { olpc: true }))).toBe('json.syntax');
  });
});

describe('parseCanonical', () => {
  it('reads back every canonical encoding', () => {
    fc.assert(
      fc.property(jsonOf(anyText), (value) => {
        expect(parseCanonical(encodeCanonical(value))).toEqual(value);
      }),
      { numRuns: 300 },
    );
  });

  it('refuses every other spelling of the value', () => {
    for (const text of ['{"b":1,"a":2}', '{ "a":1}', '{"a":1}\n', '"\\n"', '"\\u0061"', '"\\/"']) {
      expect([text, codeOf(() => parseCanonical(utf8(text)))]).toEqual([
        text,
        'json.not_canonical',
      ]);
    }
    expect(parseCanonical(utf8('"\n"'))).toBe('\n');
  });

  it('gives a value back unchanged or refuses, whatever single byte is replaced', () => {
    const bytes = encodeCanonical({ a: ['x\n"\\', 10, true], 'b\u{1f600}': { c: null } });
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, byte) => {
        const changed = Uint8Array.from(bytes).fill(byte, at, at + 1);
        try {
          expect(encodeCanonical(parseCanonical(changed))).toEqual(changed);
        } catch (error) {
          if (!(error instanceof RejectedInput)) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });
});

/** Text of any Unicode, with what has a meaning in JSON, PEM and sorting made frequent. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({
    unit: fc.constantFrom(
      '"',
      '\\',
      '\n',
      '\r',
      '\t',
      '\u0000',
      '\u001f',
      '\u007f',
      '/',
      'a',
      'é',
      '\u2028',
      '\ue000',
      '\uffff',
      '\u{10000}',
      '\u{1f600}',
    ),
    maxLength: 8,
  }),
  fc.constantFrom(
    '',
    '__proto__',
    'toJSON',
    'constructor',
    '10',
    '9',
    '-----BEGIN PUBLIC KEY-----\nAA==\n',
  ),
);

const plainText = fc.string({ unit: 'binary', maxLength: 12 }).map((text) =>
  // oxlint-disable-next-line no-control-regex -- exactly the characters in which the two spellings differ
  text.replace(/[\u0000-\u001f\ud800-\udfff]/g, 'x'),
);

function jsonOf(text: fc.Arbitrary<string>): fc.Arbitrary<Json> {
  return fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      text,
      fc.maxSafeInteger(),
      fc.constantFrom(null, true, false, 0, 2 ** 53 - 1, 1 - 2 ** 53),
      fc.array(tie('value'), { maxLength: 4 }),
      fc
        .uniqueArray(fc.tuple(text, tie('value')), { maxLength: 5, selector: ([name]) => name })
        .map((entries) => Object.fromEntries(entries)),
    ),
  })).value;
}

/** OLPC canonical JSON after its specification's grammar, sharing nothing with the code under test. */
function oracle(value: Json): Uint8Array {
  if (value === null || typeof value === 'boolean') return Buffer.from(String(value));
  if (typeof value === 'number') return Buffer.from(BigInt(value).toString());
  if (typeof value === 'string') {
    const escaped = Array.from(value, (c) => (c === '"' ? '\\"' : c === '\\' ? '\\\\' : c));
    return Buffer.from(`"${escaped.join('')}"`);
  }
  const parts: Uint8Array[] = [];
  if (Array.isArray(value)) {
    for (const item of value) parts.push(oracle(item), Buffer.from(','));
    return Buffer.concat([Buffer.from('['), ...parts.slice(0, -1), Buffer.from(']')]);
  }
  const members = Object.entries(value as { [name: string]: Json });
  members.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  for (const [name, item] of members) {
    parts.push(oracle(name), Buffer.from(':'), oracle(item), Buffer.from(','));
  }
  return Buffer.concat([Buffer.from('{'), ...parts.slice(0, -1), Buffer.from('}')]);
}

function codeOf(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    return (error as { code?: string }).code;
  }
  return undefined;
}
