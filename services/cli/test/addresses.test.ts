/** Addresses that a list may be fetched from, and all the spellings of those that it may not. */
import { describe, expect, test } from 'vitest';
import { addressOf, isPublicAddress, type Network } from '../src/sources/addresses.ts';

const PRIVATE = [
  '127.0.0.1',
  '127.255.255.254',
  '10.1.2.3',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '0.0.0.0',
  '224.0.0.1',
  '255.255.255.255',
  '192.0.2.1',
  '198.18.0.1',
  '240.0.0.1',
  '::',
  '::1',
  '::127.0.0.1',
  '::ffff:127.0.0.1',
  '::ffff:a00:1',
  '::ffff:169.254.169.254',
  'fe80::1',
  'fe80::1%lo',
  'fc00::1',
  'fd12:3456::1',
  'fec0::1',
  'ff02::1',
  '64:ff9b::7f00:1',
  '64:ff9b:1::7f00:1',
  '2002:7f00:1::',
  '2001:0:1::1',
  '2001:db8::1',
  '100::1',
  'not an address',
  '1.2.3',
];

test('private, loopback, link-local, multicast, reserved and translated ones are not of the internet', () => {
  expect(PRIVATE.filter(isPublicAddress)).toEqual([]);
  const open = ['8.8.8.8', '172.32.0.1', '::ffff:8.8.8.8', '2606:4700::1111', '2a00:1450::1'];
  expect(open.filter((address) => !isPublicAddress(address))).toEqual([]);
});

describe('the address of a host', () => {
  const names = new Map([
    ['open.example', ['93.184.216.34']],
    ['inside.example', ['10.0.0.7']],
    ['both.example', ['93.184.216.34', '::1']],
    ['none.example', []],
  ]);
  const network: Network = {
    resolve: async (name) => names.get(name)!,
    isPublic: isPublicAddress,
  };
  const of = (url: string, allowPrivate = false): Promise<string> =>
    addressOf(new URL(url).hostname, network, allowPrivate);

  test('is refused however it is written', async () => {
    const urls = [
      'http://127.0.0.1/',
      'http://2130706433/',
      'http://0x7f000001/',
      'http://0177.0.0.1/',
      'http://127.1/',
      'http://0/',
      'http://127.0.0.1./',
      'http://１２７.0.0.1/',
      'http://[::1]/',
      'http://[::ffff:127.0.0.1]/',
      'http://[::ffff:7f00:1]/',
      'http://inside.example/',
      'http://both.example/',
      'http://none.example/',
    ];
    for (const url of urls) {
      await expect(of(url), url).rejects.toMatchObject({ code: 'source.address' });
    }
  });

  test('is the first, once it may be asked', async () => {
    expect(await of('http://open.example/')).toBe('93.184.216.34');
    expect(await of('http://8.8.8.8/')).toBe('8.8.8.8');
    expect(await of('http://both.example/', true)).toBe('93.184.216.34');
    expect(await of('http://[::1]/', true)).toBe('::1');
  });
});
