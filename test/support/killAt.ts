/**
 * Loaded in front of a program (`node --import`): ends it as a crash does, just before the n-th call of a function of
 * node:fs/promises. TIDEMARK_TEST_KILL_AT says which: `rename:3`.
 */
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const [name = '', at = ''] = (process.env['TIDEMARK_TEST_KILL_AT'] ?? '').split(':');
if (name !== 'rename' && name !== 'rm') throw new TypeError(`TIDEMARK_TEST_KILL_AT=${name}`);

const original: (...args: never[]) => Promise<void> = fs[name];
let calls = 0;
const counting = async (...args: never[]): Promise<void> => {
  if (++calls === Number(at)) process.kill(process.pid, 'SIGKILL');
  return original(...args);
};
Object.assign(fs, { [name]: counting });
syncBuiltinESMExports();
