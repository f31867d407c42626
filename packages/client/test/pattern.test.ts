/** Path patterns against a slow reader of the same words. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchesPattern } from '../src/pattern.ts';

test.each([
  ['a/b', '*', false],
  ['a/b', '*/*', true],
  ['a/b', 'a/*', true],
  ['ab', 'a?', true],
  ['a/', 'a?', false],
  ['a', '?*', true],
  ['', '*', true],
  ['', '', true],
  ['a', '', false],
  ['[a]', '[a]', true],
  ['a', '[a]', false],
  ['a.b', 'a.b', true],
  ['axb', 'a.b', false],
  ['.hidden', '*', true],
  // A character is one, however many units UTF-16 takes for it.
  ['emoji/😀', 'emoji/?', true],
  ['😀😀', '*?', true],
  ['😀', '??', false],
  ['😀', '?*?', false],
  ['a😀b', 'a*b', true],
  ['foo-2.tgz', 'foo-?.tgz', true],
  ['foo-22.tgz', 'foo-?.tgz', false],
])('%j matches %j: %j', (path, pattern, matches) => {
  expect(matchesPattern(path, pattern)).toBe(matches);
});

test('is what a regular expression says', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*', '?', '.'), maxLength: 8 });
  fc.assert(
    fc.property(text, text, (path, pattern) => {
      const source = pattern
        .split('')
        .map((c) =>
          c === '*'
            ? '[^/]*'
            : c === '?'
              ? '[^/]'
              : `\\${c}`.replace('\\a', 'a').replace('\\b', 'b'),
        )
        .join('');
      expect(matchesPattern(path, pattern)).toBe(new RegExp(`^${source}$`).test(path));
    }),
    { numRuns: 5000 },
  );
});

test('a pattern of many stars takes no longer than its length times the path’s', () => {
  expect(matchesPattern('a'.repeat(5_000), `${'*a'.repeat(2_000)}b`)).toBe(false);
});
