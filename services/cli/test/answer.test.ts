// How requests for files are read: codings, entity tags, ranges.
import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { Hono } from 'hono';
import { describe, expect, test } from 'vitest';
import { FileAnswers, FOR_EVER, isKnown } from '../src/http/answer.ts';
import { codingFor } from '../src/http/coding.ts';
import { rangeOf } from '../src/http/range.ts';

test.each<[string | undefined, string | undefined]>([
  [undefined, undefined],
  ['', undefined],
  ['identity', undefined],
  ['gzip', 'gzip'],
  ['GZIP', 'gzip'],
  ['gzip, deflate, br', 'gzip'],
  ['gzip, deflate, br, zstd', 'zstd'],
  ['gzip;q=1.0, zstd;q=0.5', 'gzip'],
  ['gzip;q=0', undefined],
  ['*', 'zstd'],
  ['*;q=0', undefined],
  ['zstd;q=0, *', 'gzip'],
  ['gzip;q=0.5, identity', undefined],
  ['br', undefined],
  [';;,,=', undefined],
])('Accept-Encoding %j is answered with %j', (header, coding) => {
  expect(codingFor(header)).toBe(coding);
});

test.each<[string | undefined, boolean]>([
  [undefined, false],
  ['"a"', true],
  ['W/"a"', true],
  ['"b", "a"', true],
  ['*', true],
  ['"b"', false],
  ['"aa"', false],
  ['a', false],
  ['', false],
])('If-None-Match %j names "a": %j', (header, known) => {
  expect(isKnown(header, '"a"')).toBe(known);
});

describe('a range', () => {
  test.each<[string | undefined, number, unknown]>([
    [undefined, 10, undefined],
    ['bytes=0-0', 10, { start: 0, end: 0 }],
    ['bytes=2-', 10, { start: 2, end: 9 }],
    ['bytes=-3', 10, { start: 7, end: 9 }],
    ['bytes=-30', 10, { start: 0, end: 9 }],
    ['bytes=9-30', 10, { start: 9, end: 9 }],
    ['bytes=10-', 10, 'unsatisfiable'],
    ['bytes=-0', 10, 'unsatisfiable'],
    ['bytes=0-', 0, 'unsatisfiable'],
    ['bytes=-1', 0, 'unsatisfiable'],
    ['bytes=3-2', 10, undefined],
    ['bytes=-', 10, undefined],
    ['bytes=0-1,3-4', 10, undefined],
    ['lines=0-1', 10, undefined],
    ['bytes=a-b', 10, undefined],
    ['bytes=1e1-', 10, undefined],
    ['bytes=99999999999999999999-', 10, undefined],
  ])('%j of %i bytes', (header, size, range) => {
    expect(rangeOf(header, size)).toEqual(range);
  });

  test('lies in the file, whatever is asked', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^bytes=\d{0,4}-\d{0,4}$/));
    fc.assert(
      fc.property(text, fc.nat(2000), (header, size) => {
        const range = rangeOf(header, size);
        if (typeof range !== 'object') return;
        expect(range.start).toBeGreaterThanOrEqual(0);
        expect(range.start).toBeLessThanOrEqual(range.end);
        expect(range.end).toBeLessThan(size);
      }),
    );
  });
});

test('files that are kept are the right ones, however few fit', async () => {
  const kind = { type: 'text/plain', cacheControl: FOR_EVER } as const;
  const files = Array.from({ length: 6 }, (_, i) => Buffer.alloc(3000 + i, `file ${i} `));
  const answers = new FileAnswers(4000);
  const app = new Hono().get('/:n', (context) =>
    answers.named(
      context,
      context.req.param('n'),
      async () => files[Number(context.req.param('n'))],
      kind,
    ),
  );
  const asked = Array.from({ length: 60 }, (_, i) => (i * 7) % files.length);
  await Promise.all(
    asked.map(async (n) => {
      const response = await app.request(`/${n}`, { headers: { 'accept-encoding': 'gzip' } });
      const body = Buffer.from(await response.arrayBuffer());
      expect(gunzipSync(body).equals(files[n]!)).toBe(true);
      expect(Number(response.headers.get('content-length'))).toBe(body.length);
    }),
  );
});
