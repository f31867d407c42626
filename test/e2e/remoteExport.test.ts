// `tidemark export URL`: the tree that `export DIR` writes, and from a server that lies nothing at all.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { sha256HexNative } from '@tidemark/canonical/native';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/files.ts';
import { initLedger, tidemark, type Ledger, type Run, type Serving } from './tidemark.ts';

const FIRST = 'demo/a+b~1.0.tar.gz';
const LATER = 'later.txt';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let ledger: Ledger;
let server: Serving;
let root: string;
let ours: string;
let theirs: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  ledger = await initLedger(join(folder.path, 'index'), '--bins', '64');
  root = join(ledger.folder, '1.root.json');
  [ours, theirs] = [join(folder.path, 'ours'), join(folder.path, 'theirs')];
  server = await ledger.serve('--cut-interval', '50ms');
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
  await folder[Symbol.asyncDispose]();
});

/** A target whose bytes the ledger keeps, and whose path they are. */
async function add(path: string): Promise<void> {
  const file = join(folder.path, 'content');
  await writeFile(file, path);
  await ledger.json('add', path, '--file', file, '--wait', 'published');
}

async function exportFrom(url: string, ...flags: readonly string[]): Promise<Run> {
  return tidemark(['export', url, theirs, ...flags, '--json']);
}

/** Every file of a tree but those of its lock: what it is called, what it holds. */
async function treeOf(out: string): Promise<Map<string, string>> {
  const tree = new Map<string, string>();
  for (const entry of await readdir(out, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    tree.set(path.slice(out.length), sha256HexNative(await readFile(path)));
  }
  return tree;
}

describe('in the order of a mirror’s life', () => {
  test('without a first root nothing is believed, and nothing made', async () => {
    await add(FIRST);
    const { code, stderr } = await exportFrom(server.url);
    expect(code).toBe(1);
    expect(stderr).toContain('--root 1.root.json, by a way that you trust (export.root)');
    expect(await readdir(folder.path)).not.toContain('theirs');
  });

  test('the tree is that of the folder, byte for byte', async () => {
    const there = await ledger.json<object>('export', ours);
    const { code, stdout } = await exportFrom(server.url, '--root', root);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(there);
    expect(there).toMatchObject({ files: 69, written: 69, targets: 1 });
    const tree = await treeOf(ours);
    const content = sha256HexNative(FIRST);
    expect(tree.get(`/targets/demo/${content}.a+b~1.0.tar.gz`)).toBe(content);
    expect(tree.get(`/targets/${content}.demo/a+b~1.0.tar.gz`)).toBe(content);
    expect(await treeOf(theirs)).toEqual(tree);
  });

  test('a server that lies about what is new is refused, and the tree stays as it was', async () => {
    const before = await treeOf(theirs);
    await add(LATER);
    for (const [what, tamper, code] of LIES) {
      await using liar = await lying(...tamper);
      const run = await exportFrom(liar.url, '--retry-for', '1s');
      expect([what, run.code, run.stdout]).toEqual([what, 1, '']);
      expect([what, run.stderr]).toEqual([what, expect.stringContaining(`(${code})`)]);
      expect([what, await treeOf(theirs)]).toEqual([what, before]);
      expect([what, liar.lies > 0]).toEqual([what, true]);
    }
  });

  test('what is new comes, and only that', async () => {
    const { stdout } = await exportFrom(server.url);
    // The bin that lists it, snapshot.json and the timestamp.
    expect(JSON.parse(stdout)).toMatchObject({ files: 69, written: 3, targets: 1 });
    await ledger.json('export', ours);
    expect(await treeOf(theirs)).toEqual(await treeOf(ours));
    expect(JSON.parse((await exportFrom(server.url)).stdout)).toMatchObject({
      written: 0,
      targets: 0,
    });
  });

  test('what it shows is not taken back', async () => {
    const before = await treeOf(theirs);
    await using liar = await lying(
      (path) => path === '/metadata/timestamp.json',
      async () => Buffer.from((await server.get('metadata/1.timestamp.json')).body),
    );
    const { code, stderr } = await exportFrom(liar.url);
    expect(code).toBe(1);
    expect(stderr).toContain('(export.rollback)');
    expect(await treeOf(theirs)).toEqual(before);
  });

  test('another ledger is refused by its first root', async () => {
    const before = await treeOf(theirs);
    const other = await initLedger(join(folder.path, 'other'), '--bins', '64');
    await using second = await other.serve('--cut-interval', '50ms');
    const stranger = await exportFrom(second.url);
    expect(stranger.code).toBe(1);
    expect(stranger.stderr).toContain('(export.signature)');
    const mixed = await exportFrom(second.url, '--root', join(other.folder, '1.root.json'));
    expect(mixed.code).toBe(1);
    expect(mixed.stderr).toContain('the tree of another ledger (export.root)');
    expect(await treeOf(theirs)).toEqual(before);
  });
});

type Answer = Buffer | 'none' | 'endless';
/** Which answers are tampered with. */
type Where = (path: string) => boolean;
type Tamper = (honest: Buffer) => Answer | Promise<Answer>;

const shorter: Tamper = (honest) => honest.subarray(0, -1);
const endless: Tamper = () => 'endless';
/** Another digit in place of the last one: of the same length, and JSON as before. */
const another: Tamper = (honest) => {
  const at = honest.findLastIndex((byte) => byte >= 0x30 && byte <= 0x39);
  const changed = Buffer.from(honest);
  const last = Math.max(at, 0);
  changed[last]! += changed[last] === 0x39 ? -1 : 1;
  return changed;
};

const timestamp: Where = (path) => path === '/metadata/timestamp.json';
const snapshot: Where = (path) => path.endsWith('.snapshot.json');
const bin: Where = (path) => path.includes('.bin-');
const target: Where = (path) => path.startsWith('/targets/');
const nextRoot: Where = (path) => path === '/metadata/2.root.json';

const LIES: readonly (readonly [string, readonly [Where, Tamper], string])[] = [
  ['another timestamp', [timestamp, another], 'export.signature'],
  ['half a timestamp', [timestamp, shorter], 'export.form'],
  ['an endless timestamp', [timestamp, endless], 'ledger.too_large'],
  ['another snapshot', [snapshot, another], 'export.sha256'],
  ['a shorter snapshot', [snapshot, shorter], 'export.length'],
  ['an endless snapshot', [snapshot, endless], 'ledger.too_large'],
  ['no snapshot', [snapshot, () => 'none'], 'export.missing'],
  ['another bin', [bin, another], 'export.sha256'],
  ['a shorter bin', [bin, shorter], 'export.length'],
  ['an endless bin', [bin, endless], 'ledger.too_large'],
  ['no bin', [bin, () => 'none'], 'export.missing'],
  ['another target file', [target, another], 'export.sha256'],
  ['a shorter target file', [target, shorter], 'export.length'],
  ['an endless target file', [target, endless], 'ledger.too_large'],
  ['a root that nobody signed', [nextRoot, async () => readFile(root)], 'export.form'],
  ['an endless root', [nextRoot, endless], 'ledger.too_large'],
];

interface Liar extends AsyncDisposable {
  readonly url: string;
  readonly lies: number;
}

/** Stands before the server, and passes on what it answers but for some. */
async function lying(where: Where, tamper: Tamper): Promise<Liar> {
  let lies = 0;
  const proxy = createServer((request, response) => {
    void (async () => {
      const path = request.url!;
      const { status, body } = await server.get(path.slice(1));
      if (!where(path)) return response.writeHead(status).end(body);
      lies++;
      return lieWith(await tamper(Buffer.from(body)), response);
    })();
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/`,
    get lies() {
      return lies;
    },
    [Symbol.asyncDispose]: async () => {
      proxy.closeAllConnections();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}

function lieWith(answer: Answer, response: ServerResponse): void {
  if (answer === 'none') response.writeHead(404).end();
  else if (answer === 'endless') pourInto(response);
  else response.end(answer);
}

function pourInto(response: ServerResponse): void {
  const chunk = Buffer.alloc(1 << 16, 0x20);
  const pour = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', pour);
  pour();
}
