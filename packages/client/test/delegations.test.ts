/** Whom a role hands a path to, against a reader that tries every role. */
import { createHash } from 'node:crypto';
import { utf8 } from '@tidemark/canonical';
import {
  binHashPrefixes,
  binRoleName,
  ed25519Key,
  prefixDelegations,
  parseTargets,
  signMetadata,
  succinctDelegations,
  targetsSigned,
  type Delegations,
} from '@tidemark/tuf';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { delegatesFor } from '../src/delegations.ts';
import { matchesPattern } from '../src/pattern.ts';
import { NOW, signerOf } from './repository.ts';

const key = ed25519Key(signerOf('bins').publicKey);

describe('bins', () => {
  test.each([1, 3, 4, 10])('of %i bits: both forms lead to the bin of the hash', (bits) => {
    const succinct = delegationsOf(succinctDelegations({ key, bits, prefix: 'bin' }));
    const prefixes = delegationsOf(prefixDelegations({ key, bits, prefix: 'bin' }));
    for (let i = 0; i < 200; i++) {
      const path = `demo/file-${i}`;
      const hash = createHash('sha256').update(path).digest('hex');
      const index = Array.from({ length: 2 ** bits }, (_, bin) => bin).find((bin) =>
        binHashPrefixes(bits, bin).some((prefix) => hash.startsWith(prefix)),
      )!;
      for (const delegations of [succinct, prefixes]) {
        const found = delegatesFor(delegations, path);
        expect(found.map(({ name, terminating }) => [name, terminating])).toEqual([
          [binRoleName('bin', bits, index), true],
        ]);
      }
    }
  });

  // SHA-256 of "a" begins with ca978112, of "16" with b17ef6d1, of "demo/98" with a digit that its first bit is 0 in.
  test.each(Array.from({ length: 32 }, (_, i) => i + 1))(
    'of %i bits are called by number',
    (bits) => {
      for (const path of ['a', 'b', '16', 'demo/98', 'demo/file-1']) {
        const hash = createHash('sha256').update(path).digest();
        const index = BigInt(hash.readUInt32BE()) >> BigInt(32 - bits);
        const digits = Math.ceil(bits / 4);
        const expected = `b-${index.toString(16).padStart(digits, '0')}`;
        expect(delegatesFor(succinctOf(bits), path).map(({ name }) => name)).toEqual([expected]);
      }
    },
  );

  test.each([
    [1, 'b-1'],
    [4, 'b-c'],
    [5, 'b-19'],
    [16, 'b-ca97'],
    [17, 'b-1952f'],
    [31, 'b-654bc089'],
    [32, 'b-ca978112'],
  ])('of %i bits: "a" is in %s', (bits, name) => {
    expect(delegatesFor(succinctOf(bits), 'a')[0]?.name).toBe(name);
  });

  test.each([0, 33, -1, 64, 256])('of %i bits there are none', (bits) => {
    expect(() => succinctOf(bits)).toThrow(expect.objectContaining({ code: 'tuf.delegations' }));
  });

  test('of 65,536, one role is looked at for a path, once they are read', () => {
    const parsed = delegationsOf(prefixDelegations({ key, bits: 16, prefix: 'bin' }));
    let looked = 0;
    const roles = new Proxy(parsed.roles!, {
      get: (all, name) => {
        if (/^\d+$/.test(String(name))) looked++;
        return Reflect.get(all, name) as unknown;
      },
    });
    const delegations = { ...parsed, roles };
    expect(delegatesFor(delegations, 'a')[0]?.name).toBe('bin-ca97');
    expect(looked).toBe(65_536 + 1);
    for (let i = 0; i < 100; i++) expect(delegatesFor(delegations, `demo/${i}`)).toHaveLength(1);
    expect(looked).toBe(65_536 + 1 + 100);
  });
});

test('roles come in their order, up to the first that ends the search', () => {
  const part = fc.record({
    terminating: fc.boolean(),
    by: fc.oneof(
      fc.array(fc.constantFrom('*', 'a*', 'b', '*/*', 'a/*'), { minLength: 1, maxLength: 2 }),
      fc
        .array(fc.constantFrom('0', '3', 'c', 'ca', '3e', ''), { minLength: 1, maxLength: 3 })
        .map((prefixes) => ({ prefixes })),
    ),
  });
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 8 }),
      fc.constantFrom('a', 'b', 'ab', 'a/b', 'x/y/z'),
      (parts, path) => {
        const hash = createHash('sha256').update(path).digest('hex');
        const roles = parts.map(({ terminating, by }, i) => ({
          name: `r${i}`,
          keyids: [],
          threshold: 1,
          terminating,
          paths: Array.isArray(by) ? by : undefined,
          pathHashPrefixes: Array.isArray(by) ? undefined : by.prefixes,
        }));
        const expected: string[] = [];
        for (const { name, paths, pathHashPrefixes, terminating } of roles) {
          const matches =
            paths?.some((pattern) => matchesPattern(path, pattern)) ??
            pathHashPrefixes!.some((prefix) => hash.startsWith(prefix));
          if (!matches) continue;
          expected.push(name);
          if (terminating) break;
        }
        const delegations = { keys: new Map(), roles, succinctRoles: undefined };
        expect(delegatesFor(delegations, path).map(({ name }) => name)).toEqual(expected);
      },
    ),
    { numRuns: 1000 },
  );
});

function succinctOf(bits: number): Delegations {
  const json = succinctDelegations({ key, bits: 1, prefix: 'b' });
  const succinct = { ...(json['succinct_roles'] as object), bit_length: bits };
  return delegationsOf({ ...json, succinct_roles: succinct });
}

function delegationsOf(delegations: ReturnType<typeof succinctDelegations>): Delegations {
  const signed = targetsSigned({ version: 1, expiresMs: NOW, delegations });
  return parseTargets(signMetadata(signed, [signerOf('bins')])).signed.delegations!;
}

test('a path is hashed as UTF-8', () => {
  const delegations = delegationsOf(succinctDelegations({ key, bits: 8, prefix: 'b' }));
  const hash = createHash('sha256').update(utf8('pé')).digest('hex');
  expect(delegatesFor(delegations, 'pé')[0]?.name).toBe(`b-${hash.slice(0, 2)}`);
});
