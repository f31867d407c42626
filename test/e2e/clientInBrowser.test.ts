// The client in a real browser: on a page of another site than the ledger's, which lets it read, and under a strict policy.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fromUtf8, type JsonObject } from '@tidemark/canonical';
import { readKeys } from '@tidemark/cli';
import type { TrustStore } from '@tidemark/client';
import { signMetadata } from '@tidemark/tuf';
import type { BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { provideChromium } from '../support/chromium.ts';
import { requireComponent } from '../support/component.ts';
import { temporaryFolder } from '../support/files.ts';
import { openBrowser, Tab, type Opened } from './tabs.ts';
import { CHECKOUT, initLedger, type Ledger, type Serving } from './tidemark.ts';

const CONTENT = 'the bytes of demo';
const ROLES = ['root', 'timestamp', 'snapshot', 'targets', 'bins'];

await requireComponent('Chromium', provideChromium, 'in a browser', (executablePath) => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let ledger: Ledger;
  let server: Serving;
  let opened: Opened;
  let content: string;

  beforeAll(async () => {
    folder = await temporaryFolder();
    const browser = openBrowser(executablePath);
    ledger = await initLedger(join(folder.path, 'index'), '--bins', '64');
    const config = join(folder.path, 'config.json');
    await writeFile(config, JSON.stringify({ http: { cors: 'reads' } }));
    server = await ledger.serve('--config', config, '--cut-interval', '50ms');
    content = join(folder.path, 'content');
    await writeFile(content, CONTENT);
    await add('demo/a.tar.gz', 'demo/gone.tar.gz');
    await ledger.json('remove', 'demo/gone.tar.gz', '--wait', 'published');
    opened = await browser;
    opened.served.files.set('1.root.json', { body: ledger.root });
    opened.served.connect.push(server.url.slice(0, -1));
  });
  afterAll(async () => {
    await opened[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const add = async (...paths: readonly string[]): Promise<void> => {
    const run = await ledger.run('add', ...paths, '--file', content, '--wait', 'published');
    expect(run).toMatchObject({ code: 0, stderr: '' });
  };

  test('what runs in it is made of nothing that is for Node', () => {
    const { code, modules } = opened.script;
    expect(
      modules.filter((each) => /packages\/client\/src\/(browser|client)\.ts$/.test(each)),
    ).toHaveLength(2);
    expect(
      modules.filter((each) => /^node:|vite-browser-external|publish|native/.test(each)),
    ).toEqual([]);
    expect(code).not.toMatch(/\bnode:|\bBuffer\b|\beval\b|\bnew Function\b/);
  });

  test('it trusts, finds what is there and not what is not or was removed, and downloads', async () => {
    await using visit = await newVisit();
    const { tab, complaints } = visit;
    await tab.call('begin', 'a', server.url);
    await tab.call('refresh');
    expect(await tab.call('target', 'demo/a.tar.gz')).toEqual({
      length: CONTENT.length,
      role: expect.stringMatching(/^bin-[0-9a-f]{2}$/),
    });
    expect(await tab.call('target', 'demo/never')).toBeUndefined();
    expect(await tab.call('target', 'demo/gone.tar.gz')).toBeUndefined();
    expect(await tab.call('download', 'demo/a.tar.gz')).toBe(CONTENT);
    expect(complaints()).toEqual([`404 ${server.url}metadata/2.root.json`]);
    expect(await tab.call('blocked')).toEqual([]);
  });

  test('loaded anew it goes on from what it trusted; a second tab waits for its end', async () => {
    await using visit = await newVisit();
    const { tab, complaints, context } = visit;
    const root = await nextRoot();
    await context.route('**/metadata/2.root.json', (route) =>
      route.fulfill({
        body: Buffer.from(root),
        headers: { 'access-control-allow-origin': '*' },
      }),
    );
    await tab.call('begin', 'a', server.url);
    await tab.call('download', 'demo/a.tar.gz');
    const before = await filesIn(tab.storeOf(0), ROLES);
    expect(Object.keys(before)).toEqual(['root', 'timestamp', 'targets', 'bins']);
    expect(before['root']).toBe(fromUtf8(root));
    expect(before['timestamp']).toBe(await served('metadata/timestamp.json'));
    const proved = 'targets.json N.targets.json bins.json N.bins.json bin-xx.json N.bin-xx.json';
    expect(namesOf(tab.asked).join(' ')).toBe(
      ` page.js 1.root.json 2.root.json 3.root.json timestamp.json ${proved} a.tar.gz`,
    );

    tab.asked.length = 0;
    await tab.page.reload();
    await tab.call('begin', 'a', server.url);
    expect(await filesIn(tab.storeOf(0), ROLES)).toEqual(before);
    expect(await tab.call('download', 'demo/a.tar.gz')).toBe(CONTENT);
    expect(namesOf(tab.asked).join(' ')).toBe(
      ' page.js 3.root.json timestamp.json proofs a.tar.gz',
    );

    const other = await Tab.open(context, opened.served.url);
    const second = other.call('begin', 'a', server.url);
    await expect(second).rejects.toMatchObject({ name: 'OperatingFault', code: 'client.store' });
    await tab.page.close();
    await other.call('begin', 'a', server.url);
    await other.call('refresh');
    expect(await filesIn(other.storeOf(0), ROLES)).toEqual(before);
    const expected = Array(2).fill(`404 ${server.url}metadata/3.root.json`);
    expect(complaints()).toEqual(expected);
  });

  test.each(['demanded', 'unused'] as const)(
    'the map %s: whatever was changed is refused, and what is honest is believed again',
    async (merkle) => {
      await using visit = await newVisit();
      const { tab, context } = visit;
      await tab.call('begin', 'a', server.url, merkle);
      await tab.call('download', 'demo/a.tar.gz');
      const store = tab.storeOf(0);
      const old = await filesIn(store, ROLES);
      const path = `demo/${merkle}.tar.gz`;
      await add(path);
      const bin = (await binOf(path)).role;

      /** One answer changed, and what it comes to; of all that is kept only `moved` may have become newer. */
      const attack = async (
        address: RegExp,
        change: (text: string) => string,
        code: string,
        moved: readonly string[],
      ): Promise<void> => {
        const roles = [...ROLES, bin];
        const before = await filesIn(store, roles);
        await context.route(address, async (route) => {
          const response = await route.fetch();
          await route.fulfill({ response, body: change(await response.text()) });
        });
        const refused = tab.call('refresh').then(() => tab.call('download', path));
        await expect(refused).rejects.toMatchObject({ name: 'RejectedInput', code });
        await context.unroute(address);
        const after = await filesIn(store, roles);
        expect(roles.filter((role) => after[role] !== before[role])).toEqual(moved);
      };
      const flip = (text: string): string =>
        text.replace(/"sig":"(.)/, (_, digit) => `"sig":"${digit === '0' ? '1' : '0'}`);

      await attack(/timestamp\.json$/, flip, 'tuf.threshold', []);
      await attack(/timestamp\.json$/, () => '<h1>Hotel Wi-Fi</h1>', 'json.syntax', []);
      if (merkle === 'demanded') {
        await attack(
          /merkle\//,
          (text) => text.replace(/"version":/, '"version":1'),
          'tap16.root',
          ['timestamp'],
        );
        await attack(/\d\.bin-\w+\.json$/, flip, 'client.hash', []);
      } else {
        await attack(/\d\.snapshot\.json$/, flip, 'client.hash', ['timestamp']);
        await attack(/\d\.bin-\w+\.json$/, flip, 'client.hash', ['snapshot']);
      }
      await attack(/\/targets\//, (text) => text.replace('demo', 'evil'), 'client.hash', [bin]);
      expect(await tab.call('download', path)).toBe(CONTENT);
      await attack(/timestamp\.json$/, () => old['timestamp']!, 'client.rollback', []);
      await tab.call('refresh');
      expect(await tab.call('download', path)).toBe(CONTENT);
      expect(await tab.call('blocked')).toEqual([]);
    },
  );

  test('the example of the documentation is what runs here', async () => {
    const example = await readFile(join(CHECKOUT, 'test/e2e/clientExample.ts'), 'utf8');
    const document = await readFile(join(CHECKOUT, 'docs/client.md'), 'utf8');
    expect(document).toContain(`\`\`\`ts\n${example.slice(example.indexOf('import {'))}\`\`\`\n`);
    await using visit = await newVisit();
    const { tab, complaints } = visit;
    for (const [path, bytes] of [
      ['demo/a.tar.gz', CONTENT],
      ['demo/gone.tar.gz', undefined],
    ] as const) {
      expect(await tab.call('example', server.url, path)).toBe(bytes);
    }
    expect(new Set(complaints())).toEqual(new Set([`404 ${server.url}metadata/2.root.json`]));
  });

  test('a mirror of files alone, which lets nobody ask questions, is enough', async () => {
    await using visit = await newVisit();
    const { tab, context } = visit;
    await context.route('**/merkle/**', (route) => {
      const headers = { 'access-control-allow-origin': '*' };
      if (route.request().method() === 'GET') return route.fulfill({ status: 404, headers });
      return route.abort();
    });
    // The second time there is something to ask for all roles at once.
    for (const questions of [0, 1]) {
      tab.asked.length = 0;
      await tab.page.reload();
      await tab.call('begin', 'a', server.url);
      expect(await tab.call('download', 'demo/a.tar.gz')).toBe(CONTENT);
      expect(tab.asked.filter((url) => url.endsWith('/proofs'))).toHaveLength(questions);
      expect(namesOf(tab.asked).includes('N.snapshot.json')).toBe(questions === 0);
    }
  });

  test('what may be kept for a while is asked for all the same', async () => {
    await using visit = await newVisit();
    const { tab } = visit;
    const { files, url } = opened.served;
    const headers = { 'cache-control': 'public, max-age=600' };
    for (const body of ['one', 'two']) {
      files.set('timestamp.json', { body, headers });
      expect(await tab.call('fetched', `${url}timestamp.json`)).toBe(body);
    }
  });

  test('a server whom the page’s policy does not name is not asked', async () => {
    await using visit = await newVisit();
    const { tab } = visit;
    const elsewhere = server.url.replace('127.0.0.1', 'localhost');
    await tab.call('begin', 'a', elsewhere);
    await expect(tab.call('refresh')).rejects.toMatchObject({ code: 'client.fetch' });
    expect(await tab.call('blocked')).toEqual([`connect-src ${elsewhere}metadata/2.root.json`]);
  });

  test('a ledger that does not let other sites read is none for them', async () => {
    await server[Symbol.asyncDispose]();
    server = await ledger.serve();
    opened.served.connect.push(server.url.slice(0, -1));
    await using visit = await newVisit();
    const { tab, complaints } = visit;
    await tab.call('begin', 'a', server.url);
    await expect(tab.call('refresh')).rejects.toMatchObject({
      name: 'OperatingFault',
      code: 'client.fetch',
      message: `${server.url}metadata/2.root.json: Failed to fetch`,
    });
    expect(complaints()).toContainEqual(expect.stringContaining('CORS policy'));
    expect(await filesIn(tab.storeOf(0), ROLES)).toEqual({ root: fromUtf8(ledger.root) });
  });

  interface Visit extends AsyncDisposable {
    readonly context: BrowserContext;
    readonly tab: Tab;
    /** Of all tabs; of a file that was not there its status and address. */
    complaints(): string[];
  }

  /** A visitor who was never here, on the page. */
  async function newVisit(): Promise<Visit> {
    const context = await opened.browser.newContext();
    const tab = await Tab.open(context, opened.served.url);
    return {
      context,
      tab,
      complaints: () =>
        tab.complaints.map((each) =>
          each.replace(/^error: Failed to load resource: .* status of (\d+) \(.*\) /, '$1 '),
        ),
      [Symbol.asyncDispose]: async () => await context.close(),
    };
  }

  /** Root 2: what the first one says, signed by the same keys. */
  async function nextRoot(): Promise<Uint8Array> {
    const { signed } = JSON.parse(fromUtf8(ledger.root)) as { signed: JsonObject };
    const passphrase = (await readFile(ledger.passphraseFile, 'utf8')).trim();
    const keys = [...(await readKeys(ledger.offlineKeys, passphrase)).values()];
    const signers = keys.filter(({ purpose }) => purpose.startsWith('root-'));
    return signMetadata(
      { ...signed, version: 2 },
      signers.map(({ signer }) => signer),
    );
  }

  async function served(path: string): Promise<string> {
    return fromUtf8((await server.get(path)).body);
  }

  /** The role that lists a path, as the ledger says. */
  async function binOf(path: string): Promise<{ role: string }> {
    return JSON.parse(await served(`v1/targets/${path}`)) as { role: string };
  }
});

/** What is kept, by role; nothing for roles of which nothing is. */
async function filesIn(
  store: TrustStore,
  roles: readonly string[],
): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const role of roles) {
    const bytes = await store.read(role);
    if (bytes !== undefined) files[role] = fromUtf8(bytes);
  }
  return files;
}

/** The last parts of addresses, without what differs from run to run. */
function namesOf(urls: readonly string[]): string[] {
  return urls.map((url) =>
    new URL(url).pathname
      .replace(/^.*\//, '')
      .replace(/^\d+\.(?!root)/, 'N.')
      .replace(/^[0-9a-f]{64}\./, '')
      .replace(/bin-[0-9a-f]+/, 'bin-xx'),
  );
}
