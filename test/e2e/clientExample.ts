// The example of docs/client.md, word for word below this line: checked here, and run by the tests.
import { httpFetch, openClient, portableHashes } from '@tidemark/client';
import { openTrustDatabase } from '@tidemark/client/browser';
import { portableVerifiers } from '@tidemark/tuf';

/** A file that an index lists, once it is verified; undefined where it lists none of this path. */
export async function verifiedFile(index: string, path: string): Promise<Blob | undefined> {
  const store = await openTrustDatabase(index);
  try {
    // The first root comes with the page: whoever can change the one can change the other.
    const root = new Uint8Array(await (await fetch('1.root.json')).arrayBuffer());
    const client = await openClient({
      metadataUrl: `${index}/metadata`,
      store,
      root,
      fetch: httpFetch(),
      verifiers: portableVerifiers,
      hashes: portableHashes,
      now: Date.now,
    });
    const target = await client.target(path);
    if (target === undefined) return undefined;
    const chunks = [];
    for await (const chunk of client.download(target, `${index}/targets`)) {
      chunks.push(new Uint8Array(chunk));
    }
    return new Blob(chunks);
  } finally {
    await store.close();
  }
}
