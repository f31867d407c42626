// docs/errors.md has every code that the HTTP edge answers with, and no others, with the right status.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Engine } from '../src/engine/engine.ts';
import { publicApp } from '../src/http/app.ts';
import { documentOf } from '../src/http/document.ts';
import type { Operations } from '../src/http/metrics.ts';
import type { Uploads } from '../src/http/uploads.ts';

const CHECKOUT = join(import.meta.dirname, '../../..');
const EDGE = 'services/cli/src/http';
const read = (path: string): string => readFileSync(join(CHECKOUT, path), 'utf8');

/** What judges requests and events, or stands behind an answer. */
const JUDGES = [
  'packages/canonical/src/json.ts',
  'packages/canonical/src/parse.ts',
  'packages/canonical/src/read.ts',
  'packages/event/src/event.ts',
  'packages/ledger/src/view.ts',
  'packages/log/src/surely.ts',
  'packages/runtime/src/token.ts',
  'packages/tuf/src/paths.ts',
  'services/cli/src/engine/ready.ts',
  'services/cli/src/lines.ts',
  'services/intake/src/intake.ts',
  'services/shard/src/calls.ts',
];

const FAMILIES =
  'changes|event|http|intake|json|line|log|path|rate|receipt|snapshot|thread|timestamp|token|view';

/** In those files, but in no answer. */
const ELSEWHERE = new Map([
  ['event.by', 'of batches, never from outside'],
  ['json.not_canonical', 'of records'],
  ['json.type', 'of values that this program made'],
  ['log.crashed', 'of the log in memory'],
  ['snapshot.json', 'a file'],
  ['timestamp.json', 'a file'],
  ['token.grant', 'of the command line'],
  ['token.record', 'of a file'],
]);
/** Answered, but written together from parts. */
const COMPOSED = ['state.read', 'publish.io'];

const sources = [
  ...readdirSync(join(CHECKOUT, EDGE)).map((name) => `${EDGE}/${name}`),
  ...JUDGES,
].map(read);
const literals = new Set(
  sources.flatMap((text) =>
    [...text.matchAll(new RegExp(`'((?:${FAMILIES})\\.[a-z_]+)'`, 'g'))].map(([, code]) => code!),
  ),
);
const outcomes = [
  ...(/type OutcomeCode =([^;]+);/.exec(read('packages/ledger/src/decide.ts'))?.[1] ?? '').matchAll(
    /'([a-z_]+)'/g,
  ),
].map(([, code]) => code!);

/** Code → status, where its table has one. */
const listed = new Map(
  [...read('docs/errors.md').matchAll(/^\| `([a-z_.]+)` *\|(?: *(\d{3}) *\|)?/gm)].map(
    ([, code, status]) => [code!, status],
  ),
);

test('what the sources of the edge can answer is listed, and nothing else', () => {
  const answered = [...literals].filter((code) => !ELSEWHERE.has(code));
  expect(outcomes).toContain('conflict');
  const expected = [...answered, ...outcomes, ...COMPOSED];
  expect([...listed.keys()].toSorted()).toEqual([...new Set(expected)].toSorted());
  expect([...ELSEWHERE.keys()].filter((code) => !literals.has(code))).toEqual([]);
});

test('no code is listed twice', () => {
  const rows = [...read('docs/errors.md').matchAll(/^\| `([a-z_.]+)`/gm)];
  expect(rows).toHaveLength(listed.size);
});

test('with the status that the OpenAPI document has', () => {
  const document = JSON.stringify(
    documentOf(publicApp({} as Engine, {} as Uploads, {} as Operations)),
  );
  const { paths } = JSON.parse(document) as {
    paths: Record<string, Record<string, { responses: Record<string, object> }>>;
  };
  const pairs = new Set<string>();
  for (const operation of Object.values(paths).flatMap((item) => Object.values(item))) {
    for (const [status, answer] of Object.entries(operation.responses)) {
      for (const [, codes = ''] of JSON.stringify(answer).matchAll(/"enum":\[([^\]]+)\]/g)) {
        for (const [, code] of codes.matchAll(/"([a-z]+\.[a-z_]+)"/g)) {
          pairs.add(`${code} ${status}`);
        }
      }
    }
  }
  expect(pairs).toContain('http.not_found 404');
  expect([...pairs].filter((pair) => !isListed(pair))).toEqual([]);
});

function isListed(pair: string): boolean {
  const [code = '', status] = pair.split(' ');
  return listed.get(code) === status;
}
