// Trust kept in a real browser: the contract of stores, and what only a browser does to one.
import { utf8 } from '@tidemark/canonical';
import type { TrustStore } from '@tidemark/client';
import { trustStoreContract } from '@tidemark/client/contract';
import type { BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { provideChromium } from '../support/chromium.ts';
import { requireComponent } from '../support/component.ts';
import { openBrowser, Tab, type Opened } from './tabs.ts';

const TAKEN = { name: 'OperatingFault', code: 'client.store' };

await requireComponent('Chromium', provideChromium, 'in a browser', (executablePath) => {
  let opened: Opened;
  let context: BrowserContext;
  let tabs: readonly [Tab, Tab];
  let names = 0;

  beforeAll(async () => {
    opened = await openBrowser(executablePath);
    context = await opened.browser.newContext();
    tabs = [await newTab(), await newTab()];
  });
  afterAll(async () => opened[Symbol.asyncDispose]());
  const newTab = (): Promise<Tab> => Tab.open(context, opened.served.url);

  const placed = new Map<TrustStore, { name: string; tab: Tab }>();
  const openIn = async (tab: Tab, name: string): Promise<TrustStore> => {
    const store = await tab.store(name);
    placed.set(store, { name, tab });
    return store;
  };
  trustStoreContract('IndexedDB, each opener in a tab of its own', {
    open: () => openIn(tabs[0], `contract-${names++}`),
    reopen: (store) => {
      const { name, tab } = placed.get(store)!;
      return openIn(tab === tabs[0] ? tabs[1] : tabs[0], name);
    },
  });

  test('the same tab does not open it twice either', async () => {
    const store = await tabs[0].store('twice');
    await expect(tabs[0].store('twice')).rejects.toMatchObject({
      ...TAKEN,
      message: 'another tab or worker has it open',
    });
    await store.close();
    await (await tabs[0].store('twice')).close();
  });

  test.each<[string, (tab: Tab) => Promise<unknown>]>([
    ['closed', (tab) => tab.page.close()],
    ['loaded anew', (tab) => tab.page.reload()],
    ['at another address', (tab) => tab.page.goto('about:blank')],
    ['crashed', (tab) => crash(tab)],
  ])('a tab that is %s has it no more, and what it wrote is there', async (how, end) => {
    const tab = await newTab();
    await (await tab.store(how)).write('root', utf8(how));
    await end(tab);
    const store = await tabs[1].store(how);
    expect(await store.read('root')).toEqual(utf8(how));
    await store.close();
    await tab.page.close();
  });

  test('whoever lost it to a script that takes it by force writes nothing more', async () => {
    const store = await tabs[0].store('stolen');
    await store.write('root', utf8('one'));
    await tabs[1].call('steal', 'stolen');
    const thief = await tabs[1].store('stolen');
    await expect(store.write('root', utf8('two'))).rejects.toMatchObject(TAKEN);
    await expect(store.read('root')).rejects.toMatchObject(TAKEN);
    await store.close();
    expect(await thief.read('root')).toEqual(utf8('one'));
    await thief.close();
  });

  test('where there is no more room a write is refused, and what was there stays', async () => {
    await using small = await newContext();
    const tab = await Tab.open(small.context, opened.served.url);
    const session = await small.context.newCDPSession(tab.page);
    const origin = opened.served.url.slice(0, -1);
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 500_000 });
    const store = await tab.store('full');
    await store.write('root', utf8('one'));
    await expect(store.write('root', new Uint8Array(1 << 20))).rejects.toMatchObject({
      ...TAKEN,
      message: expect.stringContaining('QuotaExceededError'),
    });
    expect(await store.read('root')).toEqual(utf8('one'));
    await store.write('root', utf8('two'));
    expect(await store.read('root')).toEqual(utf8('two'));
  });

  test('what the user cleared is gone, which is said and not taken for a first time', async () => {
    const page = await context.newCDPSession(tabs[0].page);
    const origin = opened.served.url.slice(0, -1);
    const store = await tabs[0].store('cleared');
    await store.write('root', utf8('one'));
    await page.send('Storage.clearDataForOrigin', { origin, storageTypes: 'indexeddb' });
    await expect(store.read('root')).rejects.toMatchObject(TAKEN);
    await store.close();
    const again = await tabs[0].store('cleared');
    expect(await again.read('root')).toBeUndefined();
    await again.close();
  });

  test('a page that did not come over https is told so', async () => {
    await using insecure = await newContext();
    await insecure.context.route('http://plain.example/**', async (route) => {
      const path = new URL(route.request().url()).pathname.slice(1);
      await route.fulfill({ response: await route.fetch({ url: `${opened.served.url}${path}` }) });
    });
    const tab = await Tab.open(insecure.context, 'http://plain.example/');
    await expect(tab.store('x')).rejects.toMatchObject({
      ...TAKEN,
      message: expect.stringContaining('https'),
    });
  });

  test('nobody complained, neither the browser nor the page’s policy', async () => {
    for (const { complaints } of tabs) expect(complaints).toEqual([]);
    for (const tab of tabs) expect(await tab.call('blocked')).toEqual([]);
  });

  async function newContext(): Promise<AsyncDisposable & { readonly context: BrowserContext }> {
    const made = await opened.browser.newContext();
    return { context: made, [Symbol.asyncDispose]: async () => await made.close() };
  }

  /** Ends the process of a tab. */
  async function crash({ page }: Tab): Promise<void> {
    const gone = page.waitForEvent('crash');
    const session = await context.newCDPSession(page);
    void session.send('Page.crash').catch(() => undefined);
    await gone;
  }
});
