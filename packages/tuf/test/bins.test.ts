/** Bin names and both delegations, as python-tuf reads them. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { BrokenInvariant } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import {
  binRoleName,
  binsPaths,
  ed25519Key,
  keyIdOf,
  prefixDelegations,
  succinctDelegations,
} from '../src/index.ts';
import { matchesPatterns } from '../src/lint/pattern.ts';

const key = ed25519Key('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');

interface Bin {
  readonly bits: number;
  readonly path: string;
  readonly role: string;
  readonly last: string;
}

const vectors = JSON.parse(
  readFileSync(new URL('vectors/python-tuf.json', import.meta.url), 'utf8'),
) as { readonly succinct: readonly Bin[] };

test.each(vectors.succinct)(
  'python-tuf finds $path among 2^$bits bins in $role, and so do we, in both forms',
  ({ bits, path, role, last }) => {
    const hash = sha256HexNative(path);
    const index = Number(BigInt(`0x${hash}`) >> BigInt(256 - bits));
    expect(binRoleName('bin', bits, index)).toBe(role);
    expect(binRoleName('bin', bits, 2 ** bits - 1)).toBe(last);
    const { roles } = prefixDelegations({ key, bits, prefix: 'bin' }) as unknown as {
      readonly roles: readonly { readonly name: string; readonly path_hash_prefixes: string[] }[];
    };
    const holders = roles.filter(({ path_hash_prefixes: prefixes }) =>
      prefixes.some((prefix) => hash.startsWith(prefix)),
    );
    expect(holders.map(({ name }) => name)).toEqual([role]);
  },
);

test('the two forms of four bins', () => {
  const keyid = keyIdOf(key);
  const keys = {
    [keyid]: { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: key.keyval.public } },
  };
  expect(succinctDelegations({ key, bits: 2, prefix: 'bin' })).toEqual({
    keys,
    succinct_roles: { bit_length: 2, keyids: [keyid], name_prefix: 'bin', threshold: 1 },
  });
  const bin = (name: string, prefixes: string): object => ({
    keyids: [keyid],
    name,
    path_hash_prefixes: prefixes.split(''),
    terminating: true,
    threshold: 1,
  });
  expect(prefixDelegations({ key, bits: 2, prefix: 'bin' })).toEqual({
    keys,
    roles: [bin('bin-0', '0123'), bin('bin-1', '4567'), bin('bin-2', '89ab'), bin('bin-3', 'cdef')],
  });
});

test('bins out of range are our own mistake', () => {
  for (const [bits, index] of [
    [4, 16],
    [4, -1],
    [4, 0.5],
    [0, 0],
    [21, 0],
  ] as const) {
    expect(() => binRoleName('bin', bits, index)).toThrow(BrokenInvariant);
  }
  expect(() => succinctDelegations({ key, bits: 0, prefix: 'bin' })).toThrow(BrokenInvariant);
  expect(() => prefixDelegations({ key, bits: 21, prefix: 'bin' })).toThrow(BrokenInvariant);
});

test('the patterns to bins cover every depth up to 16 and no more', () => {
  const patterns = binsPaths();
  expect(patterns.slice(0, 3)).toEqual(['*', '*/*', '*/*/*']);
  for (let depth = 1; depth <= 17; depth++) {
    const path = Array(depth).fill('seg').join('/');
    expect(matchesPatterns(patterns, path)).toBe(depth <= 16);
  }
});
