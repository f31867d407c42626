// `tidemark import` that is killed, or whose server is: started again it goes on, and nothing is lost.
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/files.ts';
import { account, type Account, SAMPLE } from './importAccount.ts';
import { somethingLogged } from './logged.ts';
import { initLedger, type Ledger } from './tidemark.ts';

describe('interrupted by SIGKILL and started again', () => {
  test('without a server: the ledger itself dies with it', async () => {
    await using folder = await temporaryFolder();
    const ledger = await newLedger(folder);
    await interrupt(ledger);
    const { added, unchanged, ...rest } = await ledger.json<Account>('import', SAMPLE);
    expect(account(rest)).toEqual(account({ lines: 5000 }));
    expect(added + unchanged).toBe(5000);
    expect(await ledger.json('import', SAMPLE)).toMatchObject({ added: 0, unchanged: 5000 });
  });

  test('with a server: it alone dies', async () => {
    await using folder = await temporaryFolder();
    const ledger = await newLedger(folder);
    await using server = await ledger.serve('--cut-interval', '50ms');
    await interrupt(ledger);
    const { added, unchanged } = await ledger.json<Account>('import', SAMPLE);
    expect(added + unchanged).toBe(5000);
    expect(unchanged).toBeGreaterThan(0);
    expect(await server.stop()).toBe(0);
  });

  test('the server dies under it: it says what to do, and nothing is lost', async () => {
    await using folder = await temporaryFolder();
    const ledger = await newLedger(folder);
    const server = await ledger.serve('--cut-interval', '50ms');
    const importing = ledger.start('import', SAMPLE);
    await somethingLogged(ledger);
    await server.kill();
    const { code, stderr } = await importing.exited;
    expect(code).toBe(1);
    expect(stderr).toContain('repeating the command is harmless (ledger.gone)');
    const { added, unchanged } = await ledger.json<Account>('import', SAMPLE);
    expect(added + unchanged).toBe(5000);
  });
});

async function newLedger(folder: { readonly path: string }): Promise<Ledger> {
  return initLedger(join(folder.path, 'index'), '--bins', '256');
}

/** Kills an import once some of it is in the logs. */
async function interrupt(ledger: Ledger): Promise<void> {
  const importing = ledger.start('import', SAMPLE);
  await somethingLogged(ledger);
  expect(await importing.kill()).toBe(null);
}
