/** Events from outside, each refusal by its code. */
import * as fc from 'fast-check';
import type { Json } from '@tidemark/canonical';
import { describe, expect, it } from 'vitest';
import { encodeEvent, parseEvent } from '../src/index.ts';
import { event as anyEvent } from './arbitraries.ts';
import { codeOf } from './codes.ts';

const added = {
  id: '0b9e6c1e-8f0e-4f57-9a5e-6a6f0c1b2d3e',
  type: 'target.added',
  path: 'requests/requests-2.32.0.tar.gz',
  length: 12_345,
  hashes: { sha256: 'cd'.repeat(32) },
};
const removed = { id: 'a', type: 'target.removed', path: 'a/b' };

describe('parseEvent', () => {
  it('reads every event, and its encoding again', () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        expect(parseEvent(event as unknown as Json)).toEqual(event);
        expect(parseEvent(JSON.parse(encodeEvent(event)) as Json)).toEqual(event);
      }),
      { numRuns: 300 },
    );
  });

  it.each<Json>([
    added,
    { ...added, length: 0 },
    { ...added, length: 2 ** 53 - 1 },
    {
      ...added,
      custom: { requires: '>=3.8', yanked: false, deep: [1, { a: 'b"\\' }] },
      expected: 'absent',
    },
    { ...added, expected: 1 },
    { ...added, expected: 'ab'.repeat(32) },
    removed,
    { ...removed, type: 'target.yanked', custom: { yanked: 'broken' } },
    { ...removed, id: 'x'.repeat(64), path: Array<string>(16).fill('a').join('/') },
  ])('accepts %j', (event) => {
    expect(parseEvent(event)).toEqual(event);
  });

  it.each<[string, Json]>([
    ['event.shape', []],
    ['event.shape', null],
    ['event.shape', 'event'],
    ['event.unknown_field', { ...added, by: 1 }],
    ['event.unknown_field', { ...added, size: 1 }],
    ['event.id', { ...added, id: '' }],
    ['event.id', { ...added, id: 'x'.repeat(65) }],
    ['event.id', { ...added, id: 'a b' }],
    ['event.id', { ...added, id: 'a\n' }],
    ['event.id', { ...added, id: 7 }],
    ['event.type', { ...added, type: 'target.moved' }],
    ['event.type', { id: 'a', path: 'b' }],
    ['event.length', { ...added, length: -1 }],
    ['event.length', { ...added, length: 1.5 }],
    ['event.length', { ...added, length: 2 ** 53 }],
    ['event.length', { ...added, length: '1' }],
    ['event.length', { ...removed, length: 1 }],
    ['event.hash', { ...added, hashes: {} }],
    ['event.hash', { ...added, hashes: { sha256: 'CD'.repeat(32) } }],
    ['event.hash', { ...added, hashes: { sha256: 'cd'.repeat(31) } }],
    ['event.hash', { ...added, hashes: { sha256: 'cd'.repeat(32), md5: '' } }],
    ['event.hash', { ...removed, hashes: { sha256: 'cd'.repeat(32) } }],
    ['event.custom', { ...added, custom: {} }],
    ['event.custom', { ...added, custom: [] }],
    ['event.custom', { ...added, custom: null }],
    ['event.custom', { ...added, custom: { a: null } }],
    ['event.custom', { ...added, custom: { a: 1.5 } }],
    ['event.custom', { ...added, custom: { a: 'é' } }],
    ['event.custom', { ...added, custom: { a: 'x\n' } }],
    ['event.custom', { ...added, custom: { 'a\u007f': 1 } }],
    ['event.custom', { ...added, custom: { a: '\ud800' } }],
    ['event.custom', { ...added, custom: { 10: 1 } }],
    ['event.custom', { ...added, custom: nested(9) }],
    ['event.custom', { ...added, custom: { a: 'x'.repeat(4_089) } }],
    ['event.custom', { ...removed, custom: { a: 1 } }],
    ['event.expected', { ...added, expected: 0 }],
    ['event.expected', { ...added, expected: 'present' }],
    ['event.expected', { ...added, expected: null }],
    ['path.empty', { ...added, path: '' }],
    ['path.empty', { ...added, path: 5 }],
    ['path.absolute', { ...added, path: '/a' }],
    ['path.dot_segment', { ...added, path: 'a/../b' }],
    ['path.charset', { ...added, path: 'a b' }],
    ['path.charset', { ...added, path: 'a\n' }],
    ['path.too_long', { ...added, path: 'a'.repeat(513) }],
    ['path.too_deep', { ...added, path: Array<string>(17).fill('a').join('/') }],
    ['path.empty_segment', { ...added, path: 'a//b' }],
  ])('refuses with %s: %j', (code, event) => {
    expect(codeOf(() => parseEvent(event))).toBe(code);
  });

  it('accepts custom up to its limits', () => {
    const longest = { ...added, custom: { a: 'x'.repeat(4_088) } };
    expect(parseEvent(longest)).toEqual(longest);
    expect(JSON.stringify(longest.custom).length).toBe(4_096);
    expect(parseEvent({ ...added, custom: nested(8) })).toBeDefined();
  });
});

/** So many objects inside each other. */
function nested(levels: number): { [name: string]: Json } {
  return levels === 1 ? { a: 1 } : { a: nested(levels - 1) };
}
