// The OpenAPI document: it has every route that is registered, and says of each what it may answer.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RejectedInput, type Json } from '@tidemark/canonical';
import { parseEvent } from '@tidemark/event';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Engine } from '../src/engine/engine.ts';
import { publicApp } from '../src/http/app.ts';
import { documentOf } from '../src/http/document.ts';
import { eventSchema } from '../src/http/eventSchema.ts';
import type { Operations } from '../src/http/metrics.ts';
import type { Uploads } from '../src/http/uploads.ts';

interface Operation {
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<Record<string, { readonly description: string }>>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

// Nothing is asked of it before there is a request.
const app = publicApp({} as Engine, {} as Uploads, {} as Operations);
const document = JSON.parse(JSON.stringify(documentOf(app))) as Document;
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
);

test('has the routes that are registered, and no others', () => {
  const registered = app.routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)(?:\{[^}]+\})?/g, '{$1}')}`);
  const described = operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
  expect(described.toSorted()).toEqual([...new Set(registered)].toSorted());
  expect(described).toContain('GET /metadata/{name}');
  expect(described).toContain('GET /v1/targets/{path}');
  expect(described).toContain('POST /v1/events');
});

test('says of each what it is for, what goes in, what comes out', () => {
  expect(document.openapi).toBe('3.1.0');
  for (const { path, operation } of operations) {
    expect(operation.summary, path).toMatch(/^\S.+/);
    expect(operation.tags, path).toHaveLength(1);
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const inPath = (operation.parameters ?? []).filter((each) => each.in === 'path');
    expect(inPath.map(({ name }) => name)).toEqual(named);
    for (const { description } of Object.values(operation.responses)) {
      expect(description, path).not.toBe('');
    }
  }
});

test('every reference in it leads somewhere', () => {
  const text = JSON.stringify(document);
  for (const [, reference = ''] of text.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
    let at: unknown = document;
    for (const name of reference.split('/')) at = (at as Record<string, unknown>)[name];
    expect(at, reference).toBeTypeOf('object');
  }
});

const HONEST = {
  id: 'id',
  type: 'target.added',
  path: 'a/b',
  length: 1,
  hashes: { sha256: 'a'.repeat(64) },
};
const path = fc.oneof(
  fc.constantFrom('a', '', '/a', 'a//b', 'a/../b', '.a', 'a/.b', 'a/', 'é', 'a b', '+~!-_.'),
  fc.stringMatching(/^[a-zA-Z0-9._+~!/-]{0,40}$/),
  fc.constantFrom(512, 513).map((length) => 'a'.repeat(length)),
  fc.constantFrom(16, 17).map((depth) => Array(depth).fill('a').join('/')),
);
const sha256 = fc.constantFrom('a'.repeat(64), 'A'.repeat(64), 'a'.repeat(63));
const customText = fc.constantFrom('', 'a', '~', '\\"', 'é', '\n', '\u007f');
const customName = fc.constantFrom('', 'a', '0', '10', '01', 'é', 'a b', '-1');
const { value: customValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    customText,
    fc.constantFrom(0, -1, 2 ** 53 - 1, 2 ** 53, 1.5, true, false, null),
    fc.array(tie('value'), { maxLength: 2 }),
    fc.dictionary(customName, tie('value'), { maxKeys: 2, noNullPrototype: true }),
  ),
}));
const custom = fc.oneof(
  customValue,
  fc.dictionary(customName, customValue, { maxKeys: 3, noNullPrototype: true }),
);
/** Values of one field, right and wrong. */
const change: fc.Arbitrary<object> = fc.oneof(
  fc.record({ id: fc.constantFrom('', 'a b', 'a'.repeat(64), 'a'.repeat(65), 'A.b_c-d', 1) }),
  fc.record({ type: fc.constantFrom('target.added', 'target', 'target.copied', 1) }),
  fc.record({ path }),
  fc.record({ length: fc.constantFrom(0, -1, 1.5, 2 ** 53 - 1, 2 ** 53, '1', null) }),
  fc.record({
    hashes: fc.oneof(
      sha256.map((hash) => ({ sha256: hash })),
      fc.constantFrom({}, { md5: 'a' }, { sha256: 'a'.repeat(64), md5: 'a' }, null),
    ),
  }),
  fc.record({ expected: fc.oneof(fc.constantFrom('absent', 'present', 0, 1, -1, null), sha256) }),
  fc.record({ custom }),
  fc.constantFrom({ by: 1 }, { more: 1 }, {}),
);

const honest = fc.constantFrom<object>(
  HONEST,
  { id: 'id', type: 'target.removed', path: 'a/b' },
  { id: 'id', type: 'target.yanked', path: 'a/b' },
);

test('an event is accepted where its schema accepts it', () => {
  fc.assert(
    fc.property(change, honest, (changed, base) => {
      const event = { ...base, ...changed };
      expect(eventSchema.safeParse(event).success).toBe(isAccepted(event as Json));
    }),
    { numRuns: 1000 },
  );
  for (const event of [
    { id: 'id', type: 'target.removed', path: 'a' },
    { id: 'id', type: 'target.yanked', path: 'a', custom: { yanked: 'why' } },
    { ...HONEST, custom: { a: 1, b: { c: 'd' } } },
  ]) {
    expect([isAccepted(event), eventSchema.safeParse(event).success]).toEqual([true, true]);
  }
});

test('the README names it', async () => {
  const readme = await readFile(join(import.meta.dirname, '../../../README.md'), 'utf8');
  expect(readme).toContain('`/openapi.json`');
});

function isAccepted(value: Json): boolean {
  try {
    parseEvent(value);
    return true;
  } catch (error) {
    if (error instanceof RejectedInput) return false;
    throw error;
  }
}
