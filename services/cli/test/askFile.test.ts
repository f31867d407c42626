/** A file of metadata that is asked for: it is there, it is not, or the ledger says why it cannot tell. */
import { expect, test } from 'vitest';
import type { Access } from '../src/access/access.ts';
import { show } from '../src/commands/show.ts';

const FILE = '{"signatures":[],"signed":{}}';
const PROBLEM = '{"code":"state.corrupt","title":"row 42 is damaged; delete this state"}';

function answering(status: number, body: string): Access {
  return {
    files: {} as Access['files'],
    firstRoot: async () => undefined,
    isRunning: false,
    ask: async () => ({ status, body: Buffer.from(body) }),
    [Symbol.asyncDispose]: async () => {},
  };
}

test('it is there, or not', async () => {
  const found = await show(answering(200, FILE), '3.bin-0', undefined);
  expect(found).toMatchObject({ exists: true, json: FILE });
  const missing = await show(answering(404, '{"code":"http.absent"}'), '3.bin-0', undefined);
  expect(missing).toMatchObject({ exists: false, text: 'there is no 3.bin-0.json' });
});

test.each([
  [500, PROBLEM, { code: 'state.corrupt', message: 'row 42 is damaged; delete this state' }],
  [503, 'no JSON', { code: 'ledger.answer' }],
  [204, '{}', { code: 'ledger.answer' }],
])('an answer with %i is a failure, not a file that is missing', async (status, body, failure) => {
  const shown = show(answering(status, body), '3.bin-0', undefined);
  await expect(shown).rejects.toMatchObject(failure);
});
