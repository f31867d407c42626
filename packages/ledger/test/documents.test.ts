/** Root, targets and bins: accepted by TUF's rules and this ledger's facts, not because they are in the log. */
import { fromUtf8, utf8, type JsonObject } from '@tidemark/canonical';
import { keyIdOfPublic } from '@tidemark/event';
import { encodeVerifierKey } from '@tidemark/merkle';
import {
  binsPaths,
  pathDelegations,
  rootSigned,
  signMetadata,
  targetsSigned,
  type RootOptions,
} from '@tidemark/tuf';
import { describe, expect, test } from 'vitest';
import { binKeyId } from '../src/index.ts';
import { codeOf, DAY, T0 } from './support.ts';
import {
  delegationOf,
  DELEGATOR_KEYS,
  keyOf,
  ROOT_KEYS,
  roleKeys,
  rootOptions,
  TARGETS_KEYS,
  TestLedger,
} from './testLedger.ts';

function expectRefused(ledger: TestLedger, role: string, bytes: Uint8Array, code: string): void {
  const { documents } = ledger.fold.view;
  const count = ledger.fold.ignored.get(code) ?? 0;
  expect(ledger.document(role, bytes)).toBeUndefined();
  expect([...ledger.fold.ignored.keys()]).toContain(code);
  expect(ledger.fold.ignored.get(code)).toBe(count + 1);
  expect(ledger.fold.view.documents).toBe(documents);
}

describe('root', () => {
  test('version 1 is the one that genesis names by its hash', () => {
    const ledger = new TestLedger();
    const good = ledger.root();
    expectRefused(ledger, 'root', ledger.root({ expiresMs: 5 }), 'document.root');
    expectRefused(ledger, 'root', ledger.root({}, ROOT_KEYS), 'document.root');
    expectRefused(ledger, 'root', ledger.root({ version: 2 }), 'document.root');
    expect(ledger.document('root', good)?.type).toBe('view');
  });

  const next = keyOf('root 4');
  const rotated = (change: Partial<RootOptions> = {}): Partial<RootOptions> => ({
    version: 2,
    roles: { ...rootOptions().roles, root: roleKeys([ROOT_KEYS[1]!, ROOT_KEYS[2]!, next]) },
    ...change,
  });

  test('the next one needs the thresholds of both', () => {
    const ledger = TestLedger.ready();
    const old = ledger.root(rotated(), ROOT_KEYS.slice(0, 1));
    expectRefused(ledger, 'root', old, 'tuf.threshold');
    expectRefused(ledger, 'root', ledger.root(rotated(), ROOT_KEYS.slice(0, 2)), 'tuf.threshold');
    const onlyNew = ledger.root(rotated(), [ROOT_KEYS[2]!, next]);
    expectRefused(ledger, 'root', onlyNew, 'tuf.threshold');
    const both = ledger.root(rotated(), ROOT_KEYS.slice(1));
    expect(ledger.document('root', both)?.type).toBe('view');
    expect(ledger.fold.view.documents.root?.version).toBe(2);
    expectRefused(ledger, 'root', ledger.root(), 'tuf.root_version');
    expectRefused(ledger, 'root', both, 'tuf.root_version');
  });

  test('none is skipped', () => {
    const ledger = TestLedger.ready();
    expectRefused(ledger, 'root', ledger.root({ version: 3 }, ROOT_KEYS), 'tuf.root_version');
  });

  test('has effect from the cut on that covers it', () => {
    const ledger = TestLedger.ready();
    const control = ledger.fold.next;
    ledger.document('root', ledger.root(rotated(), ROOT_KEYS));
    expect(ledger.cut({ control }).view.documents.root?.version).toBe(1);
    expect(ledger.cut().view.documents.root?.version).toBe(2);
  });

  const roles = rootOptions().roles;
  const statement = rootOptions().tidemark!;
  const two = { ...roleKeys([keyOf('timestamp'), keyOf('snapshot')]), threshold: 2 };
  test.each<[string, Partial<RootOptions>, string]>([
    [
      'another ledger',
      { tidemark: { ...statement, ledger: 'f'.repeat(32) } },
      'document.statement',
    ],
    ['another map', { tidemark: { ...statement, slot_bits: 7 } }, 'document.statement'],
    ['two timestamp keys needed', { roles: { ...roles, timestamp: two } }, 'document.statement'],
    ['two snapshot keys needed', { roles: { ...roles, snapshot: two } }, 'document.statement'],
    ['no checkpoint key', { tidemark: { ...statement, checkpoint: 'x' } }, 'tuf.statement'],
    [
      'a checkpoint key of another name',
      { tidemark: { ...statement, checkpoint: `y${statement.checkpoint}` } },
      'vkey.key_id',
    ],
  ])('with %s would leave everybody unable to go on, so it is refused', (_, change, code) => {
    const ledger = TestLedger.ready();
    expectRefused(ledger, 'root', ledger.root({ version: 2, ...change }, ROOT_KEYS), code);
  });

  test('without a statement about the ledger it is refused', () => {
    const ledger = TestLedger.ready();
    const { tidemark: _, ...options } = rootOptions();
    const bare = signMetadata(rootSigned({ ...options, version: 2 }), ROOT_KEYS);
    expectRefused(ledger, 'root', bare, 'document.statement');
  });

  test('may bring another checkpoint key', () => {
    const ledger = TestLedger.ready();
    const checkpoint = encodeVerifierKey('tidemark.test/ledger', keyOf('checkpoint 2').publicKey);
    const bytes = ledger.root({ version: 2, tidemark: { ...statement, checkpoint } }, ROOT_KEYS);
    expect(ledger.document('root', bytes)?.type).toBe('view');
  });
});

describe('targets and bins', () => {
  test('come in order: each vouches for the next', () => {
    const ledger = new TestLedger();
    expectRefused(ledger, 'bins', ledger.bins(), 'document.order');
    expectRefused(ledger, 'targets', ledger.targets(), 'document.order');
    ledger.document('root', ledger.root());
    expectRefused(ledger, 'bins', ledger.bins(), 'document.order');
    expect(ledger.document('targets', ledger.targets())?.type).toBe('view');
    expect(ledger.document('bins', ledger.bins())?.type).toBe('view');
  });

  test('a new version replaces, an old one does not', () => {
    const ledger = TestLedger.ready();
    expect(ledger.document('targets', ledger.targets(5))?.type).toBe('view');
    expectRefused(ledger, 'targets', ledger.targets(4), 'document.version');
    expectRefused(ledger, 'targets', ledger.targets(5), 'document.version');
    expect(ledger.document('bins', ledger.bins(3))?.type).toBe('view');
    expectRefused(ledger, 'bins', ledger.bins(2), 'document.version');
    expect(ledger.fold.view.documents.targets?.version).toBe(5);
    expect(ledger.fold.view.documents.bins?.version).toBe(3);
  });

  test('too few signatures, or those of others, are refused', () => {
    const ledger = TestLedger.ready();
    const one = ledger.targets(2, TARGETS_KEYS.slice(0, 1));
    expectRefused(ledger, 'targets', one, 'tuf.threshold');
    expectRefused(ledger, 'targets', ledger.targets(2, ROOT_KEYS), 'tuf.threshold');
    const signed = JSON.parse(fromUtf8(ledger.bins(2))) as { signed: JsonObject };
    expectRefused(ledger, 'bins', signMetadata(signed.signed, TARGETS_KEYS), 'tuf.threshold');
  });

  test.each(['succinct', 'prefixes'] as const)(
    '%s: the bins are those of genesis',
    (delegation) => {
      const ledger = TestLedger.ready({ delegation });
      const refused = 'document.delegation';
      expectRefused(ledger, 'bins', ledger.bins(2, keyOf('bins'), { bits: 5 }), refused);
      const { documents } = ledger.fold.view;
      expect(binKeyId(documents, ledger.genesis)).toBe(keyIdOfPublic(keyOf('bins').publicKey));
      expect(ledger.document('bins', ledger.bins(2, keyOf('bins 2')))?.type).toBe('view');
      expect(binKeyId(ledger.fold.view.documents, ledger.genesis)).toBe(
        keyIdOfPublic(keyOf('bins 2').publicKey),
      );
    },
  );

  test('the other form of delegation is refused', () => {
    const prefixes = new TestLedger({ delegation: 'prefixes' });
    const succinct = new TestLedger();
    for (const [ledger, other] of [
      [prefixes, succinct],
      [succinct, prefixes],
    ] as const) {
      ledger.document('root', ledger.root());
      ledger.document('targets', ledger.targets());
      expectRefused(ledger, 'bins', other.bins(), 'document.delegation');
    }
  });

  test.each<[string, JsonObject | undefined]>([
    ['to nobody', undefined],
    ['to another role', delegationOf(DELEGATOR_KEYS, { name: 'bin' })],
    ['of most paths', delegationOf(DELEGATOR_KEYS, { paths: binsPaths().slice(1) })],
    ['of the paths to somebody else first', twoRoles('other', 'bins')],
    ['of the paths to somebody else too', twoRoles('bins', 'other')],
  ])('targets with a delegation %s would leave clients without bins: refused', (_, delegations) => {
    const ledger = TestLedger.ready();
    const options = { version: 2, expiresMs: T0 + DAY };
    const signed = targetsSigned(delegations ? { ...options, delegations } : options);
    const bytes = signMetadata(signed, TARGETS_KEYS);
    expectRefused(ledger, 'targets', bytes, 'document.delegation');
    expect(ledger.document('targets', ledger.targets(2))?.type).toBe('view');
    expect(ledger.document('bins', ledger.bins(2))?.type).toBe('view');
  });

  function twoRoles(...names: [string, string]): JsonObject {
    const role = { ...roleKeys(DELEGATOR_KEYS), paths: binsPaths(), terminating: true };
    return pathDelegations(names.map((name) => ({ name, ...role })));
  }

  test('keys of bins are replaced once a version of bins that both sign is in force', () => {
    const ledger = TestLedger.ready();
    const fresh = [keyOf('delegator 3'), keyOf('delegator 4')];
    const targets = ledger.targets(2, TARGETS_KEYS, delegationOf(fresh));
    expectRefused(ledger, 'targets', targets, 'document.bins');
    const both = ledger.bins(2, keyOf('bins'), {}, [...DELEGATOR_KEYS, ...fresh]);
    expect(ledger.document('bins', both)?.type).toBe('view');
    expect(ledger.document('targets', targets)?.type).toBe('view');
    expectRefused(ledger, 'bins', ledger.bins(3), 'tuf.threshold');
    expect(ledger.document('bins', ledger.bins(3, keyOf('bins'), {}, fresh))?.type).toBe('view');
  });

  test('keys of targets are replaced once a version of targets that both sign is in force', () => {
    const ledger = TestLedger.ready();
    const fresh = [keyOf('targets 3'), keyOf('targets 4')];
    const roles = { ...rootOptions().roles, targets: roleKeys(fresh) };
    const root = ledger.root({ version: 2, roles }, ROOT_KEYS);
    expectRefused(ledger, 'root', root, 'document.targets');
    expect(ledger.document('targets', ledger.targets(2, [...TARGETS_KEYS, ...fresh]))?.type).toBe(
      'view',
    );
    expect(ledger.document('root', root)?.type).toBe('view');
    expectRefused(ledger, 'targets', ledger.targets(3), 'tuf.threshold');
    expect(ledger.document('targets', ledger.targets(3, fresh))?.type).toBe('view');
  });

  describe('a delegation by prefixes', () => {
    type Role = {
      name: string;
      threshold: number;
      terminating: boolean;
      path_hash_prefixes: string[];
    };
    test.each<[string, (roles: Role[]) => unknown]>([
      ['that leaves a prefix out', (roles) => roles[7]!.path_hash_prefixes.pop()],
      ['that leaves a bin out', (roles) => roles.pop()],
      ['with a prefix in two bins', (roles) => roles[7]!.path_hash_prefixes.push('00')],
      ['with two bins exchanged', (roles) => roles.splice(0, 2, roles[1]!, roles[0]!)],
      ['with another name', (roles) => (roles[7]!.name = 'bin-7')],
      ['with a bin that goes on', (roles) => (roles[7]!.terminating = false)],
      ['with a bin under no key', (roles) => (roles[7]!.threshold = 2)],
    ])('%s is refused', (_, change) => {
      // Five bits: eight prefixes of two digits for every bin.
      const ledger = TestLedger.ready({ delegation: 'prefixes', bits: 5 });
      const { signed } = JSON.parse(fromUtf8(ledger.bins(2))) as {
        signed: JsonObject & { delegations: { roles: Role[] } };
      };
      expect(signed.delegations.roles[7]!.path_hash_prefixes).toHaveLength(8);
      change(signed.delegations.roles);
      const bytes = signMetadata(signed, DELEGATOR_KEYS);
      expectRefused(ledger, 'bins', bytes, 'document.delegation');
      expect(ledger.document('bins', ledger.bins(2))?.type).toBe('view');
    });
  });

  test('without bins in force nobody can say whose key signs them', () => {
    const ledger = new TestLedger();
    const run = () => binKeyId(ledger.fold.view.documents, ledger.genesis);
    expect(codeOf(run)).toBe('BrokenInvariant document.missing');
  });

  test('a document too large for a record comes in parts, and counts with the last', () => {
    const ledger = new TestLedger({ delegation: 'prefixes', bits: 10, slotBits: 10 });
    ledger.document('root', ledger.root());
    ledger.document('targets', ledger.targets());
    const before = ledger.fold.next;
    const bytes = ledger.bins();
    expect(bytes.length).toBeGreaterThan(65_535);
    expect(ledger.document('bins', bytes)?.type).toBe('view');
    expect(ledger.fold.next).toBeGreaterThan(before + 1);
    expect(ledger.fold.view.documents.bins?.bytes).toEqual(bytes);
    // Effective from the last part on, not from the first.
    expect(ledger.refold().changedSince(ledger.fold.next - 1)).toBe(true);
    expect(ledger.fold.changedSince(ledger.fold.next)).toBe(false);
  });

  test('what is no document is refused', () => {
    const ledger = TestLedger.ready();
    expectRefused(ledger, 'targets', utf8('{}'), 'tuf.envelope');
    expectRefused(ledger, 'targets', ledger.root(), 'tuf.type');
  });
});
