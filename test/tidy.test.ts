// The house rules as tests: each holds for the repository, and each is shown to fail on a bad example.
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CLEAN, EXAMPLES } from './tidy/examples.ts';
import { ALLOWED, purity } from './tidy/purity.ts';
import { RULES } from './tidy/rules.ts';
import { loadTree, makeTree } from './tidy/tree.ts';
import type { Rule, Violation } from './tidy/tree.ts';

const rules: readonly (readonly [string, Rule])[] = Object.entries(RULES);

describe('the repository', () => {
  const tree = loadTree(join(import.meta.dirname, '..'));
  test.each(rules)('%s', (_, rule) => {
    expect(rule(tree).map(show)).toEqual([]);
  });
});

describe('bad examples', () => {
  // The allowances name files that the small repository lacks, so there they all count as unneeded.
  const clean = new Set(
    ALLOWED.flatMap(({ path, effects }) =>
      effects.map((each) => `${path}: no longer needs the allowance for ${each}`),
    ),
  );
  const findings = (files: Readonly<Record<string, string>>): Record<string, string[]> => {
    const tree = makeTree(new Map(Object.entries({ ...CLEAN, ...files })));
    const all = rules.map(
      ([name, rule]) =>
        [
          name,
          rule(tree)
            .map(show)
            .filter((each) => !clean.has(each)),
        ] as const,
    );
    return Object.fromEntries(all.filter(([, found]) => found.length > 0));
  };

  test('the clean repository passes every rule', () => {
    expect(findings({})).toEqual({});
  });

  test.each(EXAMPLES.map((example) => [example.rule, example] as const))('%s', (rule, example) => {
    const found = findings(example.files);
    expect(Object.keys(found)).toEqual([rule]);
    expect(found[rule]).toEqual(
      example.found.map((each) => (each.endsWith(': ') ? expect.stringContaining(each) : each)),
    );
  });

  test('every rule has one', () => {
    const shown = new Set<string>(EXAMPLES.map((example) => example.rule));
    expect(rules.map(([name]) => name).filter((name) => !shown.has(name))).toEqual([]);
  });
});

test('an allowance covers its file and effect only, and must be needed', () => {
  const path = 'packages/log/src/level.ts';
  const files = {
    [path]: '// Log.\nDate.now();\nMath.random();\n',
    'packages/log/src/levels.ts': '// L.\nDate.now();\n',
  };
  const tree = makeTree(new Map(Object.entries(files)));
  const allowed = [{ path, effects: ['Date.now', 'setTimeout'], reason: 'an adapter' }];
  expect(purity(tree, allowed).map(show)).toEqual([
    `${path}:3: has an effect: Math.random`,
    'packages/log/src/levels.ts:2: has an effect: Date.now',
    `${path}: no longer needs the allowance for setTimeout`,
  ]);
});

function show({ file, line, message }: Violation): string {
  return `${file}${line === undefined ? '' : `:${line}`}: ${message}`;
}
