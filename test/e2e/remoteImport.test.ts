// `tidemark import URL FILE`: the same account as into a folder, also where the server holds it back or goes away.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../support/files.ts';
import { account, type Account, SAMPLE } from './importAccount.ts';
import { somethingLogged } from './logged.ts';
import { initLedger, startTidemark, tidemark, type Ledger, type Run } from './tidemark.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let ledger: Ledger;
let environment: Record<string, string>;

beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

async function newLedger(name: string): Promise<void> {
  ledger = await initLedger(join(folder.path, name), '--bins', '64');
  environment = { TIDEMARK_TOKEN: await ledger.token('--subject', 'index', '--upload') };
}

function accountOf({ stdout, stderr }: Run): Account {
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Account;
}

test('held back with 429, it waits as it is told and goes on', async () => {
  await newLedger('held');
  const config = join(folder.path, 'serve.json');
  await writeFile(config, JSON.stringify({ uploads: { burst_time: '1s' } }));
  const flags = ['--config', config, '--events-per-second', '1000'];
  await using server = await ledger.serve('--cut-interval', '50ms', ...flags);
  const first = await tidemark(['import', server.url, SAMPLE, '--json'], { environment });
  // Nothing that was sent twice counts as there already.
  expect(accountOf(first)).toEqual(account({ lines: 5000, added: 5000 }));
  expect(first.code).toBe(0);
  expect(first.stderr).toMatch(/waiting \d+ s: .* answered 429 \(rate\.subject\)/);

  const few = join(folder.path, 'few.tsv');
  await writeFile(few, `numpy/a\t1\t${'c0'.repeat(32)}\n..\t1\t${'c0'.repeat(32)}\n`);
  const prefix = await ledger.token('--subject', 'team', '--upload', 'scipy');
  const foreign = await tidemark(['import', server.url, few, '--json'], {
    environment: { TIDEMARK_TOKEN: prefix },
  });
  expect(foreign.code).toBe(1);
  const codes = { rejected: { 'token.path': 1 }, bad: { 'path.dot_segment': 1 } };
  expect(accountOf(foreign)).toEqual(account({ lines: 2, ...codes }));
  expect(foreign.stderr).toContain(
    'few.tsv:1: token.path: this token does not allow to upload numpy/a',
  );

  const dry = await tidemark(['import', server.url, few, '--json', '--dry-run']);
  expect(accountOf(dry)).toMatchObject({ added: 1, bad: codes.bad });
  const none = await tidemark(['import', server.url, few]);
  expect(none).toMatchObject({ code: 1, stdout: '' });
  expect(none.stderr).toContain('(token.absent)');
});

test('the server is killed under it and comes back: nothing is lost, nothing counted twice', async () => {
  await newLedger('killed');
  const server = await ledger.serve('--cut-interval', '50ms');
  const { port } = new URL(server.url);
  const importing = startTidemark(['import', server.url, SAMPLE, '--json'], { environment });
  await somethingLogged(ledger);
  await server.kill();
  await using back = await ledger.serve('--cut-interval', '50ms', '--port', port);
  const run = await importing.exited;
  expect(accountOf(run)).toEqual(account({ lines: 5000, added: 5000 }));
  expect(run.code).toBe(0);
  const again = await tidemark(['import', back.url, SAMPLE, '--json'], { environment });
  expect(accountOf(again)).toEqual(account({ lines: 5000, unchanged: 5000 }));
});

test('the server stays away: it says so and ends, and what follows takes up the rest', async () => {
  await newLedger('away');
  const server = await ledger.serve('--cut-interval', '50ms');
  const args = ['import', server.url, SAMPLE, '--json', '--retry-for', '2s'];
  const importing = startTidemark(args, { environment });
  await somethingLogged(ledger);
  await server.kill();
  const { code, stdout, stderr } = await importing.exited;
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(
    /is not there \(ECONNREFUSED\).*repeating the command is harmless \(ledger\.gone\)/,
  );
  const { added, unchanged } = await ledger.json<Account>('import', SAMPLE);
  expect(added + unchanged).toBe(5000);
  expect(unchanged).toBeGreaterThan(0);
});
