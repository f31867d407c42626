// Commands without a server, on a ledger whose state is damaged: they end, and say what is damaged and what to do.
import { join } from 'node:path';
import { ROW } from '@tidemark/ledger';
import { openStateDb } from '@tidemark/shard';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { copyLedger } from '../durability/support.ts';
import { temporaryFolder } from '../support/files.ts';
import { PACKAGES, SAMPLE } from './importAccount.ts';
import { initLedger, tidemark, type Ledger } from './tidemark.ts';

const OTHER = `--length 1 --sha256 ${'a'.repeat(64)}`;
const SAYS =
  /^tidemark: .*state of partition 0: row [0-9a-f]{22} is damaged; delete this state, it is rebuilt from the log \(state\.corrupt\)$/m;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let honest: Ledger;

beforeAll(async () => {
  folder = await temporaryFolder();
  honest = await initLedger(join(folder.path, 'index'), '--bins', '4', '--partitions', '1');
  expect((await honest.run('import', PACKAGES)).code).toBe(0);
});
afterAll(() => folder[Symbol.asyncDispose]());

test.each([
  'status',
  'show c/x',
  'show bin-0',
  'export TREE',
  'import LIST',
  'import LIST --dry-run',
  `add c/x ${OTHER}`,
])('%s', async (asked) => {
  await using place = await temporaryFolder();
  const ledger = join(place.path, 'index');
  await copyLedger(honest.folder, ledger);
  await flipRows(join(ledger, 'state/p0'), ROW.window);
  const files: Record<string, string> = { LIST: SAMPLE, TREE: join(place.path, 'tree') };
  const [command, ...args] = asked.split(' ').map((word) => files[word] ?? word);
  const { code, stdout, stderr } = await tidemark([command!, ledger, ...args], {
    passphraseFile: honest.passphraseFile,
  });
  expect(stderr).toMatch(SAYS);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
});

/** Flips a bit of each row of a kind. */
async function flipRows(state: string, kind: number): Promise<void> {
  const db = await openStateDb(state, 1 << 20);
  let flipped = 0;
  for await (const [key, value] of db.iterator()) {
    if (key[0] !== kind) continue;
    value[value.length - 1]! ^= 1;
    await db.put(key, value);
    flipped++;
  }
  await db.close();
  expect(flipped).toBeGreaterThan(0);
}
