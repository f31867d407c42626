// The URL of a ledger and the token for it: where they lead, and where they do not go.
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/files.ts';
import { ledgerOf } from '../src/access/ask.ts';
import { demandPrivate, ledgerUrl, tokenFor } from '../src/access/remote/url.ts';
import { goAway, json, LEDGER, open, said, server } from './standIn.ts';

const TOKEN = `tdm_${'0'.repeat(16)}_${'a'.repeat(43)}`;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

describe('where it leads', () => {
  test.each([
    ['https://user:secret@index.example/', 'would end up in logs'],
    ['https://index.example/?at=7', 'ends before ? and #'],
    ['https://index.example/#a', 'ends before ? and #'],
    ['https://', 'is not a URL'],
  ])('%s is refused', (text, why) => {
    expect(() => ledgerUrl(text)).toThrow(expect.objectContaining({ code: 'remote.url' }));
    expect(() => ledgerUrl(text)).toThrow(why);
  });

  test('a ledger may stand below a path of a proxy', async () => {
    const paths: string[] = [];
    const url = await server((request, response) => {
      paths.push(request.url!);
      json(LEDGER)(request, response);
    });
    await ledgerOf(await open(`${url}index`));
    expect(paths).toEqual(['/index/v1/ledger']);
  });

  test.each([
    ['https://index.example/', false, 'sent'],
    ['http://index.example/', false, 'refused'],
    ['http://index.example/', true, 'sent'],
    ['http://10.0.0.1/', false, 'refused'],
    ['http://127.0.0.1.example/', false, 'refused'],
    ['http://127.0.0.1:8080/', false, 'sent'],
    ['http://127.1:8080/', false, 'sent'],
    ['http://[::1]:8080/', false, 'sent'],
    ['http://[::ffff:127.0.0.1]/', false, 'sent'],
    ['http://localhost:8080/', false, 'sent'],
    ['http://localhost.example/', false, 'refused'],
  ])('a token to %s, with --allow-plain %s, is %s', (text, allowPlain, outcome) => {
    const demand = (): void => demandPrivate(new URL(text), allowPlain);
    if (outcome === 'sent') demand();
    else expect(demand).toThrow(expect.objectContaining({ code: 'remote.plain' }));
  });

  test('a redirect is not followed', async () => {
    let others = 0;
    const elsewhere = await server((_, response) => {
      others++;
      response.end('{}');
    });
    const url = await server((_, response) => {
      response.writeHead(307, { location: elsewhere }).end();
    });
    await expect(ledgerOf(await open(url))).rejects.toMatchObject({ code: 'remote.redirect' });
    expect(others).toBe(0);
  });

  test('where nobody listens that is said at once', async () => {
    const url = await server(json({}));
    goAway();
    await expect(ledgerOf(await open(url))).rejects.toMatchObject({ code: 'remote.unreachable' });
    expect(said).toEqual([]);
  });
});

describe('the token', () => {
  test('comes from a file, else from the variable', async () => {
    const file = join(folder.path, 'token');
    await writeFile(file, `${TOKEN}\n`, { mode: 0o600 });
    const other = TOKEN.replaceAll('a', 'b');
    expect(await tokenFor(file, { TIDEMARK_TOKEN: other })).toBe(TOKEN);
    expect(await tokenFor(undefined, { TIDEMARK_TOKEN: other })).toBe(other);
    expect(await tokenFor(undefined, { TIDEMARK_TOKEN: '' })).toBe(undefined);
    await chmod(file, 0o644);
    await expect(tokenFor(file, {})).rejects.toMatchObject({ code: 'file.permissions' });
  });

  test('that is none goes nowhere', async () => {
    let requests = 0;
    const url = await server((_, response) => {
      requests++;
      response.end('{}');
    });
    const file = join(folder.path, 'passphrase');
    await writeFile(file, 'correct horse\n', { mode: 0o600 });
    await expect(open(url, { tokenFile: file })).rejects.toMatchObject({ code: 'token.form' });
    expect(requests).toBe(0);
  });

  test('is sent with each request', async () => {
    const file = join(folder.path, 'sent');
    await writeFile(file, TOKEN, { mode: 0o600 });
    const url = await server((request, response) => {
      json({ ...LEDGER, name: request.headers.authorization })(request, response);
    });
    const access = await open(url, { tokenFile: file });
    expect((await ledgerOf(access)).name).toBe(`Bearer ${TOKEN}`);
  });
});
