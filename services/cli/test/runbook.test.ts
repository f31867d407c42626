// The runbook knows every reason for which `/readyz` can be red, and names nothing that does not exist.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../../..');
const RUNBOOK = readFileSync(join(ROOT, 'docs/runbook.md'), 'utf8');

/** Where faults come from that sealer, publisher, intake or a shard may suffer. */
const FOLDERS = ['packages/log', 'packages/publish', 'packages/ledger'].concat(
  ['intake', 'shard', 'publisher'].map((name) => `services/${name}`),
);
const FILES = ['ready', 'shardPool', 'engine', 'engineParts'].map(
  (name) => `services/cli/src/engine/${name}.ts`,
);

/** Operating faults that never last while a server runs, and why. */
const ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ['keys.absent', 'at the start only'],
  ['log.partitions', 'at the start only'],
  ['log.closed', 'at the end only'],
  ['publish.closed', 'at the end only'],
  ['log.crashed', 'of the logs in memory, for tests'],
  ['view.behind', 'of one question, which is answered with 503'],
]);

function codesIn(path: string): string[] {
  const text = readFileSync(join(ROOT, path), 'utf8')
    .replaceAll(/\/\*.*?\*\//gs, '')
    .replaceAll(/^\s*\/\/.*$/gm, '')
    // Of one kind of failure or the other.
    .replaceAll('`state.${what}`', "'state.read', 'state.write'");
  return [...text.matchAll(CODE)].flatMap(({ index, 1: code = '' }) => {
    const before = text.slice(Math.max(0, index - 60), index);
    const [kind] = before.match(/RejectedInput|OperatingFault|BrokenInvariant/g)?.slice(-1) ?? [];
    return kind === 'RejectedInput' || kind === 'BrokenInvariant' ? [] : [code];
  });
}

const CODE = /'((?:intake|keys|log|publish|state|thread|timestamp|view)\.(?!json\b)[a-z_]+)'/g;

const sources = FOLDERS.flatMap((folder) =>
  readdirSync(join(ROOT, folder, 'src'))
    .filter((name) => name.endsWith('.ts') && name !== 'contract.ts')
    .map((name) => `${folder}/src/${name}`),
).concat(FILES);
const sections = RUNBOOK.split(/^## Alerts$/m)[0]!
  .split(/^### /m)
  .slice(1)
  .map((text) => [/^`([a-z._]+)`$/m.exec(text)?.[1] ?? text, text.split(/^## /m)[0]!] as const);

test('it has a section for each code, and for no other', () => {
  const codes = new Set(sources.flatMap(codesIn));
  for (const code of ELSEWHERE.keys()) {
    expect(codes.delete(code), `${code} is in the sources`).toBe(true);
  }
  expect(sections.map(([code]) => code).toSorted()).toEqual([...codes].toSorted());
  expect(codes.size).toBeGreaterThan(15);
});

test.each(sections)('%s: what it means, how to look, what to do', (_, text) => {
  const parts = [...text.matchAll(/^- \*\*(\w+):\*\* \S/gm)].map(([, part]) => part);
  expect(parts).toEqual(['Means', 'Look', 'Do']);
});

test('its metrics and settings are there', () => {
  const metrics = readFileSync(join(ROOT, 'docs/metrics.md'), 'utf8');
  const settings = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8');
  for (const [, name = ''] of RUNBOOK.matchAll(/\b((?:tidemark|process)_[a-z_]+)\b/g)) {
    expect(metrics).toContain(`\`${name}\``);
  }
  const named = [...RUNBOOK.matchAll(/`((?:faults|intake|ledger|storage|uploads)\.[a-z_]+)`/g)]
    .map(([, name = '']) => name)
    .filter((name) => !sections.some(([code]) => code === name));
  expect(named.length).toBeGreaterThan(5);
  for (const name of named) expect(settings).toContain(`| \`${name}\`<br>`);
});
