// `tidemark import`: bad lines are named and the good ones kept, an interrupted one goes on, and every
// way to hand over a list gives the same ledger.
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { sha256HexNative } from '@tidemark/canonical/native';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/files.ts';
import { CHECKOUT, initLedger, tidemark, type Ledger } from './tidemark.ts';

const SAMPLE = join(CHECKOUT, 'test/data/debian-bookworm-5000.tsv');
const PACKAGES = join(CHECKOUT, 'test/data/debian-bookworm-20.packages');

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let ledgers = 0;
beforeAll(async () => {
  folder = await temporaryFolder();
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
    const refused = Object.fromEntries(NAMED.map(([, reason]) => [reason, 1]));
    expect(JSON.parse(stdout)).toEqual({ lines: 10, added: 2, unchanged: 1, refused });
    expect((await ledger.run('show', 'pool/last~1+b1.deb')).code).toBe(0);
    expect((await ledger.run('show', 'pool/length.deb')).code).toBe(1);
    expect(await server?.stop()).toBe(server === undefined ? undefined : 0);
  });

  test.each([
    ['that is not there', 'absent.tsv', undefined, 'ENOENT'],
    ['that is empty', 'empty.tsv', '', 'is empty'],
    ['that is something else', 'x.json', '{"a": 1}', 'neither a .tsv'],
    ['that is a folder', '.', undefined, 'is a folder'],
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
    const account = JSON.parse(stdout) as { lines: number; added: number; refused: unknown };
    expect(code).toBe(1);
    expect(account.refused).toEqual({ 'source.truncated': 1 });
    expect(account.added).toBeGreaterThan(2000);
    expect(namedIn(stderr, file)).toEqual([[account.lines, 'source.truncated']]);
  });
});

describe('the same list', () => {
  test('as a file, packed, and through a pipe is the same events', async () => {
    const ledger = await newLedger();
    await using server = await ledger.serve();
    const packed = join(folder.path, 'sample.tsv.gz');
    await writeFile(packed, gzipSync(await readFile(SAMPLE)));
    const first = await ledger.json('import', packed);
    expect(first).toEqual({ lines: 5000, added: 5000, unchanged: 0, refused: {} });
    const before = await server.get('metadata/timestamp.json');
    const again = await ledger.json('import', SAMPLE);
    expect(again).toEqual({ lines: 5000, added: 0, unchanged: 5000, refused: {} });
    const { code, stdout } = await tidemark(['import', ledger.folder, '-', '--json'], {
      input: await readFile(SAMPLE, 'utf8'),
    });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(again);
    const root = ({ body }: { body: Uint8Array }): unknown =>
      (JSON.parse(Buffer.from(body).toString()) as { signed: { merkle_root: string } }).signed
        .merkle_root;
    expect(root(await server.get('metadata/timestamp.json'))).toBe(root(before));
  });

  test('brings back what was removed since, as often as that was, and nothing else', async () => {
    const ledger = await newLedger();
    await using server = await ledger.serve('--cut-interval', '50ms');
    const first = await ledger.json('import', PACKAGES);
    expect(first).toEqual({ lines: 20, added: 20, unchanged: 0, refused: {} });
    const [path] = await pathsIn(PACKAGES);
    const wait = ['--wait', 'published'];
    for (let i = 0; i < 2; i++) {
      expect((await ledger.run('remove', path!, ...wait)).code).toBe(0);
      const again = await ledger.json('import', PACKAGES);
      expect(again).toEqual({ lines: 20, added: 1, unchanged: 19, refused: {} });
      expect((await ledger.run('show', path!)).code).toBe(0);
      const once = await ledger.json('import', PACKAGES);
      expect(once).toEqual({ lines: 20, added: 0, unchanged: 20, refused: {} });
    }
    // A path with other content by now is refused, as it would be in a first import.
    expect((await ledger.run('remove', path!, ...wait)).code).toBe(0);
    const other = ['--length', '1', '--sha256', 'a'.repeat(64), ...wait];
    expect((await ledger.run('add', path!, ...other)).code).toBe(0);
    const { code, stdout } = await ledger.run('import', PACKAGES, '--json');
    expect(code).toBe(1);
    const refused = { conflict: 1 };
    expect(JSON.parse(stdout)).toEqual({ lines: 20, added: 0, unchanged: 19, refused });
    expect(await server.stop()).toBe(0);
  });

  test('a Debian Packages index', async () => {
    const ledger = await newLedger();
    const account = await ledger.json('import', PACKAGES);
    expect(account).toEqual({ lines: 20, added: 20, unchanged: 0, refused: {} });
  });
});

describe('interrupted by SIGKILL and started again', () => {
  test('without a server: the ledger itself dies with it', async () => {
    const ledger = await newLedger();
    await interrupt(ledger);
    const account = await ledger.json<Account>('import', SAMPLE);
    expect(account).toMatchObject({ lines: 5000, refused: {} });
    expect(account.added + account.unchanged).toBe(5000);
    expect(await ledger.json('import', SAMPLE)).toMatchObject({ added: 0, unchanged: 5000 });
  });

  test('with a server: it alone dies', async () => {
    const ledger = await newLedger();
    await using server = await ledger.serve('--cut-interval', '50ms');
    await interrupt(ledger);
    const account = await ledger.json<Account>('import', SAMPLE);
    expect(account.added + account.unchanged).toBe(5000);
    expect(account.unchanged).toBeGreaterThan(0);
    expect(await server.stop()).toBe(0);
  });

  test('the server dies under it: it says what to do, and nothing is lost', async () => {
    const ledger = await newLedger();
    const server = await ledger.serve('--cut-interval', '50ms');
    const importing = ledger.start('import', SAMPLE);
    await somethingLogged(ledger);
    await server.kill();
    const { code, stderr } = await importing.exited;
    expect(code).toBe(1);
    expect(stderr).toContain('repeating the command is harmless (ledger.gone)');
    const account = await ledger.json<Account>('import', SAMPLE);
    expect(account.added + account.unchanged).toBe(5000);
  });
});

async function pathsIn(packages: string): Promise<string[]> {
  const text = await readFile(packages, 'utf8');
  return [...text.matchAll(/^Filename: (.*)$/gm)].map(([, path]) => path!);
}

interface Account {
  readonly added: number;
  readonly unchanged: number;
}

/** Kills an import once some of it is in the logs. */
async function interrupt(ledger: Ledger): Promise<void> {
  const importing = ledger.start('import', SAMPLE);
  await somethingLogged(ledger);
  expect(await importing.kill()).toBe(null);
}

/** Resolves when the write-ahead log of the logs has grown by some events. */
async function somethingLogged(ledger: Ledger): Promise<void> {
  const folder = join(ledger.folder, 'log');
  const size = async (): Promise<number> => {
    let sum = 0;
    for (const name of await readdir(folder)) {
      if (name.endsWith('.log'))
        sum += await stat(join(folder, name)).then(
          (it) => it.size,
          () => 0,
        );
    }
    return sum;
  };
  const before = await size();
  while ((await size()) < before + 200_000);
}

function namedIn(stderr: string, list: string): [number, string][] {
  return stderr.split('\n').flatMap((line): [number, string][] => {
    if (!line.startsWith(`${list}:`)) return [];
    const [, number, code] = /^:(\d+): ([a-z0-9._]+): \S/.exec(line.slice(list.length)) ?? [];
    return [[Number(number), code ?? line]];
  });
}
