// `tidemark export`: a static tree that breaks no rule of the clients, that a client uses from any web
// server (P51), and that is whole at every moment while a new snapshot is exported over it.
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256HexNative, sha256Native } from '@tidemark/canonical/native';
import { lintRepository, parseSnapshot, parseTimestamp } from '@tidemark/tuf';
import { nativeVerifiers } from '@tidemark/tuf/native';
import { describe, expect, test } from 'vitest';
import { askPythonTuf } from '../clients/python.ts';
import { requireComponent } from '../support/component.ts';
import { serveFolder, temporaryFolder } from '../support/files.ts';
import { providePythonTuf } from '../support/provision.ts';
import { CHECKOUT, initLedger, type Ledger } from './tidemark.ts';

const SAMPLE = join(CHECKOUT, 'test/data/debian-bookworm-5000.tsv');
const BINS = 2048;
const KEPT = 'demo/a+b~1.0.tar.gz';
const YANKED = 'yanked-1.0.tar.gz';
const REMOVED = 'demo/removed-1.0.tar.gz';

interface Account {
  readonly snapshot: number;
  readonly files: number;
  readonly written: number;
  readonly targets: number;
}

await requireComponent('python-tuf', providePythonTuf, 'an exported tree', (python) => {
  test.each(['succinct', 'prefixes'] as const)('%s', { timeout: 180_000 }, async (delegation) => {
    await using folder = await temporaryFolder();
    const flags = ['--bins', String(BINS), '--delegation', delegation];
    const ledger = await initLedger(join(folder.path, 'index'), ...flags);
    const out = join(folder.path, 'mirror');
    await ledger.json('import', SAMPLE);
    for (const path of [KEPT, YANKED, REMOVED]) await add(ledger, path);
    await ledger.json('yank', YANKED);
    await ledger.json('remove', REMOVED);
    // Nothing runs: each command was the ledger for a while, and this one sees what they left.
    const first = await ledger.json<Account>('export', out);
    expect(first).toMatchObject({ files: BINS + 5, written: BINS + 5, targets: 2 });

    await using web = await serveFolder(out);
    const request = {
      metadataUrl: `${web.url}metadata/`,
      targetUrl: `${web.url}targets/`,
      root: ledger.root,
      paths: [KEPT, YANKED, REMOVED],
      folder: join(folder.path, 'client'),
    };
    expect((await askPythonTuf(python, request)).targets).toEqual({
      [KEPT]: present(KEPT, null),
      [YANKED]: present(YANKED, { yanked: true }),
      [REMOVED]: { result: 'absent' },
    });

    await add(ledger, REMOVED);
    const second = await ledger.json<Account>('export', out);
    // The bin that lists it, snapshot.json and the timestamp.
    expect(second).toMatchObject({ files: BINS + 5, written: 3, targets: 1 });
    expect(await findings(out)).toEqual([]);
    expect(await ledger.json<Account>('export', out)).toMatchObject({ written: 0, targets: 0 });
    const { targets } = await askPythonTuf(python, request);
    expect(targets[REMOVED]).toEqual(present(REMOVED, null));
  });
});

describe('while it is exported', () => {
  test('a reader has a whole tree at every moment', { timeout: 120_000 }, async () => {
    await using folder = await temporaryFolder();
    const ledger = await initLedger(join(folder.path, 'index'), '--bins', '512');
    const out = join(folder.path, 'mirror');
    await using server = await ledger.serve('--cut-interval', '50ms');
    await ledger.json('export', out);
    const exports = new AbortController();
    const reader = readAllTheTime(out, exports.signal);
    const snapshots = new Set<number>();
    for (let round = 0; round < 3; round++) {
      const file = join(folder.path, 'list.tsv');
      await writeFile(file, listOf(round));
      // The import goes on while the tree is exported.
      const importing = ledger.json('import', file);
      snapshots.add((await ledger.json<Account>('export', out)).snapshot);
      await importing;
      snapshots.add((await ledger.json<Account>('export', out)).snapshot);
    }
    exports.abort();
    const { rounds, seen } = await reader;
    expect(await server.stop()).toBe(0);
    expect(rounds).toBeGreaterThan(snapshots.size);
    expect(seen.size).toBeGreaterThan(2);
    expect(await findings(out)).toEqual([]);
  });

  test('killed anywhere it leaves the old tree whole, and the next run completes it', async () => {
    await using folder = await temporaryFolder();
    const ledger = await initLedger(join(folder.path, 'index'), '--bins', '1024');
    const out = join(folder.path, 'mirror');
    await using server = await ledger.serve('--cut-interval', '50ms');
    await ledger.json('export', out);
    for (let round = 0; round < 4; round++) {
      const file = join(folder.path, 'list.tsv');
      await writeFile(file, listOf(round));
      await ledger.json('import', file);
      const before = await versionIn(out);
      const exporting = ledger.start('export', out);
      // Some of the files of the new snapshot are there: then it dies.
      await filesBeyond(out, (await readdir(join(out, 'metadata'))).length + 20 * round);
      expect(await exporting.kill()).toBe(null);
      await demandWhole(out);
      expect(await versionIn(out)).toBe(before);
    }
    await ledger.json('export', out);
    expect(await findings(out)).toEqual([]);
    const newest = (await server.get('metadata/timestamp.json')).body;
    expect(await versionIn(out)).toBe(parseTimestamp(newest).signed.version);
  }, 120_000);
});

async function findings(out: string): Promise<readonly unknown[]> {
  const metadata = join(out, 'metadata');
  const files = new Map<string, Uint8Array>();
  for (const name of await readdir(metadata)) {
    if (!name.startsWith('.')) files.set(name, await readFile(join(metadata, name)));
  }
  const native = { verifiers: nativeVerifiers, sha256: sha256Native };
  return lintRepository(files, { now: Date.now(), ...native });
}

/** Reads what a client would, again and again; a file that is missing or another one is an error. */
async function readAllTheTime(
  out: string,
  signal: AbortSignal,
): Promise<{ rounds: number; seen: ReadonlySet<number> }> {
  const seen = new Set<number>();
  let rounds = 0;
  for (; !signal.aborted; rounds++) seen.add(await demandWhole(out));
  return { rounds, seen };
}

/** Every file that the timestamp leads to is there, as stated. @returns the snapshot's version */
async function demandWhole(out: string): Promise<number> {
  const metadata = join(out, 'metadata');
  const timestamp = parseTimestamp(await readFile(join(metadata, 'timestamp.json')));
  const { version, hashes } = timestamp.signed.snapshot;
  const snapshot = await readFile(join(metadata, `${version}.snapshot.json`));
  expect(sha256HexNative(snapshot)).toBe(hashes!.get('sha256'));
  for (const [file, meta] of parseSnapshot(snapshot).signed.meta) {
    const bytes = await readFile(join(metadata, `${meta.version}.${file}`));
    if (sha256HexNative(bytes) !== meta.hashes?.get('sha256')) expect.fail(file);
  }
  return version;
}

async function versionIn(out: string): Promise<number> {
  const bytes = await readFile(join(out, 'metadata/timestamp.json'));
  return parseTimestamp(bytes).signed.version;
}

async function filesBeyond(out: string, count: number): Promise<void> {
  while ((await readdir(join(out, 'metadata'))).length <= count);
}

/** Changes nearly every bin. */
function listOf(round: number): string {
  const lines = Array.from({ length: 2500 }, (_, i) => {
    const path = `pool/r${round}/p${i}_1.0.deb`;
    return `${path}\t${100 + i}\t${sha256HexNative(path)}\n`;
  });
  return lines.join('');
}

async function add(ledger: Ledger, path: string): Promise<void> {
  const file = `${ledger.folder}.upload`;
  await writeFile(file, contentOf(path));
  await ledger.json('add', path, '--file', file);
}

function contentOf(path: string): string {
  return `the bytes of ${path}\n`;
}

function present(path: string, custom: unknown) {
  const content = contentOf(path);
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { result: 'ok', length: content.length, sha256, custom };
}
