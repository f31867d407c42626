// Asks tuf-js, the client inside npm and sigstore-js, about a repository.
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Updater } from 'tuf-js';
import { DefaultFetcher } from 'tuf-js/dist/fetcher.js';
import { temporaryFolder } from '../support/files.ts';
import type { ClientError, ClientReport, ClientRequest, TargetReport } from './report.ts';

const { version } = createRequire(import.meta.url)('tuf-js/package.json') as { version: string };

/** One run of tuf-js's Updater, in this process. What it thinks of the repository is the report. */
export async function askTufJs(request: ClientRequest): Promise<ClientReport> {
  await using scratch = await temporaryFolder();
  const folder = request.folder ?? scratch.path;
  const metadataDir = join(folder, 'metadata');
  const targetDir = join(folder, 'targets');
  await mkdir(metadataDir, { recursive: true });
  await mkdir(targetDir, { recursive: true });
  const trusted = join(metadataDir, 'root.json');
  await writeFile(trusted, request.root, { flag: 'wx' }).catch(keepExisting);

  const { metadataUrl: metadataBaseUrl, targetUrl: targetBaseUrl } = request;
  const fetcher = new CountingFetcher();
  const targets: Record<string, TargetReport> = {};
  let refresh: ClientReport['refresh'] = { result: 'ok' };
  const start = performance.now();
  try {
    const updater = new Updater({
      metadataDir,
      metadataBaseUrl,
      targetDir,
      targetBaseUrl,
      fetcher,
    });
    await updater.refresh();
    for (const path of request.paths) {
      targets[path] = await ask(updater, path, request.download ?? true);
    }
  } catch (error) {
    refresh = describe(error);
  }
  const { bytes, requests } = fetcher;
  const seconds = (performance.now() - start) / 1000;
  return { client: `tuf-js ${version}`, refresh, targets, bytes, requests, seconds };
}

async function ask(updater: Updater, path: string, download: boolean): Promise<TargetReport> {
  try {
    const info = await updater.getTargetInfo(path);
    if (info === undefined) return { result: 'absent' };
    const length = download ? (await stat(await updater.downloadTarget(info))).size : info.length;
    const custom = Object.keys(info.custom).length > 0 ? info.custom : null;
    return { result: 'ok', length, sha256: info.hashes['sha256'] ?? '', custom };
  } catch (error) {
    return describe(error);
  }
}

/** tuf-js's own fetcher, counting requests and the bytes of their bodies. */
class CountingFetcher extends DefaultFetcher {
  bytes = 0;
  requests = 0;

  constructor() {
    // Retries would hide a server's mistakes.
    super({ retry: false });
  }

  override async fetch(url: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    this.requests++;
    const body = await super.fetch(url);
    const count = (length: number): void => {
      this.bytes += length;
    };
    return body.pipeThrough(
      new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform(chunk, controller) {
          count(chunk.length);
          controller.enqueue(chunk);
        },
      }),
    );
  }
}

function describe(error: unknown): ClientError {
  if (!(error instanceof Error))
    return { result: 'error', error: 'unknown', message: String(error) };
  return { result: 'error', error: error.constructor.name, message: error.message };
}

function keepExisting(error: unknown): void {
  if (!(error instanceof Error) || Reflect.get(error, 'code') !== 'EEXIST') throw error;
}
