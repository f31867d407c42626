/** Which target paths are accepted, and which patterns match them. */

import { readFileSync } from 'node:fs';
import { assert, constantFrom, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { checkTargetPath } from '../src/index.ts';
import { codeOf } from './codes.ts';
import { matchesPatterns } from '../src/lint/pattern.ts';

test.each<readonly [string, string]>([
  ['a', 'accepted'],
  ['foo/foo-1.0.tar.gz', 'accepted'],
  ['pool/main/0/0ad/0ad_0.0.26-3+b1~deb12u1_amd64.deb', 'accepted'],
  ['a!/b~/c+/d_/e-', 'accepted'],
  ['x'.repeat(512), 'accepted'],
  ['x'.repeat(513), 'path.too_long'],
  [Array(16).fill('a').join('/'), 'accepted'],
  [Array(17).fill('a').join('/'), 'path.too_deep'],
  ['', 'path.empty'],
  ['/a', 'path.absolute'],
  ['a//b', 'path.empty_segment'],
  ['a/', 'path.empty_segment'],
  ['.', 'path.dot_segment'],
  ['a/../b', 'path.dot_segment'],
  ['a/.hidden', 'path.dot_segment'],
  ['a b', 'path.charset'],
  ['a%2fb', 'path.charset'],
  ['a\\b', 'path.charset'],
  ['a\n', 'path.charset'],
  ['café', 'path.charset'],
  ['a?b', 'path.charset'],
  ...Object.getOwnPropertyNames(Object.prototype).map((name) => [name, 'path.reserved'] as const),
  ['a/__proto__', 'accepted'],
  ['constructor/a', 'accepted'],
  ['Constructor', 'accepted'],
  ['prototype', 'accepted'],
])('the path %j is %s', (path, verdict) => {
  expect(codeOf(() => checkTargetPath(path))).toBe(verdict);
});

test('an accepted path means itself as the path of a URL', () => {
  assert(
    property(
      string({ unit: constantFrom(...'aZ0._+~!-/%?# \\é'.split('')), maxLength: 24 }),
      (path) => {
        if (codeOf(() => checkTargetPath(path)) !== 'accepted') return;
        expect(new URL(path, 'http://host/targets/').pathname).toBe(`/targets/${path}`);
      },
    ),
  );
});

interface Glob {
  readonly pattern: string;
  readonly path: string;
  readonly matches: boolean;
}

const vectors = JSON.parse(
  readFileSync(new URL('vectors/python-tuf.json', import.meta.url), 'utf8'),
) as { readonly globs: readonly Glob[] };

test.each(vectors.globs)('as in python-tuf, $pattern and $path: $matches', (glob) => {
  expect(matchesPatterns([glob.pattern], glob.path)).toBe(glob.matches);
});
