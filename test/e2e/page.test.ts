// The page at `/` in a real browser: under its policy, without an error, for everybody; and what others get there.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import axe from 'axe-core';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM_FLAGS, provideChromium } from '../support/chromium.ts';
import { requireComponent } from '../support/component.ts';
import { temporaryFolder } from '../support/files.ts';
import { ask, type Reply } from './ask.ts';
import { CHECKOUT, initLedger, type Ledger, type Serving } from './tidemark.ts';

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
const STATED = ['--length', '7', '--sha256', 'a'.repeat(64), '--wait', 'published'];
const STEPS = 9;
const BYTES_MAX = 60_000;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let ledger: Ledger;
let server: Serving;

beforeAll(async () => {
  folder = await temporaryFolder();
  const build = join(CHECKOUT, 'services/page/src/build.ts');
  await promisify(execFile)(process.execPath, [build]);
  ledger = await initLedger(join(folder.path, 'index'), '--bins', '64');
  server = await ledger.serve('--cut-interval', '50ms');
  await ledger.json('add', 'demo/a', ...STATED);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const get = async (path: string, headers: Record<string, string> = {}): Promise<Reply> =>
  ask(server.url, path, { headers });

describe('what is served', () => {
  test.each<[string, string | undefined, string]>([
    ['a browser', BROWSER, 'text/html; charset=utf-8'],
    ['curl', '*/*', 'text/plain; charset=UTF-8'],
    ['who says nothing', undefined, 'text/plain; charset=UTF-8'],
    ['who likes text more', 'text/html;q=0.5, text/plain', 'text/plain; charset=UTF-8'],
    ['who refuses HTML', 'text/html;q=0, */*', 'text/plain; charset=UTF-8'],
    ['who writes in capitals', 'TEXT/HTML', 'text/html; charset=utf-8'],
  ])('%s gets at / what it wants', async (_, accept, type) => {
    const { status, headers, body } = await get('/', accept === undefined ? {} : { accept });
    expect([status, headers['content-type']]).toEqual([200, type]);
    expect(String(headers.vary).split(', ')).toContain('Accept');
    const isPage = type.startsWith('text/html');
    expect(body.toString()).toMatch(isPage ? /^<!doctype html>/ : /^Tidemark ledger index\n/);
    const policy = String(headers['content-security-policy']);
    expect(policy.split('; ')[0]).toBe("default-src 'none'");
    if (isPage) expect(policy).not.toMatch(/unsafe|sandbox|\*|http/);
    else expect(policy).toContain('sandbox');
  });

  test('it is small, and its files may be kept for ever', async () => {
    const accept = { accept: BROWSER, 'accept-encoding': 'gzip' };
    const page = await get('/', accept);
    const html = page.headers['content-encoding'] === 'gzip' ? gunzipSync(page.body) : page.body;
    const names = [...html.toString().matchAll(/(?:src|href)="\.\/(page\/[^"]+)"/g)];
    expect(names).toHaveLength(2);
    let bytes = page.body.length;
    for (const [, name] of names) {
      const { status, headers, body } = await get(`/${name}`, accept);
      expect([status, headers['content-encoding']]).toEqual([200, 'gzip']);
      expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
      expect(headers['content-type']).toBe(
        `text/${name!.endsWith('.css') ? 'css' : 'javascript'}; charset=utf-8`,
      );
      const known = { 'if-none-match': headers.etag!, 'accept-encoding': 'gzip' };
      expect((await get(`/${name}`, known)).status).toBe(304);
      bytes += body.length;
    }
    expect(bytes).toBeLessThan(BYTES_MAX);
    expect((await get('/page/absent.js')).status).toBe(404);
    expect((await get('/page/..%2findex.html')).status).toBe(404);
  });
});

await requireComponent('Chromium', provideChromium, 'in a browser', (executablePath) => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] });
  });
  afterAll(async () => await browser.close());

  /** A page that has been opened; `complaints` gathers what the browser writes to its console. */
  async function open(
    options: BrowserContextOptions = {},
    prepare: (page: Page) => Promise<void> = async () => {},
    address = '',
  ): Promise<AsyncDisposable & { readonly page: Page; readonly complaints: string[] }> {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(String(error)));
    await prepare(page);
    await page.goto(`${server.url}${address}`);
    return { page, complaints, [Symbol.asyncDispose]: async () => await context.close() };
  }

  async function search(page: Page, path: string): Promise<string[]> {
    await page.getByRole('searchbox', { name: 'Path of a file in the index' }).fill(path);
    await page.keyboard.press('Enter');
    const lines = page
      .getByRole('list', { name: 'What this browser checked' })
      .getByRole('listitem');
    await page
      .getByRole('status')
      .filter({ hasText: `${path} ` })
      .waitFor();
    await lines.first().waitFor();
    return await lines.locator('strong').allTextContents();
  }

  test('it says what it is and that it works, and follows the ledger', async () => {
    await using opened = await open();
    const { page, complaints } = opened;
    await page.getByRole('heading', { name: 'Tidemark ledger index' }).waitFor();
    await page.getByText('It is working.').waitFor();
    const newest = page.locator('#newest');
    await page.getByRole('link', { name: 'demo/a' }).first().waitFor();
    const before = Number(await newest.textContent());
    expect(before).toBeGreaterThan(0);
    for (const role of ['root', 'timestamp', 'targets', 'bins']) {
      await page.getByRole('rowheader', { name: role }).waitFor();
    }
    await ledger.json('add', 'demo/b', ...STATED);
    await page.getByRole('link', { name: 'demo/b' }).first().waitFor();
    expect(Number(await newest.textContent())).toBeGreaterThan(before);
    expect(complaints).toEqual([]);
  });

  test('a path is verified in the browser, there or not', async () => {
    await using opened = await open();
    const { page, complaints } = opened;
    expect(await search(page, 'demo/a')).toEqual(Array(STEPS).fill('ok'));
    expect(await page.getByRole('status').textContent()).toContain('demo/a is in the index');
    expect(await search(page, 'demo/absent')).toEqual(Array(STEPS).fill('ok'));
    expect(await page.getByRole('status').textContent()).toContain('is not in the index');
    expect(complaints).toEqual([]);
  });

  test('a bin that was changed on its way is refused, and nothing after it is reached', async () => {
    await using opened = await open({}, async (page) => {
      await page.route(/metadata\/\d+\.bin-/, async (route) => {
        const text = await (await route.fetch()).text();
        await route.fulfill({ body: text.replace('"length":7', '"length":8') });
      });
    });
    const results = await search(opened.page, 'demo/a');
    expect(results.slice(6)).toEqual(['refused', 'not reached', 'not reached']);
    expect(await opened.page.getByRole('status').textContent()).toBe(
      'demo/a: the proof is refused.',
    );
  });

  test('an address leads to a verification, and so does each path that the page names', async () => {
    await using opened = await open({}, undefined, '#demo/absent');
    const { page, complaints } = opened;
    await page.getByText('demo/absent is not in the index').waitFor();
    await page.getByRole('link', { name: 'demo/a', exact: true }).last().click();
    await page.getByText('demo/a is in the index').waitFor();
    expect(new URL(page.url()).hash).toBe('#demo/a');
    await page.goBack();
    await page.getByText('demo/absent is not in the index').waitFor();
    await page.goto(`${server.url}#%`);
    await page.getByText('a character outside').waitFor();
    expect(complaints).toEqual([]);
  });

  test('a path that cannot be one is refused with the reason', async () => {
    await using opened = await open();
    await opened.page.getByRole('searchbox').fill('../etc');
    await opened.page.keyboard.press('Enter');
    await opened.page.getByText('a segment starts with a dot').waitFor();
    expect(opened.complaints).toEqual([]);
  });

  test('scripts that are not its own do not run', async () => {
    await using opened = await open();
    const ran = await opened.page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'document.body.id = "ran"';
      document.head.append(script);
      return document.body.id;
    });
    expect(ran).toBe('');
    expect(opened.complaints.join()).toContain('Content Security Policy');
  });

  test('without JavaScript it says what it is, and where to look', async () => {
    await using opened = await open({ javaScriptEnabled: false });
    await opened.page.getByText('signs and proves the metadata').waitFor();
    for (const name of ['whether the server answers', 'its API', 'the newest timestamp']) {
      const path = await opened.page.getByRole('link', { name }).getAttribute('href');
      expect((await fetch(new URL(path!, server.url))).status).toBe(200);
    }
  });

  test('when the server has gone it says so', async () => {
    await using opened = await open();
    const { page } = opened;
    await page.getByText('It is working.').waitFor();
    await page.context().setOffline(true);
    await page.getByText('It cannot be reached').waitFor();
    await page.context().setOffline(false);
    await page.getByText('It is working.').waitFor();
  });

  test.each<[string, BrowserContextOptions]>([
    ['light', { colorScheme: 'light' }],
    ['dark', { colorScheme: 'dark' }],
    ['on a phone', { viewport: { width: 360, height: 640 } }],
  ])('axe finds nothing, and nothing is cut off: %s', async (_, options) => {
    await using opened = await open(options);
    const { page } = opened;
    await search(page, 'demo/a');
    await page.getByRole('rowheader', { name: 'bins' }).waitFor();
    await page.evaluate(axe.source);
    const { violations, passes } = await page.evaluate(
      async () => await (globalThis as unknown as { axe: typeof axe }).axe.run(),
    );
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
    expect(passes.map(({ id }) => id)).toContain('color-contrast');
    const [width, room] = await page.evaluate(() => [
      document.documentElement.scrollWidth,
      document.documentElement.clientWidth,
    ]);
    expect(width).toBe(room);
  });
});
