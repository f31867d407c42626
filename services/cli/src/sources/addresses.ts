/** Which addresses a list may be fetched from: none that only this machine or its network can reach. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { RejectedInput } from '@tidemark/canonical';
import ipaddr from 'ipaddr.js';

/** Whom names stand for, and who may be asked: what tests stand in for. */
export interface Network {
  /** @throws what the system's resolver throws */
  resolve(name: string): Promise<readonly string[]>;
  isPublic(address: string): boolean;
}

export const INTERNET: Network = {
  resolve: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
  isPublic: isPublicAddress,
};

/** The block that is handed out to networks at large: what is outside has no place in a public name. RFC 4291 #section-2.4 */
const IPV6_GLOBAL = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Whether an address is plain unicast of the internet: not private, loopback, link-local, multicast, reserved or one that
 * carries another address by a translation. An IPv4 address mapped into IPv6 counts as itself.
 */
export function isPublicAddress(text: string): boolean {
  if (isIP(text) === 0) return false;
  const address = ipaddr.process(text);
  if (address.range() !== 'unicast') return false;
  return address.kind() === 'ipv4' || address.match(IPV6_GLOBAL);
}

/**
 * The one address to connect to for a URL's host: resolved once, so that what was judged is what is connected to.
 * @param host as `URL.hostname` has it: decimal, octal and short spellings of IPv4 are addresses by then
 * @throws RejectedInput `source.address` where any address of the name is not public
 */
export async function addressOf(
  host: string,
  network: Network,
  allowPrivate: boolean,
): Promise<string> {
  const name = host.replaceAll(/^\[|\]$/g, '');
  const addresses = isIP(name) === 0 ? await network.resolve(name) : [name];
  const refused = addresses.find((address) => !network.isPublic(address));
  if (refused !== undefined && !allowPrivate) {
    const is = refused === name ? name : `${name} is ${refused}, which`;
    throw new RejectedInput(
      'source.address',
      `${is} is not an address of the internet; --allow-private allows it`,
    );
  }
  const [first] = addresses;
  if (first === undefined) throw new RejectedInput('source.address', `${name} has no address`);
  return first;
}
