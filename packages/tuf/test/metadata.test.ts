/** Building, signing and verifying, against fixed bytes and a file that python-tuf wrote. */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { BrokenInvariant, fromUtf8, toHex, utf8 } from '@tidemark/canonical';
import {
  encodeEnvelope,
  keyIdOf,
  parseMetadata,
  parseRoot,
  parseSnapshot,
  parseTargets,
  parseTimestamp,
  portableVerifiers,
  signMetadata,
  snapshotSigned,
  targetsSigned,
  timestampSigned,
  verifyRootUpdate,
  verifyThreshold,
} from '../src/index.ts';
import { nativeVerifiers } from '../src/native.ts';
import { codeOf } from './codes.ts';
import { edit } from './demo.ts';
import { expiresMs, keyOf, rootOf, signer, statement } from './samples.ts';

const fixture = (name: string): Buffer => readFileSync(new URL(`vectors/${name}`, import.meta.url));
describe('what python-tuf wrote', () => {
  const bytes = fixture('python-tuf-root.json');

  test('parses, PEM keys and unknown fields included, and its three signatures verify', () => {
    const root = parseRoot(bytes);
    expect(root.signed.version).toBe(3);
    expect(root.signed.expiresMs).toBe(Date.UTC(2030, 0, 2, 3, 4, 5));
    expect(root.signed.roles.root.threshold).toBe(3);
    expect(root.signed.tidemark).toBeUndefined();
    const { keys, roles } = root.signed;
    expect(codeOf(() => verifyThreshold(root, keys, roles.root, nativeVerifiers))).toBe('accepted');
    expect(codeOf(() => verifyThreshold(root, keys, roles.root, portableVerifiers))).toBe(
      'tuf.threshold',
    );
  });

  test('keeps its unknown fields, and its signatures, through parse and encode', () => {
    const again = encodeEnvelope(parseRoot(bytes).json);
    expect(JSON.parse(fromUtf8(again))).toEqual(JSON.parse(bytes.toString()));
    const root = parseRoot(again);
    expect(encodeEnvelope(root.json)).toEqual(again);
    const { keys, roles } = root.signed;
    expect(codeOf(() => verifyThreshold(root, keys, roles.root, nativeVerifiers))).toBe('accepted');
  });
});

describe('builders', () => {
  test('write these bytes', () => {
    const targets = targetsSigned({
      version: 2,
      expiresMs,
      targets: new Map([
        ['b', { length: 0, sha256: 'bb'.repeat(32), custom: {} }],
        ['a', { length: 7, sha256: 'aa'.repeat(32), custom: { yanked: true } }],
      ]),
    });
    const keyid = keyIdOf(keyOf(1));
    const signed =
      `{"_type":"targets","expires":"2027-01-01T00:00:00Z","spec_version":"1.0.31","targets":{` +
      `"a":{"custom":{"yanked":true},"hashes":{"sha256":"${'aa'.repeat(32)}"},"length":7},` +
      `"b":{"hashes":{"sha256":"${'bb'.repeat(32)}"},"length":0}},"version":2}`;
    const sig = toHex(signer(1).sign(utf8(signed)));
    expect(fromUtf8(signMetadata(targets, [signer(1)]))).toBe(
      `{"signatures":[{"keyid":"${keyid}","sig":"${sig}"}],"signed":${signed}}`,
    );
  });

  test('give what the parsers read', () => {
    const root = parseRoot(signMetadata(rootOf(1, [1, 2], 2), [signer(1), signer(2)]));
    expect(root.signed.consistentSnapshot).toBe(true);
    expect(root.signed.tidemark).toEqual(statement);
    expect(root.signed.roles.root.keyids).toEqual([1, 2].map((n) => keyIdOf(keyOf(n))).toSorted());
    expect(root.signed.keys.get(keyIdOf(keyOf(9)))).toEqual(keyOf(9));

    const meta = new Map([['bins', { version: 4, length: 5, sha256: 'cc'.repeat(32) }]]);
    const snapshot = parseSnapshot(
      signMetadata(snapshotSigned({ version: 3, expiresMs, meta }), []),
    );
    expect([...snapshot.signed.meta]).toEqual([
      ['bins.json', { version: 4, length: 5, hashes: new Map([['sha256', 'cc'.repeat(32)]]) }],
    ]);

    const timestamp = parseTimestamp(
      signMetadata(
        timestampSigned({
          version: 6,
          expiresMs,
          snapshot: { version: 3, length: 8, sha256: 'dd'.repeat(32) },
          merkleRoot: 'ee'.repeat(32),
        }),
        [],
      ),
    );
    expect(timestamp.signed.merkleRoot).toBe('ee'.repeat(32));
    expect(timestamp.signed.snapshot.version).toBe(3);
    expect(parseMetadata(encodeEnvelope(timestamp.json)).signed).toEqual(timestamp.signed);
  });

  test('signatures stand in order of key id, each key once', () => {
    const signed = rootOf(1, [1, 2, 3], 2);
    const [a, b, c] = [signer(1), signer(2), signer(3)];
    expect(signMetadata(signed, [a, b, c])).toEqual(signMetadata(signed, [c, a, b]));
    expect(() => signMetadata(signed, [a, a])).toThrow(BrokenInvariant);
  });
});

describe('thresholds', () => {
  const role = (keyids: readonly string[], threshold: number) => ({ keyids, threshold });
  const envelope = parseTargets(
    signMetadata(targetsSigned({ version: 1, expiresMs }), [signer(1), signer(2)]),
  );
  const ids = [1, 2, 3].map((byte) => keyIdOf(keyOf(byte)));
  const keys = new Map([1, 2, 3].map((byte) => [keyIdOf(keyOf(byte)), keyOf(byte)]));
  const verdict = (keyids: readonly string[], threshold: number, listed = keys): string =>
    codeOf(() => verifyThreshold(envelope, listed, role(keyids, threshold), portableVerifiers));

  test('count signatures by keys of the role only', () => {
    expect(verdict(ids, 2)).toBe('accepted');
    expect(verdict(ids, 3)).toBe('tuf.threshold');
    expect(verdict(ids.slice(1), 2)).toBe('tuf.threshold');
    expect(verdict(ids, 2, new Map([...keys].slice(1)))).toBe('tuf.threshold');
  });

  test('one key under two ids counts once', () => {
    const [first = ''] = ids;
    const signatures = [first, 'alias'].map((keyid) => ({
      keyid,
      sig: toHex(signer(1).sign(envelope.signedBytes)),
    }));
    const forged = { ...envelope, signatures };
    const listed = new Map([...keys, ['alias', keyOf(1)] as const]);
    const check = (threshold: number): string =>
      codeOf(() =>
        verifyThreshold(forged, listed, role([first, 'alias'], threshold), portableVerifiers),
      );
    expect(check(1)).toBe('accepted');
    expect(check(2)).toBe('tuf.threshold');
  });

  test('a changed byte of signed, or of a signature, is refused', () => {
    const changed = parseTargets(encodeEnvelope(edit(envelope.json, ['signed', 'version'], 2)));
    expect(codeOf(() => verifyThreshold(changed, keys, role(ids, 1), portableVerifiers))).toBe(
      'tuf.threshold',
    );
  });
});

describe('root update', () => {
  const root = (
    version: number,
    keys: readonly number[],
    threshold: number,
    signers: readonly number[],
  ) => parseRoot(signMetadata(rootOf(version, keys, threshold), signers.map(signer)));
  const one = root(1, [1, 2], 2, [1, 2]);
  test.each([
    ['both thresholds', root(2, [2, 3], 2, [1, 2, 3]), 'accepted'],
    ['only the new keys', root(2, [2, 3], 2, [2, 3]), 'tuf.threshold'],
    ['only the old keys', root(2, [2, 3], 2, [1, 2]), 'tuf.threshold'],
    ['the same version', root(1, [1, 2], 2, [1, 2]), 'tuf.root_version'],
    ['a version skipped', root(3, [1, 2], 2, [1, 2]), 'tuf.root_version'],
  ])('%s', (_, next, verdict) => {
    expect(codeOf(() => verifyRootUpdate(one, next, portableVerifiers))).toBe(verdict);
  });
});
