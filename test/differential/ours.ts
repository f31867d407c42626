// Our client's verdicts on a case.
import { createHash } from 'node:crypto';
import { OperatingFault, RejectedInput } from '@tidemark/canonical';
import { fileName, openClient, type Client, type TrustStore } from '@tidemark/client';
import { nativeHashes } from '@tidemark/client/native';
import { nativeVerifiers } from '@tidemark/tuf/native';
import type { Case, Visit } from './cases.ts';
import { ROOTS_MAX } from './delegations.ts';
import type { Served } from './render.ts';
import type { Refusal, TargetVerdict, Verdict } from './verdict.ts';

const URL = 'https://repository.example';

export async function ourVerdicts({ root, visits }: Case): Promise<Verdict[]> {
  const kept = new Map<string, Uint8Array>();
  const verdicts: Verdict[] = [];
  for (const visit of visits) {
    const { refused, targets } = await visitOnce(kept, root, visit);
    const store = Object.fromEntries(
      [...kept].map(([role, bytes]) => [fileName(`${role}.json`), sha256(bytes)]),
    );
    verdicts.push({ refused, targets, store });
  }
  return verdicts;
}

async function visitOnce(
  kept: Map<string, Uint8Array>,
  root: Uint8Array,
  { now, files, paths }: Visit,
): Promise<Pick<Verdict, 'refused' | 'targets'>> {
  const store: TrustStore = {
    read: async (role) => kept.get(role),
    write: async (role, bytes) => void kept.set(role, bytes.slice()),
    close: async () => undefined,
  };
  let client: Client;
  try {
    client = await openClient({
      store,
      root,
      verifiers: nativeVerifiers,
      hashes: nativeHashes,
      metadataUrl: `${URL}/metadata`,
      fetch: async (url) => chunksOf(files.get(decodeURIComponent(url.slice(URL.length + 1)))),
      now: () => now,
      limits: { roots: ROOTS_MAX },
    });
    await client.refresh();
  } catch (error) {
    return { refused: refusalOf(error), targets: [] };
  }
  const targets: TargetVerdict[] = [];
  for (const path of paths) targets.push(await lookUp(client, path));
  return { refused: undefined, targets };
}

async function lookUp(client: Client, path: string): Promise<TargetVerdict> {
  try {
    const target = await client.target(path);
    if (target === undefined) return { path };
    const { length, hashes, custom = null } = target;
    const found = JSON.stringify([
      length,
      [...hashes].toSorted(([a], [b]) => (a < b ? -1 : 1)),
      custom,
    ]);
    return { path, found, download: await download(client, target) };
  } catch (error) {
    return { path, refused: refusalOf(error) };
  }
}

async function download(
  client: Client,
  target: Parameters<Client['download']>[0],
): Promise<Refusal> {
  try {
    for await (const chunk of client.download(target, `${URL}/targets/`)) void chunk;
    return undefined;
  } catch (error) {
    return refusalOf(error);
  }
}

/** What is neither is a mistake of ours. */
function refusalOf(error: unknown): string {
  if (error instanceof RejectedInput || error instanceof OperatingFault) {
    return `${error.code}: ${error.message}`;
  }
  throw error;
}

const ENDLESS_CHUNK = new Uint8Array(65_536).fill(0x20);

function chunksOf(served: Served | undefined): AsyncIterable<Uint8Array> | undefined {
  if (served === 'fault') throw new OperatingFault('client.fetch', 'the server answers 500');
  return served && stream(served);
}

async function* stream(served: Exclude<Served, 'fault'>): AsyncGenerator<Uint8Array> {
  while (served === 'endless') yield ENDLESS_CHUNK;
  for (let at = 0; at < served.length; at += 1000) yield served.subarray(at, at + 1000);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
