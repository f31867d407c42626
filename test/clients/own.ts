// Asks Tidemark's own client about a repository: by the Merkle map, or by snapshot.json as others do.
import { httpFetch, type MerklePolicy, type Fetch } from '@tidemark/client';
import { openFolderClient } from '@tidemark/client/node';
import { temporaryFolder } from '../support/files.ts';
import type { ClientReport, ClientRequest, TargetReport } from './report.ts';

/** One run of the client, in this process, of a repository that it takes; a refusal is thrown. */
export async function askOwn(
  request: ClientRequest,
  merkle: MerklePolicy,
): Promise<ClientReport & { readonly bytesByUrl: ReadonlyMap<string, number> }> {
  await using scratch = await temporaryFolder();
  const bytesByUrl = new Map<string, number>();
  const start = performance.now();
  await using client = await openFolderClient({
    directory: request.folder ?? scratch.path,
    metadataUrl: request.metadataUrl,
    merkle,
    root: request.root,
    now: Date.now,
    fetch: counting(httpFetch(), bytesByUrl),
  });
  const targets: Record<string, TargetReport> = {};
  const found = await client.targets(request.paths);
  for (const [i, target] of found.entries()) {
    const path = request.paths[i]!;
    targets[path] = { result: 'absent' };
    if (target === undefined) continue;
    let length = 0;
    for await (const chunk of client.download(target, request.targetUrl)) length += chunk.length;
    const sha256 = target.hashes.get('sha256') ?? '';
    targets[path] = { result: 'ok', length, sha256, custom: target.custom ?? null };
  }
  return {
    client: 'Tidemark',
    refresh: { result: 'ok' },
    targets,
    bytes: [...bytesByUrl.values()].reduce((sum, bytes) => sum + bytes, 0),
    bytesByUrl,
    requests: bytesByUrl.size,
    seconds: (performance.now() - start) / 1000,
  };
}

/** Notes the bytes of bodies; of what is not there it notes that it was asked for. */
function counting(fetch: Fetch, bytesByUrl: Map<string, number>): Fetch {
  return async (url, question) => {
    bytesByUrl.set(url, 0);
    const chunks = await fetch(url, question);
    return chunks && noted(chunks, (bytes) => bytesByUrl.set(url, bytesByUrl.get(url)! + bytes));
  };
}

async function* noted(
  chunks: AsyncIterable<Uint8Array>,
  note: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    note(chunk.length);
    yield chunk;
  }
}
