/** The table of roles: the text of snapshot.json, whatever is in it. */
import { canonicalText } from '@tidemark/canonical';
import { snapshotSigned, type MetaInput } from '@tidemark/tuf';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RoleTable } from '../src/roleTable.ts';
import { T0 } from './support.ts';
import { TestLedger } from './testLedger.ts';

describe('the table of roles', () => {
  const role = fc.tuple(
    fc.constantFrom('targets', 'bins', ...Array.from({ length: 16 }, (_, i) => i.toString(16))),
    fc.record({
      version: fc.integer({ min: 1, max: 2 ** 48 - 1 }),
      length: fc.oneof(
        fc.integer({ min: 1, max: 30_000 }),
        fc.constantFrom((4 << 20) - 1, 4 << 20, 2 ** 32 - 1),
      ),
      sha256: fc.stringMatching(/^[0-9a-f]{64}$/),
    }),
  );

  test('is the text of snapshotSigned, with hashes or without, whatever the bins are called', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('bin', 'bins', 'targets', 'z', 'a-1'),
        fc.array(role, { maxLength: 40 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
        (prefix, roles, withHashes) => {
          const table = new RoleTable(new TestLedger({ prefix }).genesis);
          const held = new Map<string, Required<MetaInput>>();
          const set = ([name, file]: (typeof roles)[number]): void => {
            const full = name.length === 1 ? `${prefix}-${name}` : name;
            held.set(full, file);
            expect(table.set(full, file.version, file.length, file.sha256)).toBe(true);
          };
          const half = roles.length >> 1;
          roles.slice(0, half).forEach(set);
          for (const hashes of withHashes)
            expect(table.metaText(hashes)).toBe(textOf(held, hashes));
          roles.slice(half).forEach(set);
          for (const hashes of withHashes)
            expect(table.metaText(hashes)).toBe(textOf(held, hashes));
        },
      ),
    );
  });

  function textOf(held: ReadonlyMap<string, Required<MetaInput>>, withHashes: boolean): string {
    const meta = new Map<string, MetaInput>();
    for (const [name, { version, length, sha256 }] of held) {
      // Beyond 4 MB clients need the length, even where no hashes are stated.
      const stated = length >= 4 << 20 ? { version, length } : { version };
      meta.set(name, withHashes ? { version, length, sha256 } : stated);
    }
    const signed = snapshotSigned({ version: 1, expiresMs: T0, meta });
    return canonicalText(signed['meta']!);
  }

  test('takes no role that is none of the ledger', () => {
    const table = new RoleTable(new TestLedger().genesis);
    for (const name of ['bin-10', 'bin-A', 'bin', 'root', 'timestamp', 'x', '', 'bin-00']) {
      expect(table.set(name, 1, 1, 'a'.repeat(64))).toBe(false);
    }
    expect(table.metaText(true)).toBe('{}');
  });
});
