// Tabs of a real browser with the page in which the client is tried out, and what is written on their consoles.
import { join } from 'node:path';
import { failureFrom } from '@tidemark/canonical';
import type { TrustStore } from '@tidemark/client';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { CHROMIUM_FLAGS } from '../support/chromium.ts';
import type { Calls, Outcome } from './clientPage.ts';
import { bundle, servePage, type Bundle, type ServedPage } from './pageOfItsOwn.ts';

export interface Opened extends AsyncDisposable {
  readonly browser: Browser;
  readonly script: Bundle;
  readonly served: ServedPage;
}

/** A browser, and the page on a server of its own. */
export async function openBrowser(executablePath: string): Promise<Opened> {
  const script = await bundle(join(import.meta.dirname, 'clientPage.ts'));
  const served = await servePage(script);
  const browser = await chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] });
  return {
    browser,
    script,
    served,
    [Symbol.asyncDispose]: async () => {
      await browser.close();
      await served[Symbol.asyncDispose]();
    },
  };
}

export class Tab {
  readonly page: Page;
  /** What the browser wrote to the console, with the address that it is about. */
  readonly complaints: string[] = [];
  /** What the page asked for, since this was emptied last. */
  readonly asked: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on('console', (message) => {
      this.complaints.push(`${message.type()}: ${message.text()} ${message.location().url}`);
    });
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('request', (request) => this.asked.push(request.url()));
  }

  static async open(context: BrowserContext, url: string): Promise<Tab> {
    const tab = new Tab(await context.newPage());
    await tab.page.goto(url);
    return tab;
  }

  /** Calls what the page offers. @throws what is thrown there */
  async call<K extends keyof Calls>(
    name: K,
    ...args: Parameters<Calls[K]>
  ): Promise<Awaited<ReturnType<Calls[K]>>> {
    type Value = Awaited<ReturnType<Calls[K]>>;
    const outcome = await this.page.evaluate(
      async ({ name, args }) => {
        const { call } = globalThis as unknown as { call: Call };
        return call(name, args);
      },
      { name, args },
    );
    if ('failure' in outcome) throw failureFrom(outcome.failure);
    return outcome.value as Value;
  }

  /** A store in this tab. */
  async store(name: string): Promise<TrustStore> {
    return this.storeOf(await this.call('openStore', name));
  }

  /** A store that is open in this tab, by its number. */
  storeOf(number: number): TrustStore {
    return {
      read: (role) => this.call('read', number, role),
      write: (role, bytes) => this.call('write', number, role, new Uint8Array(bytes)),
      close: () => this.call('close', number),
    };
  }
}

type Call = (name: keyof Calls, args: readonly unknown[]) => Promise<Outcome<unknown>>;
