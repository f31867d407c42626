/** Path patterns against a slow reader of the same words. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { matches, matchesPattern } from '../src/pattern.ts';

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

test.each([
  ['😀', '?', true],
  ['😀', '??', false],
  ['a😀b', 'a?b', true],
  ['a😀b', '*?b', true],
  ['😀😀', '*???', false],
  ['😀', '😀', true],
  ['é', '?', true],
  // Two characters that look like one.
  ['e\u0301', '?', false],
])('%j matches %j: %j, by characters', (path, pattern, matches) => {
  expect(matchesPattern(path, pattern)).toBe(matches);
});

test('whatever the pattern, each character of the path is looked at once for each of the pattern', () => {
  const part = fc.constantFrom(
    '*',
    '?',
    'a',
    '*a',
    'a*',
    '**',
    '*?',
    'aa',
    '😀',
    '\\',
    '[a-',
    '(a+)+',
  );
  const pattern = fc.array(part, { minLength: 1, maxLength: 60 }).map((parts) => parts.join(''));
  const path = fc
    .tuple(fc.nat({ max: 300 }), fc.constantFrom('', 'b', '😀'))
    .map(([n, end]) => 'a'.repeat(n) + end);
  fc.assert(
    fc.property(path, pattern, (text, wanted) => {
      const looked = counting(text);
      matches(looked, [...wanted]);
      expect(looked.times).toBeLessThanOrEqual((text.length + 1) * (wanted.length + 1));
    }),
    { numRuns: 2000 },
  );
});

test('a pattern of many stars takes no longer than its length times the path’s', () => {
  expect(matchesPattern('a'.repeat(5_000), `${'*a'.repeat(2_000)}b`)).toBe(false);
});

/** A text that counts how often it is looked at. */
function counting(text: string): ArrayLike<string> & { readonly times: number } {
  let times = 0;
  return new Proxy(Object.assign([...text], { times }), {
    get: (characters, name) => {
      if (name === 'times') return times;
      if (name !== 'length') times++;
      return Reflect.get(characters, name) as unknown;
    },
  });
}
