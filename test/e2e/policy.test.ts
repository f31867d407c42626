// What init's flags say of the policy, an index does.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClientRequest } from '../clients/report.ts';
import { askPythonTuf } from '../clients/python.ts';
import { requireComponent } from '../support/component.ts';
import { temporaryFolder } from '../support/files.ts';
import { providePythonTuf } from '../support/provision.ts';
import { initLedger, tidemark, type Ledger } from './tidemark.ts';

const FIRST = 'a'.repeat(64);
const OTHER = 'b'.repeat(64);

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

async function made(name: string, ...flags: readonly string[]): Promise<Ledger> {
  return initLedger(join(folder.path, name), '--bins', '64', ...flags);
}

async function add(ledger: Ledger, sha256: string): Promise<{ state: string; code?: string }> {
  const args = ['add', 'p/1', '--length', '1', '--sha256', sha256, '--wait', 'published', '--json'];
  const [command = '', ...rest] = args;
  return JSON.parse((await ledger.run(command, ...rest)).stdout) as { state: string };
}

async function hashListed(ledger: Ledger): Promise<string> {
  const { target } = await ledger.json<{ target: { hashes: { sha256: string } } }>('show', 'p/1');
  return target.hashes.sha256;
}

interface SnapshotMeta {
  readonly signed: { readonly version: number; readonly meta: Record<string, object> };
}

describe('--conflict', () => {
  test.each<[string, string[], string, string]>([
    ['reject, as without the flag', [], 'rejected', FIRST],
    ['replace', ['--conflict', 'replace'], 'applied', OTHER],
  ])('%s', async (name, flags, state, listed) => {
    const ledger = await made(name, ...flags);
    expect(await add(ledger, FIRST)).toMatchObject({ state: 'applied' });
    expect(await add(ledger, OTHER)).toMatchObject({ state });
    expect(await hashListed(ledger)).toBe(listed);
  });
});

await requireComponent('python-tuf', providePythonTuf, 'snapshot.json', (python) => {
  test.each([
    ['with hashes', [], ['hashes', 'length', 'version']],
    ['without hashes', ['--no-snapshot-hashes'], ['version']],
  ])('%s', async (name, flags, members) => {
    const ledger = await made(name, ...flags);
    await add(ledger, FIRST);
    await using server = await ledger.serve();
    const { versions } = JSON.parse(
      Buffer.from((await server.get('v1/snapshots/newest')).body).toString(),
    ) as { versions: { snapshot: number } };
    const { body } = await server.get(`metadata/${versions.snapshot}.snapshot.json`);
    const { signed } = JSON.parse(Buffer.from(body).toString()) as SnapshotMeta;
    const files = Object.values(signed.meta);
    expect(files).toHaveLength(66);
    for (const file of files) expect(Object.keys(file).toSorted()).toEqual(members);
    const request: ClientRequest = {
      metadataUrl: `${server.url}metadata/`,
      targetUrl: `${server.url}targets/`,
      root: ledger.root,
      paths: ['p/1', 'p/2'],
      folder: join(folder.path, `${name}-client`),
      download: false,
    };
    expect(await askPythonTuf(python, request)).toMatchObject({
      refresh: { result: 'ok' },
      targets: { 'p/1': { result: 'ok', length: 1 }, 'p/2': { result: 'absent' } },
    });
  });
});

describe('--classic', () => {
  test.each([
    ['every', 0],
    ['250ms', 250],
    ['off', null],
  ])('%s', async (when, classicMs) => {
    const ledger = await made(`classic-${when}`, '--classic', when);
    await add(ledger, FIRST);
    await using server = await ledger.serve();
    const asked = await server.get('v1/ledger');
    expect(JSON.parse(Buffer.from(asked.body).toString())).toMatchObject({
      policy: { classic_ms: classicMs },
    });
    const { status } = await server.get('metadata/2.snapshot.json');
    expect(status).toBe(classicMs === null ? 404 : 200);
  });

  test.each(['0s', '11s', 'never', '1', ''])('%j is refused', async (when) => {
    const place = join(folder.path, 'new');
    const { code, stderr } = await tidemark(['init', place, '--yes', '--classic', when]);
    expect(code).toBe(2);
    expect(stderr).toContain('--classic needs every, off, or ');
  });
});
