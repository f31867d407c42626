// What an import is refused is refused each time, for as long as the ledger holds what speaks against it; what was
// taken in is unchanged each time.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/files.ts';
import { account } from './importAccount.ts';
import { initLedger, type Ledger } from './tidemark.ts';

const hashOf = (n: number): string => String(n).padStart(64, '0');
const line = (path: string, n: number): string => `${path}\t${n}\t${hashOf(n)}\n`;
const SERVED = ['--cut-interval', '50ms'];
const WAIT = ['--wait', 'published'];

test('other content, by a list or by add, and after a restart', async () => {
  await using place = await temporaryFolder();
  const { ledger, list, imported } = await ledgerIn(place.path);
  const first = await list('first.tsv', line('c/x', 1) + line('c/y', 1));
  const other = await list('other.tsv', line('c/y', 1) + line('c/x', 2));
  const refused = { code: 1, ...account({ lines: 2, unchanged: 1, rejected: { conflict: 1 } }) };
  const refusesFour = async (): Promise<void> => {
    for (let i = 0; i < 4; i++) expect(await imported(other)).toEqual(refused);
    const added = await ledger.run('add', 'c/x', '--length', '2', '--sha256', hashOf(2), ...WAIT);
    expect(added).toMatchObject({ code: 1, stdout: expect.stringContaining('(conflict: ') });
    expect((await ledger.run('show', 'c/x')).stdout).toContain(hashOf(1));
  };
  {
    await using server = await ledger.serve(...SERVED);
    expect(await imported(first)).toEqual({ code: 0, ...account({ lines: 2, added: 2 }) });
    await refusesFour();
    expect(await server.stop()).toBe(0);
  }
  {
    await using server = await ledger.serve(...SERVED);
    await refusesFour();
    const unchanged = { code: 0, ...account({ lines: 2, unchanged: 2 }) };
    expect(await imported(first)).toEqual(unchanged);
    // What spoke against it is gone; then it is the first list that meets other content.
    expect((await ledger.run('remove', 'c/x', ...WAIT)).code).toBe(0);
    const added = { code: 0, ...account({ lines: 2, added: 1, unchanged: 1 }) };
    expect(await imported(other)).toEqual(added);
    expect(await imported(other)).toEqual(unchanged);
    for (let i = 0; i < 3; i++) expect(await imported(first)).toEqual(refused);
    expect(await server.stop()).toBe(0);
  }
  expect(await imported(first)).toEqual(refused);
});

test('an event with an id of its own or a condition, and one about what is not there', async () => {
  await using place = await temporaryFolder();
  const { ledger, list, imported } = await ledgerIn(place.path);
  const file = (n: number, more: object): object => ({
    path: 'c/x',
    length: n,
    sha256: hashOf(n),
    ...more,
  });
  const events = [
    file(1, { id: 'mine-1' }),
    file(2, { id: 'mine-2' }),
    file(1, { expected: 'absent' }),
    { path: 'c/absent', type: 'target.yanked' },
    { path: 'c/absent', type: 'target.removed' },
  ];
  const jsonl = await list('events.jsonl', events.map((each) => JSON.stringify(each)).join('\n'));
  await using server = await ledger.serve(...SERVED);
  const rejected = { conflict: 1, expected: 1, absent: 1 };
  const first = account({ lines: 5, added: 1, unchanged: 1, rejected });
  expect(await imported(jsonl)).toEqual({ code: 1, ...first });
  const again = account({ lines: 5, unchanged: 2, rejected });
  for (let i = 0; i < 3; i++) expect(await imported(jsonl)).toEqual({ code: 1, ...again });
  expect(await server.stop()).toBe(0);
});

async function ledgerIn(folder: string) {
  const ledger: Ledger = await initLedger(join(folder, 'index'), '--bins', '4');
  return {
    ledger,
    list: async (name: string, text: string): Promise<string> => {
      await writeFile(join(folder, name), text);
      return join(folder, name);
    },
    /** The exit status and the account. */
    imported: async (list: string): Promise<object> => {
      const { code, stdout } = await ledger.run('import', list, '--json');
      return { code, ...(JSON.parse(stdout) as object) };
    },
  };
}
