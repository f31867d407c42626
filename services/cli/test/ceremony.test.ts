/** What a new ledger is made of. */
import { createHash } from 'node:crypto';

import { BrokenInvariant, fromHex, toHex } from '@tidemark/canonical';
import { createSigner } from '@tidemark/canonical/native';
import { decodeRecord, defaultPolicy, encodeRecord } from '@tidemark/event';
import { decodeVerifierKey } from '@tidemark/merkle';
import { ed25519Key, keyIdOf, parseRoot, parseTargets, verifyThreshold } from '@tidemark/tuf';
import { nativeVerifiers } from '@tidemark/tuf/native';
import { describe, expect, test } from 'vitest';

import { ONLINE_PURPOSES, planLedger } from '../src/folder/ceremony.ts';
import type { LedgerOptions } from '../src/folder/ceremony.ts';

const NOW = Date.UTC(2026, 10, 24, 12, 0, 0);
const OPTIONS: LedgerOptions = {
  name: 'demo-1',
  bins: 16_384,
  partitions: 4,
  delegation: 'succinct',
};

/** Bytes that differ from call to call and are the same in every run. */
function seeded(seed: string): (bytes: number) => Uint8Array {
  let calls = 0;
  return (bytes) =>
    new Uint8Array(createHash('sha512').update(`${seed} ${calls++}`).digest().subarray(0, bytes));
}

const plan = (change: Partial<LedgerOptions> = {}) =>
  planLedger({ ...OPTIONS, ...change }, seeded('one'), NOW);

const publicOf = (seed: Uint8Array): string => createSigner(seed).publicKey;
const idOf = (seed: Uint8Array): string => keyIdOf(ed25519Key(publicOf(seed)));

describe('the plan', () => {
  test('18 keys, each purpose its own', () => {
    const { onlineKeys, offlineKeys } = plan();
    expect(onlineKeys.map(({ purpose }) => purpose)).toEqual([...ONLINE_PURPOSES]);
    expect(offlineKeys.map(({ purpose }) => purpose)).toEqual([
      'root-1',
      'root-2',
      'root-3',
      'targets-1',
      'targets-2',
      'bins-delegator-1',
      'bins-delegator-2',
      'operator-1',
      'operator-2',
      'operator-3',
    ]);
    const all = [...onlineKeys, ...offlineKeys].map(({ seed }) => publicOf(seed));
    expect(new Set(all).size).toBe(18);
  });

  test('the same options, random bytes and time give the same bytes; another source, others', () => {
    expect(plan()).toEqual(plan());
    const other = planLedger(OPTIONS, seeded('two'), NOW);
    expect(other.genesis.ledger).not.toBe(plan().genesis.ledger);
  });

  test('genesis states ledger, keys, widths and the first root', () => {
    const { genesis, rootDocument, onlineKeys, offlineKeys } = plan();
    const key = (purpose: string): string => {
      const found = [...onlineKeys, ...offlineKeys].find((each) => each.purpose === purpose);
      return publicOf(found?.seed ?? new Uint8Array());
    };
    expect(genesis).toEqual({
      type: 'genesis',
      v: 1,
      ledger: toHex(seeded('one')(16)),
      name: 'demo-1',
      time: NOW,
      rules: 1,
      partitions: 4,
      bits: 14,
      slot_bits: 16,
      delegation: 'succinct',
      prefix: 'bin',
      policy: { ...defaultPolicy, log_origin: `tidemark/${genesis.ledger}` },
      services: {
        intake: [key('intake')],
        sealer: [key('sealer')],
        shard: [key('shard')],
        publisher: [key('publisher')],
      },
      operators: { keys: [1, 2, 3].map((i) => key(`operator-${i}`)), threshold: 2 },
      root: createHash('sha256').update(rootDocument).digest('hex'),
    });
  });

  test('root: 2 of 3, its own signatures, a year, what it says about the ledger', () => {
    const { rootDocument, offlineKeys, onlineKeys, genesis } = plan();
    const root = parseRoot(rootDocument);
    expect(root.signed.version).toBe(1);
    expect(root.json['signed']).toMatchObject({ expires: '2027-11-24T12:00:00Z' });
    expect(root.signed.roles.root.threshold).toBe(2);
    expect(new Set(root.signed.roles.root.keyids)).toEqual(
      new Set(offlineKeys.slice(0, 3).map(({ seed }) => idOf(seed))),
    );
    expect(root.signed.roles.targets).toMatchObject({ threshold: 2 });
    expect(root.signed.roles.timestamp.keyids).toEqual([
      idOf(onlineKeys[0]?.seed ?? new Uint8Array()),
    ]);
    expect(root.signed.roles.snapshot.keyids).toEqual([
      idOf(onlineKeys[1]?.seed ?? new Uint8Array()),
    ]);
    verifyThreshold(root, root.signed.keys, root.signed.roles.root, nativeVerifiers);
    expect(root.signatures).toHaveLength(3);
    const statement = root.signed.tidemark;
    expect(statement).toMatchObject({ ledger: genesis.ledger, slot_bits: 16, slot_roles_max: 64 });
    expect(decodeVerifierKey(statement?.checkpoint ?? '')).toMatchObject({
      name: `tidemark/${genesis.ledger}`,
      publicKey: publicOf(onlineKeys[3]?.seed ?? new Uint8Array()),
    });
  });

  test.each(['succinct', 'prefixes'] as const)('targets → bins → %s, each 2 of 2', (delegation) => {
    const { rootDocument, roleDocuments, onlineKeys } = plan({ delegation, bins: 256 });
    const root = parseRoot(rootDocument).signed;
    const targets = parseTargets(roleDocuments.targets);
    verifyThreshold(targets, root.keys, root.roles.targets, nativeVerifiers);
    const role = targets.signed.delegations?.roles?.[0];
    if (role === undefined) throw new Error('targets delegates to nobody');
    expect(role).toMatchObject({ name: 'bins', threshold: 2 });
    const bins = parseTargets(roleDocuments.bins);
    verifyThreshold(bins, targets.signed.delegations?.keys ?? new Map(), role, nativeVerifiers);
    const { delegations } = bins.signed;
    const binKey = idOf(onlineKeys[2]?.seed ?? new Uint8Array());
    expect([...(delegations?.keys.keys() ?? [])]).toEqual([binKey]);
    if (delegation === 'succinct') {
      expect(delegations?.succinctRoles).toMatchObject({
        bitLength: 8,
        keyids: [binKey],
        threshold: 1,
      });
    } else {
      expect(delegations?.roles?.map(({ name }) => name)).toEqual(
        Array.from({ length: 256 }, (_, i) => `bin-${i.toString(16).padStart(2, '0')}`),
      );
    }
  });

  test('wishes for the policy show in genesis and root', () => {
    const policy = {
      conflict: 'replace',
      slot_roles_max: 16,
      log_origin: 'log.example/1',
    } as const;
    const { genesis, rootDocument } = plan({ policy });
    expect(genesis.policy).toEqual({ ...defaultPolicy, ...policy });
    const statement = parseRoot(rootDocument).signed.tidemark;
    expect(statement?.slot_roles_max).toBe(16);
    expect(statement?.checkpoint).toMatch(/^log\.example\/1\+/);
  });

  test('one offline key of two is not enough', () => {
    const { rootDocument, roleDocuments } = plan();
    const root = parseRoot(rootDocument).signed;
    const targets = parseTargets(roleDocuments.targets);
    const alone = { ...targets, signatures: targets.signatures.slice(0, 1) };
    const twice = { ...targets, signatures: [...alone.signatures, ...alone.signatures] };
    for (const envelope of [alone, twice]) {
      expect(() =>
        verifyThreshold(envelope, root.keys, root.roles.targets, nativeVerifiers),
      ).toThrow(expect.objectContaining({ code: 'tuf.threshold' }));
    }
  });

  test('no online key and no operator can sign root, targets or bins', () => {
    const { rootDocument, roleDocuments, onlineKeys, offlineKeys } = plan();
    const root = parseRoot(rootDocument).signed;
    const delegator = parseTargets(roleDocuments.targets).signed.delegations?.roles?.[0]?.keyids;
    const trusted = new Set([
      ...root.roles.root.keyids,
      ...root.roles.targets.keyids,
      ...(delegator ?? []),
    ]);
    expect(trusted.size).toBe(7);
    const others = [...onlineKeys, ...offlineKeys.slice(7)];
    expect(others.filter(({ seed }) => trusted.has(idOf(seed)))).toEqual([]);
  });

  test('no seed is in anything that is published', () => {
    const { genesis, rootDocument, roleDocuments, onlineKeys, offlineKeys } = plan();
    const published = [
      JSON.stringify(genesis),
      ...[rootDocument, roleDocuments.targets, roleDocuments.bins].map((b) =>
        Buffer.from(b).toString(),
      ),
    ].join();
    for (const { seed } of [...onlineKeys, ...offlineKeys])
      expect(published).not.toContain(toHex(seed));
    expect(fromHex(genesis.ledger)).toHaveLength(16);
  });
});

describe('refused', () => {
  test.each([
    ['init.name', { name: '' }],
    ['init.name', { name: 'a\nb' }],
    ['init.name', { name: 'Demo' }],
    ['policy.shape', { policy: { window_s: -1 } }],
    ['policy.shape', { policy: { log_origin: 'two words' } }],
    ['init.name', { name: 'x'.repeat(65) }],
    ['init.bins', { bins: 1 }],
    ['init.bins', { bins: 1000 }],
    ['init.bins', { bins: 2 ** 21 }],
    ['init.bins', { bins: 2 ** 17, delegation: 'prefixes' }],
    ['init.bins', { bins: Number.NaN }],
    ['init.partitions', { partitions: 0 }],
    ['init.partitions', { partitions: 3 }],
    ['init.partitions', { partitions: 256 }],
    ['init.partitions', { bins: 4, partitions: 8 }],
  ] as const)('%s: %j', (code, change) => {
    expect(() => plan(change)).toThrow(expect.objectContaining({ name: 'RejectedInput', code }));
  });

  test('the widest and the narrowest ledger are planned', () => {
    const wide = plan({ bins: 2 ** 20, partitions: 128, name: 'x'.repeat(64) }).genesis;
    expect(wide).toMatchObject({ bits: 20, slot_bits: 20 });
    expect(decodeRecord(encodeRecord(wide)).signed).toEqual(wide);
    expect(plan({ bins: 2, partitions: 1, delegation: 'prefixes' }).genesis).toMatchObject({
      bits: 1,
    });
  });

  test('a random source that repeats itself', () => {
    expect(() => planLedger(OPTIONS, (bytes) => new Uint8Array(bytes), NOW)).toThrow(
      BrokenInvariant,
    );
  });
});
