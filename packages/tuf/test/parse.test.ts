/** What the parsers refuse, and under which code. */

import { describe, expect, test } from 'vitest';
import { fromUtf8, utf8 } from '@tidemark/canonical';
import type { Json, JsonObject } from '@tidemark/canonical';
import {
  encodeEnvelope,
  parseMetadata,
  parseSnapshot,
  parseTargets,
  parseTimestamp,
  signMetadata,
  snapshotSigned,
  targetsSigned,
  timestampSigned,
} from '../src/index.ts';
import { codeOf } from './codes.ts';
import { edit } from './demo.ts';
import { expiresMs, rootOf } from './samples.ts';

describe('refusals', () => {
  const file = (signed: JsonObject): JsonObject => ({ signatures: [], signed });
  const root = file(rootOf(1, [1], 1));
  const targets = file(
    targetsSigned({
      version: 1,
      expiresMs,
      targets: new Map([['a', { length: 1, sha256: 'aa'.repeat(32) }]]),
      delegations: {
        keys: {},
        roles: [{ name: 'r', keyids: [], threshold: 1, terminating: true, paths: ['*'] }],
      },
    }),
  );
  const timestamp = file(
    timestampSigned({
      version: 1,
      expiresMs,
      snapshot: { version: 1, length: 1, sha256: 'aa'.repeat(32) },
    }),
  );
  const delegated = ['signed', 'delegations', 'roles', '0'];

  test.each<[string, JsonObject, readonly string[], Json | undefined]>([
    ['tuf.envelope', root, ['signed'], undefined],
    ['tuf.signatures', root, ['signatures'], {}],
    ['tuf.signatures', root, ['signatures'], [{ keyid: 'a' }]],
    [
      'tuf.signatures',
      root,
      ['signatures'],
      [
        { keyid: 'a', sig: '' },
        { keyid: 'a', sig: '' },
      ],
    ],
    ['tuf.type', root, ['signed', '_type'], 'mirrors'],
    ['tuf.spec_version', root, ['signed', 'spec_version'], '2.0.0'],
    ['tuf.spec_version', root, ['signed', 'spec_version'], '1'],
    ['tuf.version', root, ['signed', 'version'], 0],
    ['tuf.version', root, ['signed', 'version'], '1'],
    ['tuf.expires', root, ['signed', 'expires'], '2027-01-01T00:00:00.000Z'],
    ['tuf.consistent_snapshot', root, ['signed', 'consistent_snapshot'], 'true'],
    ['tuf.key', root, ['signed', 'keys', 'k'], { keytype: 'x' }],
    ['tuf.roles', root, ['signed', 'roles', 'mirrors'], { keyids: [], threshold: 1 }],
    ['tuf.roles', root, ['signed', 'roles', 'targets'], undefined],
    ['tuf.role', root, ['signed', 'roles', 'root', 'threshold'], 0],
    ['tuf.role', root, ['signed', 'roles', 'root', 'keyids'], ['a', 'a']],
    ['tuf.statement', root, ['signed', 'tidemark', 'ledger'], 'x'],
    ['tuf.statement', root, ['signed', 'tidemark', 'checkpoint'], 'x'],
    ['tuf.statement', root, ['signed', 'tidemark', 'slot_bits'], 33],
    ['tuf.target', targets, ['signed', 'targets', 'a', 'length'], -1],
    ['tuf.target', targets, ['signed', 'targets', 'a', 'hashes'], {}],
    ['tuf.target', targets, ['signed', 'targets', 'a', 'custom'], 'x'],
    ['tuf.delegations', targets, ['signed', 'delegations', 'roles'], undefined],
    ['tuf.delegations', targets, ['signed', 'delegations', 'succinct_roles'], {}],
    ['tuf.delegations', targets, [...delegated, 'path_hash_prefixes'], ['0']],
    ['tuf.delegations', targets, [...delegated, 'paths'], undefined],
    ['tuf.delegations', targets, [...delegated, 'terminating'], undefined],
    ['tuf.role_name', targets, [...delegated, 'name'], 'snapshot'],
    ['tuf.role_name', targets, [...delegated, 'name'], ''],
    ['tuf.timestamp_meta', timestamp, ['signed', 'meta', 'other.json'], { version: 1 }],
    ['tuf.timestamp_meta', timestamp, ['signed', 'meta', 'snapshot.json'], undefined],
    ['tuf.meta', timestamp, ['signed', 'meta', 'snapshot.json', 'version'], 0],
    ['tuf.meta', timestamp, ['signed', 'meta', 'snapshot.json', 'length'], -1],
    ['tuf.merkle_root', timestamp, ['signed', 'merkle_root'], 'AA'.repeat(32)],
  ])('%s', (code, json, path, value) => {
    expect(codeOf(() => parseMetadata(encodeEnvelope(json)))).toBe('accepted');
    expect(codeOf(() => parseMetadata(encodeEnvelope(edit(json, path, value))))).toBe(code);
  });

  test('two roles of one name, and bits beyond TAP 15', () => {
    const role = { name: 'r', keyids: [], threshold: 1, terminating: true, paths: ['*'] };
    const twice = edit(targets, ['signed', 'delegations', 'roles'], [role, role]);
    expect(codeOf(() => parseTargets(encodeEnvelope(twice)))).toBe('tuf.delegations');
    const bits = (bit_length: number): JsonObject =>
      edit(targets, ['signed', 'delegations'], {
        keys: {},
        succinct_roles: { keyids: [], threshold: 1, bit_length, name_prefix: 'b' },
      });
    expect(codeOf(() => parseTargets(encodeEnvelope(bits(32))))).toBe('accepted');
    expect(codeOf(() => parseTargets(encodeEnvelope(bits(33))))).toBe('tuf.delegations');
    expect(codeOf(() => parseTargets(encodeEnvelope(bits(0))))).toBe('tuf.delegations');
  });

  test('each parser demands its own type, and a limit', () => {
    const bytes = encodeEnvelope(timestamp);
    expect(codeOf(() => parseTargets(bytes))).toBe('tuf.type');
    expect(codeOf(() => parseTimestamp(bytes, bytes.length))).toBe('accepted');
    expect(codeOf(() => parseTimestamp(bytes, bytes.length - 1))).toBe('json.too_large');
    const twice = fromUtf8(bytes).replace('"version":1', '"version":1,"version":1');
    expect(codeOf(() => parseTimestamp(utf8(twice)))).toBe('json.duplicate_key');
  });

  test('names that JavaScript reserves are names', () => {
    const meta = new Map([
      ['__proto__', { version: 4 }],
      ['constructor', { version: 5 }],
    ]);
    const bytes = signMetadata(snapshotSigned({ version: 1, expiresMs, meta }), []);
    const { signed } = parseSnapshot(bytes);
    expect([...signed.meta.keys()].toSorted()).toEqual(['__proto__.json', 'constructor.json']);
    const proto = targetsSigned({
      version: 1,
      expiresMs,
      targets: new Map([['__proto__', { length: 1, sha256: 'aa'.repeat(32) }]]),
    });
    expect(parseTargets(signMetadata(proto, [])).signed.targets.get('__proto__')?.length).toBe(1);
  });
});
