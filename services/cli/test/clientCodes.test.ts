// Everything a client can refuse has a line in the docs, with what it may be and what to do.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const CHECKOUT = join(import.meta.dirname, '../../..');
const CLIENT = join(CHECKOUT, 'packages/client/src');

test('docs/client.md lists what a client can say, and nothing else', () => {
  const files = [
    ...readdirSync(CLIENT).map((name) => join(CLIENT, name)),
    join(CHECKOUT, 'services/cli/src/commands/client.ts'),
  ];
  const codes = files.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/'(client\.[a-z_]+)'/g)].map(([, code]) => code!),
  );
  const text = readFileSync(join(CHECKOUT, 'docs/client.md'), 'utf8');
  const listed = [...text.matchAll(/^\| `(client\.[a-z_]+)`/gm)].map(([, code]) => code!);
  expect(listed).toEqual([...new Set(codes)].toSorted());
});
