/** The client in Node: what it trusts in a folder, files over HTTP, native hashes and signatures. */

import { nativeVerifiers } from '@tidemark/tuf/native';
import { type Client, type ClientOptions, openClient } from './client.ts';
import { openTrustFiles } from './files.ts';
import { httpFetch } from './http.ts';
import { nativeHashes } from './native.ts';

export interface FolderClientOptions extends Partial<Omit<ClientOptions, 'store'>> {
  /** Of what is trusted; made if need be. */
  readonly directory: string;
  readonly metadataUrl: string;
  readonly now: ClientOptions['now'];
}

/**
 * Opens a client that has a folder for itself until it is disposed of.
 * @throws as `openClient`; OperatingFault `client.store`: another process has the folder, or it cannot be used
 */
export async function openFolderClient({
  directory,
  ...options
}: FolderClientOptions): Promise<Client & AsyncDisposable> {
  const store = await openTrustFiles(directory);
  try {
    const client = await openClient({
      fetch: httpFetch(),
      verifiers: nativeVerifiers,
      hashes: nativeHashes,
      ...options,
      store,
    });
    return Object.assign(client, { [Symbol.asyncDispose]: () => store.close() });
  } catch (error) {
    await store.close();
    throw error;
  }
}
