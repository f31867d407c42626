// Real clients on what a running ledger serves, and on what it exports: both encodings of the bins.
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { askPythonTuf } from '../clients/python.ts';
import type { ClientReport, ClientRequest, TargetReport } from '../clients/report.ts';
import { askTufJs } from '../clients/tuf-js.ts';
import { requireComponent } from '../support/component.ts';
import { temporaryFolder } from '../support/files.ts';
import { providePythonTuf } from '../support/provision.ts';
import { CHECKOUT, initLedger, type Ledger } from './tidemark.ts';

const SAMPLE = join(CHECKOUT, 'test/data/debian-bookworm-5000.tsv');
/** Of the sample: listed, without its bytes. */
const LISTED = 'pool/main/0/0ad/0ad_0.0.26-3_amd64.deb';
const KEPT = 'demo/a+b~1.0-1.tar.gz';
const YANKED = 'demo/yanked-1.0.tar.gz';
const REMOVED = 'demo/removed-1.0.tar.gz';
const LATER = 'demo/later-2.0.tar.gz';
const ABSENT = 'demo/absent-1.0.tar.gz';
const PATHS = [KEPT, YANKED, REMOVED, LATER, ABSENT];

type Ask = (request: ClientRequest) => Promise<ClientReport>;

await requireComponent('python-tuf', providePythonTuf, 'python-tuf at 16,384 bins', (python) => {
  // Versioned names (P47), hashed target names (P49) asked for by the client (P50), 16,384 bins (P28).
  test.each(['succinct', 'prefixes'] as const)('%s', { timeout: 180_000 }, async (delegation) => {
    await using folder = await temporaryFolder();
    const ledger = await initLedger(join(folder.path, 'index'), '--delegation', delegation);
    await followed(ledger, join(folder.path, 'client'), (request) => askPythonTuf(python, request));
  });
});

describe('tuf-js at 1,024 bins', () => {
  test.each(['succinct', 'prefixes'] as const)('%s', { timeout: 180_000 }, async (delegation) => {
    await using folder = await temporaryFolder();
    const flags = ['--bins', '1024', '--delegation', delegation];
    const ledger = await initLedger(join(folder.path, 'index'), ...flags);
    await followed(ledger, join(folder.path, 'client'), askTufJs);
  });
});

/** A client that comes early, comes again after more uploads, and a fresh one: what each of them sees. */
async function followed(ledger: Ledger, client: string, ask: Ask): Promise<void> {
  await using server = await ledger.serve('--cut-interval', '100ms');
  const imported = await ledger.json('import', SAMPLE);
  expect(imported).toMatchObject({ lines: 5000, added: 5000 });
  for (const path of [KEPT, YANKED, REMOVED]) await add(ledger, path);

  const request = {
    metadataUrl: `${server.url}metadata/`,
    targetUrl: `${server.url}targets/`,
    root: ledger.root,
    paths: PATHS,
    folder: client,
  };
  const early = await ask(request);
  expect(early.refresh).toEqual({ result: 'ok' });
  expect(early.targets).toEqual({
    [KEPT]: present(KEPT),
    [YANKED]: present(YANKED),
    [REMOVED]: present(REMOVED),
    [LATER]: { result: 'absent' },
    [ABSENT]: { result: 'absent' },
  });
  const listed = await ask({ ...request, paths: [LISTED], download: false });
  expect(listed.targets).toEqual({
    [LISTED]: {
      result: 'ok',
      length: 7_891_488,
      sha256: '3a2118df47bf3f04285649f0455c2fc6fe2dc7f0b237073038aa00af41f0d5f2',
      custom: null,
    },
  });

  // An upload changes its bin, then snapshot, then timestamp (P13, P52, P55), visible when it says so.
  await ledger.json('remove', REMOVED, '--wait', 'published');
  await ledger.json('yank', YANKED, '--reason', 'breaks', '--wait', 'published');
  await add(ledger, LATER);
  const expected = {
    [KEPT]: present(KEPT),
    [YANKED]: { ...present(YANKED), custom: { yanked: 'breaks' } },
    [REMOVED]: { result: 'absent' },
    [LATER]: present(LATER),
    [ABSENT]: { result: 'absent' },
  };
  const updated = await ask(request);
  expect(updated.refresh).toEqual({ result: 'ok' });
  expect(updated.targets).toEqual(expected);
  const { folder: _, ...fresh } = request;
  expect((await ask(fresh)).targets).toEqual(expected);
  expect(updated.bytes).toBeLessThan(4_000_000);
}

/** Keeps a file's bytes and lists it; visible when it returns. */
async function add(ledger: Ledger, path: string): Promise<void> {
  const file = `${ledger.folder}.upload`;
  await writeFile(file, contentOf(path));
  const { state } = await ledger.json<{ state: string }>(
    ...(['add', path, '--file', file, '--wait', 'published'] as const),
  );
  expect(state).toBe('applied');
}

function contentOf(path: string): string {
  return `the bytes of ${path}\n`;
}

function present(path: string): TargetReport {
  const content = contentOf(path);
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { result: 'ok', length: content.length, sha256, custom: null };
}
