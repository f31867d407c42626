// `tidemark client` against a running ledger, by both forms of delegation, and against a mirror that lies.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { openClient, httpFetch, memoryStore, portableHashes } from '@tidemark/client';
import type { MerklePolicy } from '@tidemark/client';
import { portableVerifiers } from '@tidemark/tuf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/files.ts';
import { ask } from './ask.ts';
import { initLedger, tidemark, type Ledger, type Run, type Serving } from './tidemark.ts';

const CONTENT = 'the bytes of demo';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

describe.each(['succinct', 'prefixes'] as const)('a ledger with %s bins', (delegation) => {
  let ledger: Ledger;
  let server: Serving;

  beforeAll(async () => {
    const flags = ['--bins', '1024', '--delegation', delegation];
    ledger = await initLedger(join(folder.path, delegation), ...flags);
    server = await ledger.serve('--cut-interval', '50ms');
    const file = join(folder.path, 'content');
    await writeFile(file, CONTENT);
    for (const path of ['demo/a.tar.gz', 'demo/gone.tar.gz', 'demo/bad.tar.gz']) {
      await ledger.json('add', path, '--file', file);
    }
    await ledger.json('remove', 'demo/gone.tar.gz');
    await ledger.json('yank', 'demo/bad.tar.gz');
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test('what is listed is downloaded, once; what is not is refused', async () => {
    const merkle = delegation === 'succinct' ? 'demanded' : 'unused';
    const client = clientIn(`${delegation}-${merkle}`, server.url, merkle);
    expect(await client('init', join(ledger.folder, '1.root.json'))).toMatchObject({ code: 0 });
    for (const says of ['verified', 'unchanged']) {
      const run = await client('download', 'demo/a.tar.gz', 'demo/bad.tar.gz');
      expect(run).toMatchObject({ code: 0, stderr: '' });
      expect(run.stdout.match(new RegExp(`: ${says}`, 'g'))).toHaveLength(2);
    }
    const file = join(folder.path, `${delegation}-${merkle}-files`, 'demo%2Fa.tar.gz');
    expect(await readFile(file, 'utf8')).toBe(CONTENT);
    for (const path of ['demo/gone.tar.gz', 'demo/never', '../../etc/passwd']) {
      const run = await client('download', path);
      expect([run.code, run.stderr]).toEqual([1, expect.stringContaining('(client.absent)')]);
    }
    const kept = Object.keys(await trustedIn(`${delegation}-${merkle}`));
    expect(kept.includes('snapshot.json')).toBe(merkle === 'unused');
  });

  test('the library does the same with what runs in a browser', async () => {
    const client = await openClient({
      metadataUrl: `${server.url}metadata`,
      store: memoryStore(),
      fetch: httpFetch(),
      root: ledger.root,
      verifiers: portableVerifiers,
      hashes: portableHashes,
      now: Date.now,
    });
    const target = await client.target('demo/a.tar.gz');
    expect(target).toMatchObject({ length: CONTENT.length, role: expect.stringMatching(/^bin-/) });
    const chunks: Uint8Array[] = [];
    for await (const chunk of client.download(target!, `${server.url}targets`)) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe(CONTENT);
    expect(await client.target('demo/gone.tar.gz')).toBeUndefined();
  });

  test('a mirror that lies is refused, what was trusted stays, and the honest one is believed again', async () => {
    await using mirror = await lyingMirror(server.url);
    const client = clientIn(`${delegation}-lied-to`, mirror.url, 'demanded');
    await client('init', join(ledger.folder, '1.root.json'));
    expect(await client('refresh')).toMatchObject({ code: 0 });
    for (const [lie, code] of [
      [/^\/metadata\/timestamp\.json$/, 'json.syntax'],
      [/^\/merkle\/.*\/(?:proofs|targets\.json)$/, 'tap16.not_canonical'],
      [/^\/merkle\/.*\/bin-[0-9a-f]+\.json$/, 'tap16.not_canonical'],
      [/^\/metadata\/.*bin-[0-9a-f]+\.json$/, 'client.hash'],
      [/^\/targets\//, 'client.hash'],
    ] as const) {
      const before = await trustedIn(`${delegation}-lied-to`);
      mirror.lieAbout(lie);
      const run = await client('download', 'demo/a.tar.gz');
      expect([run.code, run.stderr]).toEqual([1, expect.stringContaining(`(${code})`)]);
      expect(
        await readdir(join(folder.path, `${delegation}-lied-to-files`)).catch(() => []),
      ).toEqual([]);
      expect(await trustedIn(`${delegation}-lied-to`)).toMatchObject(before);
    }
    mirror.lieAbout(undefined);
    expect(await client('download', 'demo/a.tar.gz')).toMatchObject({ code: 0, stderr: '' });
  });
});

test('what is missing is said, and how to go on', async () => {
  const client = clientIn('new', 'http://127.0.0.1:1/');
  const run = await client('refresh');
  expect([run.code, run.stderr]).toEqual([1, expect.stringContaining('(client.no_root)')]);
  expect((await client('init', join(folder.path, 'none'))).code).toBe(1);
  await client('init', join(folder.path, 'succinct', '1.root.json'));
  expect((await client('init', join(folder.path, 'succinct', '1.root.json'))).stderr).toContain(
    '(client.trusted)',
  );
  expect((await client('refresh')).stderr).toContain('(client.fetch)');
  const bare = ['client', '--metadata-dir', join(folder.path, 'new')];
  expect((await tidemark([...bare, 'refresh'])).code).toBe(2);
});

/** The command with folders of its own. */
function clientIn(
  name: string,
  url: string,
  merkle: MerklePolicy = 'preferred',
): (what: 'init' | 'refresh' | 'download', ...args: readonly string[]) => Promise<Run> {
  const trusted = ['--metadata-dir', join(folder.path, name), '--merkle', merkle];
  return async (what, ...args) => {
    if (what === 'init') return tidemark(['client', ...trusted, 'init', ...args]);
    const files = join(folder.path, `${name}-files`);
    const where = ['--metadata-url', `${url}metadata`, '--target-base-url', `${url}targets`];
    const names = args.flatMap((path) => ['--target-name', path]);
    return tidemark(['client', ...trusted, ...where, '--target-dir', files, ...names, what]);
  };
}

/** The files of what a client trusts, by name. */
async function trustedIn(name: string): Promise<Record<string, string>> {
  const directory = join(folder.path, name);
  const names = (await readdir(directory)).filter((each) => each.endsWith('.json'));
  const files = names.map(async (each) => [each, await readFile(join(directory, each), 'utf8')]);
  return Object.fromEntries(await Promise.all(files)) as Record<string, string>;
}

/** Passes everything on; of the paths that it lies about it changes a byte. */
async function lyingMirror(
  origin: string,
): Promise<{ url: string; lieAbout(path: RegExp | undefined): void } & AsyncDisposable> {
  let lie: RegExp | undefined;
  const server = createServer((request, response) => {
    const { method = 'GET' } = request;
    const asked = buffer(request).then((body) => ask(origin, request.url!, { method, body }));
    void asked.then(({ status, body }) => {
      if (lie?.test(request.url!) === true) body[0] = body[0]! ^ 1;
      response.writeHead(status).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    lieAbout: (path) => {
      lie = path;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
