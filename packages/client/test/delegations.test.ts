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

  test('of 32 bits have names, too', () => {
    const json = succinctDelegations({ key, bits: 1, prefix: 'b' });
    const succinct = { ...(json['succinct_roles'] as object), bit_length: 32 };
    const [bin] = delegatesFor(delegationsOf({ ...json, succinct_roles: succinct }), 'a');
    expect(bin?.name).toBe('b-ca978112');
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

function delegationsOf(delegations: ReturnType<typeof succinctDelegations>): Delegations {
  const signed = targetsSigned({ version: 1, expiresMs: NOW, delegations });
  return parseTargets(signMetadata(signed, [signerOf('bins')])).signed.delegations!;
}

test('a path is hashed as UTF-8', () => {
  const delegations = delegationsOf(succinctDelegations({ key, bits: 8, prefix: 'b' }));
  const hash = createHash('sha256').update(utf8('pé')).digest('hex');
  expect(delegatesFor(delegations, 'pé')[0]?.name).toBe(`b-${hash.slice(0, 2)}`);
});
