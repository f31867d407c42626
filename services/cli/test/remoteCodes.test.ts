// The README has every code of a ledger that is reached by its URL, and of an export, and no others.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const CHECKOUT = join(import.meta.dirname, '../../..');
const SOURCES = join(CHECKOUT, 'services/cli/src');
const ACCESS = join(SOURCES, 'access');
const read = (...path: string[]): string => readFileSync(join(...path), 'utf8');

const sources = [
  ...readdirSync(join(ACCESS, 'remote')).map((name) => read(ACCESS, 'remote', name)),
  ...['ask.ts', 'exchange.ts', 'targetFiles.ts'].map((name) => read(ACCESS, name)),
];
const trust = read(SOURCES, 'commands/exportTrust.ts');
const chapter = /### Use it from another machine\n([^]+?)\n### /.exec(
  read(CHECKOUT, 'README.md'),
)![1]!;

/** In the sources, but no code or with a place elsewhere. */
const ELSEWHERE = ['ledger.behind', 'ledger.refused', 'ledger.slow'];

test('the README lists what the sources can refuse with', () => {
  const literals = sources.join('\n').matchAll(/'((?:remote|ledger|export)\.[a-z_0-9]+)'/g);
  const whole = trust.matchAll(/'(export\.[a-z_0-9]+)'/g);
  const short = trust.matchAll(/refused\(\s*'([a-z_0-9]+)'/g);
  const judged = trust.matchAll(/\? '([a-z]+)' : '([a-z]+)';/g);
  const codes = new Set([
    ...[...literals, ...whole].map(([, code]) => code!),
    ...[...short, ...judged].flatMap(([, ...names]) => names.map((name) => `export.${name}`)),
  ]);
  const rows = chapter.split('\n').filter((line) => line.startsWith('| `'));
  const listed = rows.flatMap((row) =>
    [...row.split('|')[1]!.matchAll(/`((?:remote|ledger|export)\.[a-z_0-9]+)`/g)].map(
      ([, code]) => code!,
    ),
  );
  expect(codes).toContain('export.signature');
  expect(listed.toSorted()).toEqual(
    [...codes].filter((code) => !ELSEWHERE.includes(code)).toSorted(),
  );
});
