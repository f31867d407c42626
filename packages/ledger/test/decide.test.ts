/** Every event type against every state of its target: the exact value or code. */
import { canonicalText, type JsonObject } from '@tidemark/canonical';
import type { Event } from '@tidemark/event';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide, parseValue, targetValue, type Decision } from '../src/decide.ts';
import { added, contentHash, removed, yanked } from './uploads.ts';

const ONE = contentHash('one');
const TWO = contentHash('two!');

function value(content: string, custom?: JsonObject): string {
  return targetValue(content.length, contentHash(content), custom && canonicalText(custom));
}

const plain = value('one');
const noted = value('one', { note: 'n' });
const yankedOne = value('one', { note: 'n', yanked: true });

/** Event, what is held, and what comes of it: under `reject`, and under `replace` where it differs. */
type Row = readonly [string, Event, string | undefined, Decision, Decision?];

const put = (next: string | null): Decision => ({ value: next });
const code = (of: 'unchanged' | 'conflict' | 'absent' | 'expected'): Decision => ({ code: of });

const ROWS: readonly Row[] = [
  ['added, nothing held', added('1', 'p', 'one'), undefined, put(plain)],
  ['added with custom', added('1', 'p', 'one', { custom: { note: 'n' } }), undefined, put(noted)],
  ['added, the same', added('1', 'p', 'one'), plain, code('unchanged')],
  ['added, the same, keeps custom', added('1', 'p', 'one'), noted, code('unchanged')],
  ['added, the same, keeps a yank', added('1', 'p', 'one'), yankedOne, code('unchanged')],
  [
    'added, same custom',
    added('1', 'p', 'one', { custom: { note: 'n' } }),
    noted,
    code('unchanged'),
  ],
  ['added, new custom', added('1', 'p', 'one', { custom: { note: 'n' } }), plain, put(noted)],
  [
    'added, new custom keeps a yank',
    added('1', 'p', 'one', { custom: { z: 1, yanked: false } }),
    yankedOne,
    put(value('one', { yanked: true, z: 1 })),
  ],
  ['added, other content', added('1', 'p', 'two!'), plain, code('conflict'), put(value('two!'))],
  [
    'added, other content drops custom and yank',
    added('1', 'p', 'two!'),
    yankedOne,
    code('conflict'),
    put(value('two!')),
  ],
  [
    'added, same hash, other length',
    { ...added('1', 'p', 'one'), length: 4 },
    plain,
    code('conflict'),
    put(targetValue(4, ONE, undefined)),
  ],
  ['removed', removed('1', 'p'), plain, put(null)],
  ['removed, nothing held', removed('1', 'p'), undefined, code('absent')],
  ['yanked', yanked('1', 'p'), plain, put(value('one', { yanked: true }))],
  ['yanked, keeps custom', yanked('1', 'p'), noted, put(yankedOne)],
  ['yanked twice', yanked('1', 'p'), yankedOne, code('unchanged')],
  [
    'yanked, with a reason',
    yanked('1', 'p', { reason: 'broken' }),
    plain,
    put(value('one', { reason: 'broken', yanked: true })),
  ],
  [
    'yanked, with a text',
    yanked('1', 'p', { yanked: 'broken' }),
    plain,
    put(value('one', { yanked: 'broken' })),
  ],
  ['unyanked', yanked('1', 'p', { yanked: false }), yankedOne, put(noted)],
  [
    'unyanked, nothing else',
    yanked('1', 'p', { yanked: false }),
    value('one', { yanked: true }),
    put(plain),
  ],
  ['unyanked, never yanked', yanked('1', 'p', { yanked: false }), noted, code('unchanged')],
  ['yanked, nothing held', yanked('1', 'p'), undefined, code('absent')],
];

describe('without expectation', () => {
  test.each(ROWS.map((row) => [row[0], row] as const))('%s', (_, row) => {
    const [, event, held, rejecting, replacing = rejecting] = row;
    const at = { value: held, version: 7 };
    expect(decide(event, at, 'reject')).toEqual(rejecting);
    expect(decide(event, at, 'replace')).toEqual(replacing);
  });
});

describe('expected', () => {
  const events = [
    added('1', 'p', 'one', { custom: { x: 1 } }),
    removed('1', 'p'),
    yanked('1', 'p'),
  ];
  const held = { value: plain, version: 7 };
  const changed = { value: plain, version: undefined };
  const absent = { value: undefined, version: 7 };
  test.each([
    ['absent', absent, true],
    ['absent', held, false],
    [7, held, true],
    [8, held, false],
    [7, absent, false],
    [7, changed, false],
    [ONE, held, true],
    [ONE, changed, true],
    [TWO, held, false],
    [ONE, absent, false],
  ] as const)('%s of %o: %s', (expected, at, met) => {
    for (const event of events) {
      const asked = decide({ ...event, expected }, at, 'reject');
      expect(asked).toEqual(met ? decide(event, at, 'reject') : code('expected'));
    }
  });

  test('is decided before anything else', () => {
    const event = added('1', 'p', 'two!', { expected: 'absent' });
    expect(decide(event, held, 'reject')).toEqual(code('expected'));
    expect(decide(event, held, 'replace')).toEqual(code('expected'));
  });

  test('lets a replacement through only where the policy does', () => {
    const event = added('1', 'p', 'two!', { expected: ONE });
    expect(decide(event, held, 'reject')).toEqual(code('conflict'));
    expect(decide(event, held, 'replace')).toEqual(put(value('two!')));
  });
});

test('yanks cannot make a target grow without end', () => {
  let held = plain;
  let refused = 0;
  for (let i = 0; i < 8; i++) {
    const decision = decide(
      yanked('1', 'p', { [`k${i}`]: 'x'.repeat(4000) }),
      { value: held, version: 1 },
      'replace',
    );
    if ('value' in decision) held = decision.value!;
    else {
      expect(decision.code).toBe('too_large');
      refused++;
    }
  }
  expect(refused).toBe(6);
  expect(held.length).toBeLessThan(8_400);
});

test('a member called __proto__ is a member like any other', () => {
  const custom = JSON.parse('{"__proto__":{"a":1}}') as JsonObject;
  const first = decide(
    added('1', 'p', 'one', { custom }),
    { value: undefined, version: 1 },
    'reject',
  );
  expect(first).toEqual(put(targetValue(3, ONE, '{"__proto__":{"a":1}}')));
  const held = { value: (first as { value: string }).value, version: 1 };
  expect(decide(yanked('1', 'p'), held, 'reject')).toEqual(
    put(targetValue(3, ONE, '{"__proto__":{"a":1},"yanked":true}')),
  );
});

/** What `custom` may hold: with control characters canonical JSON would not be JSON. */
const ascii = fc.string({ unit: 'grapheme-ascii' });

test('a value read back gives what it was made of', () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.option(fc.dictionary(ascii, ascii, { minKeys: 1 }), { nil: undefined }),
      (length, custom) => {
        const text = targetValue(length, ONE, custom && canonicalText(custom));
        expect(parseValue(text)).toEqual({ length, sha256: ONE, custom });
      },
    ),
  );
});
