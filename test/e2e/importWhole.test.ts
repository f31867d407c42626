// All of Debian bookworm's packages through a real server, where the list is at hand.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/files.ts';
import { initLedger } from './tidemark.ts';

const LINES = 63_440;
const LIST = join(process.env['TIDEMARK_DATA'] ?? '', 'debian-bookworm.tsv.gz');

test.skipIf(!existsSync(LIST))(`${LINES} packages are added and found`, async () => {
  await using folder = await temporaryFolder();
  const ledger = await initLedger(join(folder.path, 'index'), '--bins', '1024');
  await using server = await ledger.serve('--cut-interval', '1s');
  const account = await ledger.json('import', LIST);
  expect(account).toMatchObject({ lines: LINES, added: LINES, unchanged: 0, rejected: {} });
  const last = 'pool/main/z/zzzeeksphinx/python3-zzzeeksphinx_1.3.5-2_all.deb';
  expect((await ledger.run('show', last)).code).toBe(0);
  expect(await server.stop('SIGTERM')).toBe(0);
});
