/**
 * `tidemark export`: a complete static TUF tree of the newest snapshot.json, for rsync mirrors and any
 * web server (PEP 458: requirements P51, P55). Incremental: what is there already is not written again;
 * the timestamp comes last, so that a reader never meets a tree that is not whole.
 */
import { join, resolve } from 'node:path';
import { OperatingFault, parseJson, type JsonObject } from '@tidemark/canonical';
import { openFiles } from '@tidemark/publish';
import type { Access } from '../access.ts';
import { createProgress } from '../progress.ts';

const FILES_UNDER_WAY = 32;

export interface ExportAccount {
  readonly snapshot: number;
  readonly files: number;
  written: number;
}

export async function exportTree(access: Access, out: string): Promise<ExportAccount> {
  await using store = await openFiles(join(resolve(out), 'metadata'));
  const timestampBytes = await need(access, 'timestamp.json');
  const { signed } = parseJson(timestampBytes) as { signed: JsonObject };
  const meta = signed['meta'] as { 'snapshot.json': { version: number } };
  const version = meta['snapshot.json'].version;
  const snapshotName = `${version}.snapshot.json`;
  const snapshotBytes = await need(access, snapshotName);
  const snapshot = parseJson(snapshotBytes) as {
    signed: { meta: Record<string, { version: number }> };
  };
  const names = Object.entries(snapshot.signed.meta).map(
    ([file, { version: stated }]) => `${stated}.${file}`,
  );
  const account: ExportAccount = { snapshot: version, files: names.length + 3, written: 0 };
  const there = new Set(await store.list());
  const missing = names.filter((name) => !there.has(name));
  const progress = createProgress({
    label: 'exporting',
    unit: 'files',
    total: missing.length,
    output: process.stderr,
    now: () => performance.now(),
  });
  const put = async (name: string, bytes: Uint8Array): Promise<void> => {
    await store.putImmutable(name, bytes);
    progress.update(++account.written);
  };
  const queue = missing.values();
  const work = async (): Promise<void> => {
    for (const name of queue) await put(name, await need(access, name));
  };
  await Promise.all(Array.from({ length: FILES_UNDER_WAY }, work));
  await exportRoots(access, there, put);
  if (!there.has(snapshotName)) await put(snapshotName, snapshotBytes);
  await store.advance('timestamp.json', signed['version'] as number, timestampBytes);
  progress.finish();
  return account;
}

/** Every root version: clients walk them one by one. */
async function exportRoots(
  access: Access,
  there: ReadonlySet<string>,
  put: (name: string, bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  for (let version = 1; ; version++) {
    const name = `${version}.root.json`;
    const answer = await access.ask('GET', `/metadata/${name}`);
    if (answer.status === 404) return;
    if (!there.has(name)) await put(name, answer.body);
  }
}

async function need(access: Access, name: string): Promise<Uint8Array> {
  const answer = await access.ask('GET', `/metadata/${name}`);
  if (answer.status === 200) return answer.body;
  throw new OperatingFault('export.missing', `the ledger answered ${answer.status} for ${name}`);
}
