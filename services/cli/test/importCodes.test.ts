// docs/import.md has every code of an import, once, and no others.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const CHECKOUT = join(import.meta.dirname, '../../..');
const CLI = join(CHECKOUT, 'services/cli/src');

const files = [
  join(CLI, 'lines.ts'),
  join(CLI, 'sources.ts'),
  ...readdirSync(join(CLI, 'sources')).map((name) => join(CLI, 'sources', name)),
  join(CLI, 'commands/importRehearsal.ts'),
];

test('docs/import.md lists what the sources can say, and nothing else', () => {
  const codes = files.flatMap((file) =>
    [
      ...readFileSync(file, 'utf8').matchAll(
        /'((?:import|line|simple|source|stanza)\.[a-z_0-9]+)'/g,
      ),
    ].map(([, code]) => code!),
  );
  const text = readFileSync(join(CHECKOUT, 'docs/import.md'), 'utf8');
  const listed = [...text.matchAll(/^\| `([a-z_.0-9]+)`/gm)].map(([, code]) => code!);
  expect(codes).toContain('source.address');
  expect(listed.toSorted()).toEqual([...new Set(codes)].toSorted());
});
