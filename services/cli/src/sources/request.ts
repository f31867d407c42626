/** One GET: its redirects followed within bounds, each to an address that was looked at first. */
import { request as requestHttp } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIPv6 } from 'node:net';
import type { LookupFunction } from 'node:net';
import { OperatingFault, RejectedInput } from '@tidemark/canonical';
import { within } from '../within.ts';
import { addressOf, type Network } from './addresses.ts';

export interface RequestOptions {
  readonly network: Network;
  readonly allowPrivate: boolean;
  /** From the name to the answer's headers, of each request in a chain of redirects. */
  readonly connectMs: number;
}

const REDIRECTS_MAX = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Asks for a URL. The answer's body has to be read or destroyed.
 * @returns an answer with status 200 or 206
 * @throws RejectedInput `source.url`, `source.address`, `source.redirect`; OperatingFault `source.http` (another status),
 *   `source.slow`, `source.read` (no connection)
 */
export async function get(
  start: URL,
  headers: Readonly<Record<string, string>>,
  options: RequestOptions,
): Promise<IncomingMessage> {
  let url = start;
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
    checkUrl(url);
    const answer = await getOnce(url, headers, options);
    const { statusCode = 0 } = answer;
    if (statusCode === 200 || statusCode === 206) return answer;
    answer.destroy();
    const { location } = answer.headers;
    if (!REDIRECTS.has(statusCode) || location === undefined) {
      throw new OperatingFault('source.http', `${url.host} answered with status ${statusCode}`);
    }
    url = redirected(url, location);
  }
  const message = `${start.host} redirects more than ${REDIRECTS_MAX} times`;
  throw new RejectedInput('source.redirect', message);
}

function checkUrl(url: URL): void {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new RejectedInput('source.url', `lists come by http or https, not ${url.protocol}`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new RejectedInput('source.url', 'a name or password in a URL would end up in logs');
  }
}

/** @throws RejectedInput `source.redirect` for what is no URL, and for a step from https down */
export function redirected(from: URL, location: string): URL {
  const to = URL.parse(location, from);
  if (to === null) throw new RejectedInput('source.redirect', `${from.host} redirects to no URL`);
  if (from.protocol === 'https:' && to.protocol !== 'https:') {
    const message = `${from.host} redirects from https to ${to.protocol}//${to.host}`;
    throw new RejectedInput('source.redirect', message);
  }
  return to;
}

async function getOnce(
  url: URL,
  headers: Readonly<Record<string, string>>,
  { network, allowPrivate, connectMs }: RequestOptions,
): Promise<IncomingMessage> {
  const abort = new AbortController();
  const late = (): Error =>
    new OperatingFault('source.slow', `${url.host} did not answer in ${connectMs} ms`);
  const answer = async (): Promise<IncomingMessage> => {
    const lookup = pinnedTo(await addressOf(url.hostname, network, allowPrivate));
    const ask = url.protocol === 'https:' ? requestHttps : requestHttp;
    // A connection of its own: a pooled one may lead to an address of earlier.
    const settings = { headers, lookup, agent: false, signal: abort.signal } as const;
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    ask(url, settings, resolve).on('error', reject).end();
    return promise;
  };
  try {
    return await within(connectMs, answer(), late, () => abort.abort());
  } catch (error) {
    if (error instanceof RejectedInput || error instanceof OperatingFault) throw error;
    const text = error instanceof Error ? error.message : String(error);
    const message = `cannot reach ${url.host}: ${text}`;
    throw new OperatingFault('source.read', message, { cause: error });
  }
}

/** Answers every question for an address with the one that has been judged. */
function pinnedTo(address: string): LookupFunction {
  const family = isIPv6(address) ? 6 : 4;
  return (_name, { all }, done) => {
    if (all === true) done(null, [{ address, family }]);
    else done(null, address, family);
  };
}
