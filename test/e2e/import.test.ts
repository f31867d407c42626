// `tidemark import`: bad lines are named and the good ones kept, and every way to hand over a list gives the
// same ledger.
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { sha256HexNative } from '@tidemark/canonical/native';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/files.ts';
import { account, type Account, PACKAGES, SAMPLE } from './importAccount.ts';
import { initLedger, tidemark, type Ledger } from './tidemark.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let ledgers = 0;
beforeAll(async () => {
  folder = await temporaryFolder();
  await mkdir(join(folder.path, 'empty'));
});
afterAll(() => folder[Symbol.asyncDispose]());

const newLedger = (): Promise<Ledger> =>
  initLedger(join(folder.path, `index-${ledgers++}`), '--bins', '256');

describe('bad lines', () => {
  const good = (path: string, length = 3): string =>
    `${path}\t${length}\t${sha256HexNative(`${path}${length}`)}`;
  const LIST = [
    good('pool/first.deb'),
    'pool/two-fields.deb\t12',
    good('pool/../up.deb'),
    good('/absolute.deb'),
    good('pool/ünïcode.deb'),
    `pool/length.deb\t-1\t${'a'.repeat(64)}`,
    `pool/hash.deb\t1\t${'A'.repeat(64)}`,
    '',
    good('pool/last~1+b1.deb'),
    good('pool/last~1+b1.deb'),
    good('pool/last~1+b1.deb', 4),
  ].join('\n');
  const NAMED = [
    [2, 'line.fields'],
    [3, 'path.dot_segment'],
    [4, 'path.absolute'],
    [5, 'path.charset'],
    [6, 'line.length'],
    [7, 'line.sha256'],
    [11, 'conflict'],
  ] as const;

  test.each(['with a server', 'without one'])('%s: named with number and code', async (how) => {
    const ledger = await newLedger();
    const list = join(folder.path, 'bad.tsv');
    await writeFile(list, LIST);
    await using server = how === 'with a server' ? await ledger.serve() : undefined;
    const { code, stdout, stderr } = await ledger.run('import', list, '--json');
    expect(code).toBe(1);
    expect(namedIn(stderr, list)).toEqual(NAMED);
    const bad = Object.fromEntries(NAMED.slice(0, -1).map(([, reason]) => [reason, 1]));
    const counts = { lines: 10, added: 2, unchanged: 1, rejected: { conflict: 1 }, bad };
    expect(JSON.parse(stdout)).toEqual(account(counts));
    expect((await ledger.run('show', 'pool/last~1+b1.deb')).code).toBe(0);
    expect((await ledger.run('show', 'pool/length.deb')).code).toBe(1);
    expect(await server?.stop()).toBe(server === undefined ? undefined : 0);
  });

  test.each([
    ['that is not there', 'absent.tsv', undefined, 'ENOENT'],
    ['that is empty', 'empty.tsv', '', 'is empty'],
    ['that is something else', 'x.json', '[{"a": 1}]', 'neither a .tsv'],
    ['that is another folder', 'empty', undefined, 'is a folder without PEP 691 documents'],
  ])('a file %s is refused', async (_, name, content, said) => {
    const file = join(folder.path, name);
    if (content !== undefined) await writeFile(file, content);
    const { code, stdout, stderr } = await tidemark(['import', join(folder.path, 'unasked'), file]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(said);
  });

  test('a truncated .gz keeps what came before, and says so', async () => {
    const packed = gzipSync(await readFile(SAMPLE));
    const file = join(folder.path, 'truncated.tsv.gz');
    await writeFile(file, packed.subarray(0, packed.length / 2));
    const { code, stdout, stderr } = await (await newLedger()).run('import', file, '--json');
    const { lines, added, bad } = JSON.parse(stdout) as Account;
    expect(code).toBe(1);
    expect(bad).toEqual({ 'source.truncated': 1 });
    expect(added).toBeGreaterThan(2000);
    expect(namedIn(stderr, file)).toEqual([[lines, 'source.truncated']]);
  });
});

describe('the same list', () => {
  test('as a file, packed, and through a pipe is the same events', async () => {
    const ledger = await newLedger();
    await using server = await ledger.serve();
    const packed = join(folder.path, 'sample.tsv.gz');
    await writeFile(packed, gzipSync(await readFile(SAMPLE)));
    const first = await ledger.json('import', packed);
    const { size: bytes_read } = await stat(packed);
    expect(first).toEqual(account({ lines: 5000, added: 5000, bytes_read }));
    const before = await server.get('metadata/timestamp.json');
    const again = await ledger.json('import', SAMPLE);
    expect(again).toEqual(account({ lines: 5000, added: 0, unchanged: 5000 }));
    const { code, stdout } = await tidemark(['import', ledger.folder, '-', '--json'], {
      input: await readFile(SAMPLE, 'utf8'),
    });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(account({ lines: 5000, unchanged: 5000 }));
    expect(rootOf(await server.get('metadata/timestamp.json'))).toBe(rootOf(before));
  });

  test('brings back what was removed since, as often as that was, and nothing else', async () => {
    const ledger = await newLedger();
    await using server = await ledger.serve('--cut-interval', '50ms');
    const first = await ledger.json('import', PACKAGES);
    expect(first).toEqual(account({ lines: 20, added: 20, unchanged: 0 }));
    const [path] = await pathsIn(PACKAGES);
    const wait = ['--wait', 'published'];
    for (let i = 0; i < 2; i++) {
      expect((await ledger.run('remove', path!, ...wait)).code).toBe(0);
      const again = await ledger.json('import', PACKAGES);
      expect(again).toEqual(account({ lines: 20, added: 1, unchanged: 19 }));
      expect((await ledger.run('show', path!)).code).toBe(0);
      const once = await ledger.json('import', PACKAGES);
      expect(once).toEqual(account({ lines: 20, added: 0, unchanged: 20 }));
    }
    // A path with other content by now is refused, as it would be in a first import.
    expect((await ledger.run('remove', path!, ...wait)).code).toBe(0);
    const other = ['--length', '1', '--sha256', 'a'.repeat(64), ...wait];
    expect((await ledger.run('add', path!, ...other)).code).toBe(0);
    const { code, stdout } = await ledger.run('import', PACKAGES, '--json');
    expect(code).toBe(1);
    const counts = { lines: 20, unchanged: 19, rejected: { conflict: 1 } };
    expect(JSON.parse(stdout)).toEqual(account(counts));
    expect(await server.stop()).toBe(0);
  });

  test('a Debian Packages index', async () => {
    const ledger = await newLedger();
    expect(await ledger.json('import', PACKAGES)).toEqual(
      account({ lines: 20, added: 20, unchanged: 0 }),
    );
  });
});

describe('JSON lines', () => {
  const hashOf = (text: string): object => ({ hashes: { sha256: sha256HexNative(text) } });
  const object = (path: string, more: object): object => ({ path, length: 3, ...more });
  const LIST = [
    object('a/kept', hashOf('kept')),
    object('a/marked', { sha256: sha256HexNative('marked') }),
    { path: 'a/marked', type: 'target.yanked', custom: { yanked: 'breaks on 32 bit' } },
    object('a/gone', hashOf('gone')),
    { path: 'a/gone', type: 'target.removed' },
    '{"path": "a/half"',
    object('a/kept', { ...hashOf('kept'), custom: { license: 'MIT' }, id: 'mine-1' }),
    { path: 'a/absent', type: 'target.yanked' },
    object('a/last', hashOf('last')),
  ].map((line) => (typeof line === 'string' ? line : JSON.stringify(line)));

  test('take effect in their order, packed or not, and once', async () => {
    const ledger = await newLedger();
    await using server = await ledger.serve('--cut-interval', '50ms');
    const list = join(folder.path, 'events.jsonl');
    await writeFile(list, LIST.join('\n'));
    const first = await ledger.run('import', list, '--json');
    expect(first.code).toBe(1);
    expect(namedIn(first.stderr, list)).toEqual([
      [6, 'json.syntax'],
      [8, 'absent'],
    ]);
    const refused = { rejected: { absent: 1 }, bad: { 'json.syntax': 1 } };
    const counts = { lines: 9, added: 4, replaced: 1, removed: 1, yanked: 1 };
    expect(JSON.parse(first.stdout)).toEqual(account({ ...counts, ...refused }));
    const shown = async (path: string) => (await ledger.run('show', path)).stdout;
    expect(await shown('a/kept')).toContain('{"custom":{"license":"MIT"},');
    expect(await shown('a/marked')).toContain('{"custom":{"yanked":"breaks on 32 bit"},');
    expect(await shown('a/gone')).toContain('is not listed');
    const packed = join(folder.path, 'events.jsonl.gz');
    await writeFile(packed, gzipSync(LIST.slice(0, 3).join('\n')));
    expect(await ledger.json('import', packed)).toEqual(account({ lines: 3, unchanged: 3 }));
    expect(await shown('a/kept')).toContain('{"custom":{"license":"MIT"},');
    expect(await server.stop()).toBe(0);
  });
});

test('a PEP 691 folder: added, yanked with the reason, and named where it stands', async () => {
  const ledger = await newLedger();
  const simple = join(folder.path, 'simple');
  await mkdir(join(simple, 'demo'), { recursive: true });
  const document = (...yanked: unknown[]): string => {
    const files = yanked.map((each, i) => ({
      filename: `demo-${i}.zip`,
      size: i,
      hashes: { sha256: sha256HexNative(String(i)) },
      yanked: each,
    }));
    const hashless = { filename: 'old.zip', size: 1, hashes: {} };
    const meta = { 'api-version': '1.1' };
    return JSON.stringify({ meta, name: 'demo', files: [...files, hashless] });
  };
  const list = join(simple, 'demo/index.json');
  await writeFile(list, document(false, true, 'breaks'));
  await using server = await ledger.serve('--cut-interval', '50ms');
  const first = await ledger.run('import', simple, '--json');
  const counts = { lines: 4, bad: { 'simple.sha256': 1 } };
  expect(JSON.parse(first.stdout)).toEqual(account({ ...counts, added: 3 }));
  expect(namedIn(first.stderr, list)).toEqual([[4, 'simple.sha256']]);
  const shown = async (path: string) => (await ledger.run('show', path)).stdout;
  expect(await shown('demo/demo-2.zip')).toContain('{"custom":{"yanked":"breaks"},');
  // Yanked at the source since; what is no longer yanked there stays so.
  await writeFile(list, document('withdrawn', false, 'breaks'));
  const second = await ledger.run('import', simple, '--json');
  expect(JSON.parse(second.stdout)).toEqual(account({ ...counts, replaced: 1, unchanged: 2 }));
  expect(await shown('demo/demo-0.zip')).toContain('{"custom":{"yanked":"withdrawn"},');
  expect(await shown('demo/demo-1.zip')).toContain('{"custom":{"yanked":true},');
  expect(await server.stop()).toBe(0);
});

describe('a dry run', () => {
  const line = (path: string, length: number, more: object = {}): string =>
    JSON.stringify({ path, length, sha256: sha256HexNative(`${path}${length}`), ...more });
  const LIST = [
    line('d/kept', 1),
    line('d/other', 2),
    line('d/gone', 1),
    line('d/new', 1),
    line('d/new', 1),
    line('d/new', 2),
    line('d/kept', 1, { custom: { license: 'MIT' } }),
    line('d/first', 1, { expected: 'absent' }),
    JSON.stringify({ path: 'd/kept', type: 'target.removed' }),
    JSON.stringify({ path: 'd/kept', type: 'target.removed' }),
    line('d/kept', 2),
    JSON.stringify({ path: 'd/first', type: 'target.yanked' }),
    JSON.stringify({ path: 'd/absent', type: 'target.yanked' }),
    '{',
  ].join('\n');

  test('says what the import then comes to, and writes nothing', async () => {
    const ledger = await newLedger();
    await using server = await ledger.serve('--cut-interval', '50ms');
    const before = join(folder.path, 'before.jsonl');
    await writeFile(before, [line('d/kept', 1), line('d/other', 1), line('d/gone', 1)].join('\n'));
    expect(await ledger.json('import', before)).toEqual(account({ lines: 3, added: 3 }));
    expect((await ledger.run('remove', 'd/gone', '--wait', 'published')).code).toBe(0);
    const list = join(folder.path, 'dry.jsonl');
    await writeFile(list, LIST);
    const timestamp = async (): Promise<unknown> =>
      rootOf(await server.get('metadata/timestamp.json'));
    const root = await timestamp();
    const dry = await ledger.run('import', list, '--dry-run', '--json');
    expect(dry.code).toBe(1);
    expect(JSON.parse(dry.stdout)).toEqual({
      dry_run: true,
      ...account({ lines: 14, added: 4, replaced: 1, removed: 1, yanked: 1, unchanged: 3 }),
      rejected: { conflict: 2, absent: 1 },
      bad: { 'json.syntax': 1 },
    });
    expect(await timestamp()).toBe(root);
    const said = await ledger.run('import', list, '--dry-run');
    expect(said.stdout).toMatch(/^Nothing was sent\. It would be: 14 lines: 4 added, /);
    const real = await ledger.run('import', list, '--json');
    const { seconds: _, ...came } = JSON.parse(dry.stdout) as Account;
    expect({ dry_run: true, ...JSON.parse(real.stdout) }).toMatchObject(came);
    expect(new Map(namedIn(real.stderr, list))).toEqual(new Map(namedIn(dry.stderr, list)));
    expect(await timestamp()).not.toBe(root);
    expect(await server.stop()).toBe(0);
  });

  test('of a long list, before and after the import', async () => {
    const ledger = await newLedger();
    const before = await ledger.json('import', SAMPLE, '--dry-run');
    expect(before).toEqual({ dry_run: true, ...account({ lines: 5000, added: 5000 }) });
    expect(await ledger.json('import', SAMPLE)).toEqual(account({ lines: 5000, added: 5000 }));
    const after = await ledger.json('import', SAMPLE, '--dry-run');
    expect(after).toEqual({ dry_run: true, ...account({ lines: 5000, unchanged: 5000 }) });
  });
});

function rootOf({ body }: { body: Uint8Array }): unknown {
  const timestamp = JSON.parse(Buffer.from(body).toString()) as { signed: { merkle_root: string } };
  return timestamp.signed.merkle_root;
}

async function pathsIn(packages: string): Promise<string[]> {
  const text = await readFile(packages, 'utf8');
  return [...text.matchAll(/^Filename: (.*)$/gm)].map(([, path]) => path!);
}

function namedIn(stderr: string, list: string): [number, string][] {
  return stderr.split('\n').flatMap((line): [number, string][] => {
    if (!line.startsWith(`${list}:`)) return [];
    const [, number, code] = /^:(\d+): ([a-z0-9._]+): \S/.exec(line.slice(list.length)) ?? [];
    return [[Number(number), code ?? line]];
  });
}
