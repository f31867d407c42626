/** A TUF client for any repository: trusts a root, follows it, downloads what it lists. */
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatingFault, RejectedInput } from '@tidemark/canonical';
import { beginTrust, Checker, fileName, type FoundTarget } from '@tidemark/client';
import { openTrustFiles } from '@tidemark/client/files';
import { nativeHashes } from '@tidemark/client/native';
import { type FolderClientOptions, openFolderClient } from '@tidemark/client/node';
import { nativeVerifiers } from '@tidemark/tuf/native';
import { isOfSystem, writeWhole } from '../access/copies.ts';

/** Begins to trust a root; nobody is asked. @throws RejectedInput, OperatingFault `client.no_root`, `client.trusted` */
export async function trustFirst(metadataDir: string, rootFile: string): Promise<void> {
  const root = await readFile(rootFile).catch((cause: NodeJS.ErrnoException) => {
    throw new OperatingFault('client.no_root', `cannot read ${rootFile}: ${cause.message}`, {
      cause,
    });
  });
  const store = await openTrustFiles(metadataDir);
  try {
    if ((await store.read('root')) !== undefined) {
      throw new OperatingFault('client.trusted', `${metadataDir} trusts a root already`);
    }
    await beginTrust(store, root, nativeVerifiers);
  } finally {
    await store.close();
  }
}

/** What a client trusts, and whom it asks. */
export type Metadata = Pick<FolderClientOptions, 'directory' | 'metadataUrl' | 'merkle'>;

/** Brings what is trusted up to date. */
export async function refresh(metadata: Metadata): Promise<void> {
  await using client = await openFolderClient({ ...metadata, now: Date.now });
  await client.refresh();
}

export interface Downloads {
  readonly targets: readonly string[];
  readonly baseUrl: string;
  readonly directory: string;
  /** Is told of each file that is there now, and whether it was before. */
  readonly done: (path: string, file: string, wasThere: boolean) => void;
}

/** Downloads targets one after the other; ends at the first that is not to be had. */
export async function download(
  metadata: Metadata,
  { targets, baseUrl, directory, done }: Downloads,
): Promise<void> {
  await using client = await openFolderClient({ ...metadata, now: Date.now });
  for (const [i, target] of (await client.targets(targets)).entries()) {
    const path = targets[i]!;
    if (target === undefined) {
      throw new RejectedInput('client.absent', `the repository lists no ${path}`);
    }
    // A path may climb out of a folder or have the length of several names; as one name it cannot.
    const file = join(directory, fileName(path));
    const wasThere = await isThere(file, target);
    if (!wasThere) await writeWhole(file, client.download(target, baseUrl));
    done(path, file, wasThere);
  }
}

/** Whether a file is what is listed; one that is not will be replaced. */
async function isThere(file: string, target: FoundTarget): Promise<boolean> {
  const checker = new Checker(file, target, nativeHashes);
  try {
    await using handle = await open(file);
    for await (const chunk of handle.createReadStream({ autoClose: false })) {
      checker.update(chunk as Buffer);
    }
    checker.finish();
    return true;
  } catch (error) {
    // Nothing there, or nothing that can be read: writing will say whether something else can be put there.
    if (error instanceof RejectedInput || isOfSystem(error)) return false;
    throw error;
  }
}
