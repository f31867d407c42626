// The script of the page in which the client is tried out: the store and the client, to be called from the test.
import { plainFailure, type PlainFailure } from '@tidemark/canonical';
import {
  httpFetch,
  openClient,
  portableHashes,
  type Client,
  type MerklePolicy,
  type TrustStore,
} from '@tidemark/client';
import { openTrustDatabase } from '@tidemark/client/browser';
import { portableVerifiers } from '@tidemark/tuf';
import { verifiedFile } from './clientExample.ts';

/** What a call came to; a failure as what survives the way out of the page. */
export type Outcome<T> = { readonly value: T } | { readonly failure: PlainFailure };

export interface FoundInPage {
  readonly length: number;
  readonly role: string;
}

const stores: TrustStore[] = [];
let client: Client | undefined;
let ledger = '';
const blocked: string[] = [];
addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
  blocked.push(`${violatedDirective} ${blockedURI}`);
});

const calls = {
  /** A store's number for the calls below. */
  openStore: async (name: string): Promise<number> =>
    stores.push(await openTrustDatabase(name)) - 1,

  read: async (store: number, role: string): Promise<Uint8Array | undefined> => {
    const bytes = await stores[store]!.read(role);
    const answer = bytes && new Uint8Array(bytes);
    // The array is this script's: whatever becomes of it, the store has to keep its own.
    bytes?.fill(0);
    return answer;
  },

  write: async (store: number, role: string, bytes: Uint8Array): Promise<void> => {
    // In the middle of a larger buffer, which is used for something else afterwards.
    const buffer = new Uint8Array(bytes.length + 16).fill(7);
    buffer.set(bytes, 8);
    await stores[store]!.write(role, buffer.subarray(8, 8 + bytes.length));
    buffer.fill(0);
  },

  close: async (store: number): Promise<void> => stores[store]!.close(),

  /** A client with a database of its own; the first root is asked for where none is kept. @returns the store's number */
  begin: async (name: string, url: string, merkle: MerklePolicy = 'preferred'): Promise<number> => {
    const number = await calls.openStore(name);
    const store = stores[number]!;
    const isFirst = (await store.read('root')) === undefined;
    const root = isFirst && new Uint8Array(await (await fetch('1.root.json')).arrayBuffer());
    ledger = url;
    client = await openClient({
      metadataUrl: `${url}metadata`,
      merkle,
      store,
      ...(root && { root }),
      fetch: httpFetch(),
      verifiers: portableVerifiers,
      hashes: portableHashes,
      now: Date.now,
    });
    return number;
  },

  refresh: async (): Promise<void> => client!.refresh(),

  target: async (path: string): Promise<FoundInPage | undefined> => {
    const found = await client!.target(path);
    return found && { length: found.length, role: found.role };
  },

  download: async (path: string): Promise<string> => {
    const target = await client!.target(path);
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    for await (const chunk of client!.download(target!, `${ledger}targets`)) {
      chunks.push(new Uint8Array(chunk));
    }
    return new Blob(chunks).text();
  },

  /** What the documentation shows. */
  example: async (url: string, path: string): Promise<string | undefined> =>
    (await verifiedFile(url.replace(/\/$/, ''), path))?.text(),

  /** Bytes under a URL, by the client's way of asking. */
  fetched: async (url: string): Promise<string> => {
    let text = '';
    for await (const chunk of (await httpFetch()(url))!) text += new TextDecoder().decode(chunk);
    return text;
  },

  /** What the page's policy has kept from happening. */
  blocked: async (): Promise<string[]> => blocked,

  steal: async (name: string): Promise<void> => {
    await navigator.locks.request(`tidemark-client/${name}`, { steal: true }, () => undefined);
  },
};

export type Calls = typeof calls;

const call = async (name: keyof Calls, args: readonly unknown[]): Promise<Outcome<unknown>> => {
  try {
    const act = calls[name] as (...args: readonly unknown[]) => Promise<unknown>;
    return { value: await act(...args) };
  } catch (error) {
    return { failure: plainFailure(error) };
  }
};
Object.assign(globalThis, { call });
