// The moment at which an import is under way: some of it is in the logs, most of it is not.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Ledger } from './tidemark.ts';

/** Resolves when the write-ahead log of the logs has grown by some events. */
export async function somethingLogged(ledger: Ledger): Promise<void> {
  const folder = join(ledger.folder, 'log');
  const size = async (): Promise<number> => {
    let sum = 0;
    for (const name of await readdir(folder)) {
      if (!name.endsWith('.log')) continue;
      sum += await stat(join(folder, name)).then(
        (it) => it.size,
        () => 0,
      );
    }
    return sum;
  };
  const before = await size();
  while ((await size()) < before + 200_000) await delay(1);
}
