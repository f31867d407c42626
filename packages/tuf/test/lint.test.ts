/** Every rule finds nothing in an honest repository, and exactly its own breach in a spoilt one. */

import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '@tidemark/canonical';
import { sha256Native } from '@tidemark/canonical/native';
import { lintRepository, parseMetadata, signMetadata } from '../src/index.ts';
import { nativeVerifiers } from '../src/native.ts';
import { buildDemo, edit, nowMs, signerOf } from './demo.ts';
import { fileCases, keyCases, parseCases, valueCases } from './mutations/files.ts';
import { bytesOf } from './mutations/mutate.ts';
import { currentCases, historyCases, targetsCases } from './mutations/roles.ts';

const options = { now: nowMs, verifiers: nativeVerifiers, sha256: sha256Native };
const cases = [
  fileCases,
  valueCases,
  keyCases,
  targetsCases,
  historyCases,
  currentCases,
  parseCases,
].flat();

describe.each(['succinct', 'prefixes'] as const)('bins by %s', (encoding) => {
  test('an honest repository has no findings', () => {
    expect(lintRepository(buildDemo(encoding), options)).toEqual([]);
    expect(lintRepository(buildDemo(encoding), { now: nowMs })).toEqual([]);
  });

  test.each(cases.filter(({ only }) => only === undefined || only === encoding))(
    '$rule: $how, in $file',
    ({ rule, file, mutation }) => {
      const findings = lintRepository(buildDemo(encoding, mutation), options);
      expect(new Set(findings.map((finding) => finding.rule))).toEqual(new Set([rule]));
      expect(findings.map((finding) => finding.file)).toContain(file);
    },
  );
});

test('every rule in the tables has a mutation', () => {
  const source = new URL('../src/lint/', import.meta.url);
  const texts = readdirSync(source).map((file) => readFileSync(new URL(file, source), 'utf8'));
  const rules = texts.flatMap((text) =>
    [...text.matchAll(/rule: '([^']+)'/g)].map(([, rule]) => rule),
  );
  const spoilt = cases.map(({ rule }) => rule).filter((rule) => !rule.includes('.'));
  expect(new Set(spoilt)).toEqual(new Set(rules));
  expect(new Set(rules).size).toBe(47);
});

test('a snapshot under a new key may list less', () => {
  const files = buildDemo('succinct');
  const old = parseMetadata(bytesOf(files, '6.snapshot.json')).json['signed'] as JsonObject;
  const more = edit(old, ['meta', 'gone.json'], {
    version: 1,
    hashes: { sha256: 'aa'.repeat(32) },
  });
  files.set('6.snapshot.json', signMetadata(more, [signerOf('snapshot')]));
  expect(lintRepository(files, options).map(({ rule }) => rule)).toEqual(['snapshot-vanished']);
  files.set('6.snapshot.json', signMetadata(more, [signerOf('dev')]));
  expect(lintRepository(files, options)).toEqual([]);
});
