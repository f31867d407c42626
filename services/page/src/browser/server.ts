/** Asks the ledger that this page came from. Addresses are relative, so a proxy may put it below any path. */
import { OperatingFault } from '@tidemark/canonical';

/** Nothing that the page asks for takes that long, unless nobody answers. */
const ANSWER_MS_MAX = 15_000;

/** How far this machine's clock is from the server's, in milliseconds; the server's `Date` has whole seconds. */
let offsetMs = 0;

/** The server's time now, for ages of what it has dated. */
export function serverNow(): number {
  return Date.now() + offsetMs;
}

/** The bytes under a path. @throws OperatingFault `page.fetch` */
export async function fetchBytes(path: string): Promise<Uint8Array> {
  const response = await ask(path);
  demandOk(path, response);
  return new Uint8Array(await response.arrayBuffer());
}

/** The JSON under a path, read as what the API's document says it is. @throws OperatingFault `page.fetch` */
export async function fetchJson<T>(path: string): Promise<T> {
  const response = await ask(path);
  // Says whether the ledger is ready in the body, too.
  if (response.status !== 503) demandOk(path, response);
  const date = Date.parse(response.headers.get('date') ?? '');
  if (!Number.isNaN(date) && Math.abs(date - serverNow()) > 2_000) offsetMs = date - Date.now();
  return (await response.json()) as T;
}

/** @throws OperatingFault `page.fetch` */
export async function fetchText(path: string): Promise<string> {
  const response = await ask(path);
  demandOk(path, response);
  return await response.text();
}

async function ask(path: string): Promise<Response> {
  try {
    return await fetch(path === '' ? './' : path, {
      headers: { accept: path === '' ? 'text/plain' : '*/*' },
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
  } catch (cause) {
    throw new OperatingFault('page.fetch', `the server does not answer for ${path}`, { cause });
  }
}

function demandOk(path: string, { ok, status }: Response): void {
  if (!ok) throw new OperatingFault('page.fetch', `the server answers ${status} for ${path}`);
}
