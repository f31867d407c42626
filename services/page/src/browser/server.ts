/** Asks the ledger that this page came from. Addresses are relative, so a proxy may put it below any path. */
import { OperatingFault, readJson, RejectedInput } from '@tidemark/canonical';

/** Nothing that the page asks for takes that long, unless nobody answers. */
const ANSWER_MS_MAX = 15_000;

/** How far this machine's clock is from the server's, in milliseconds; the server's `Date` has whole seconds. */
let offsetMs = 0;

/** The server's time now, for ages of what it has dated. */
export function serverNow(): number {
  return Date.now() + offsetMs;
}

/** The bytes under a path. @throws OperatingFault `page.fetch` (nobody answers), `page.refused` */
export async function fetchBytes(path: string): Promise<Uint8Array> {
  return ask(path, async (response) => new Uint8Array(await response.arrayBuffer()));
}

/** The JSON under a path, read as what the API's document says it is. @throws as {@link fetchBytes} */
export async function fetchJson<T>(path: string): Promise<T> {
  return ask(path, async (response) => {
    const date = Date.parse(response.headers.get('date') ?? '');
    if (!Number.isNaN(date) && Math.abs(date - serverNow()) > 2_000) offsetMs = date - Date.now();
    return readJson(await response.text()) as T;
  });
}

/** What the ledger says of itself to who wants text. @throws as {@link fetchBytes} */
export async function fetchWelcome(): Promise<string> {
  return ask('./', async (response) => await response.text());
}

async function ask<T>(path: string, read: (response: Response) => Promise<T>): Promise<T> {
  try {
    const response = await fetch(path, {
      headers: { accept: 'text/plain, */*;q=0.9' },
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
    // A ledger that is not ready says so with 503, and why in the body.
    if (response.ok || (response.status === 503 && path === 'readyz')) return await read(response);
    throw new OperatingFault('page.refused', `the server answers ${response.status} for ${path}`);
  } catch (cause) {
    // No connection, no answer in time, no JSON.
    const named = [TypeError, DOMException, RejectedInput].some((each) => cause instanceof each);
    if (!named) throw cause;
    throw new OperatingFault('page.fetch', `the server does not answer for ${path}`, { cause });
  }
}
