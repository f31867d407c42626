/** Breaches of the rules about one file, its values and its keys. */

import { concat, fromUtf8, utf8 } from '@tidemark/canonical';
import type { JsonObject } from '@tidemark/canonical';
import { keyIdOf, keyJson, snapshotSigned } from '../../src/index.ts';
import type { Key } from '../../src/index.ts';
import { devKey, keyOf, nowMs } from '../demo.ts';
import {
  copyFile,
  pathInto,
  quietFile,
  quietMeta,
  setBytes,
  setSignature,
  setSigned,
  setTarget,
  spoilt,
} from './mutate.ts';

const root = '2.root.json';
const timestamp = '9.timestamp.json';
const snapshot = '7.snapshot.json';
const inBin = pathInto('a/');
const sha256 = 'aa'.repeat(32);

const snapshotAsBins = snapshotSigned({ version: 1, expiresMs: nowMs + 1e9, meta: new Map() });

export const fileCases = [
  spoilt('file-name', 'targets.json', 'no version', copyFile('2.targets.json', 'targets.json')),
  spoilt('file-name', '2.Old.json', 'upper case', copyFile('2.old-0.json', '2.Old.json')),
  spoilt('file-name', '02.old-0.json', 'a zero', copyFile('2.old-0.json', '02.old-0.json')),
  spoilt(
    'canonical-bytes',
    '1.bins.json',
    'a newline at the end',
    setBytes('1.bins.json', (bytes) => concat(bytes, utf8('\n'))),
  ),
  spoilt('file-version', '1.bins.json', '2 inside', setSigned('1.bins.json', ['version'], 2)),
  spoilt('file-type', '1.bins.json', 'a snapshot inside', {
    signed: (name, signed) => (name === '1.bins.json' ? snapshotAsBins : signed),
  }),
  spoilt('spec-version', root, '1.0.30', setSigned(root, ['spec_version'], '1.0.30')),
  spoilt('file-size', root, '512 kB', setSigned(root, ['note'], 'x'.repeat(512_000))),
  spoilt('file-size', timestamp, '16 KiB', setSigned(timestamp, ['note'], 'x'.repeat(16_384))),
  spoilt('consistent-snapshot', root, 'false', setSigned(root, ['consistent_snapshot'], false)),
  spoilt(
    'consistent-snapshot',
    root,
    'absent',
    setSigned(root, ['consistent_snapshot'], undefined),
  ),
  ...['root.json', 'Bins.json', 'notes.txt'].map((name) =>
    spoilt(
      'snapshot-names',
      snapshot,
      name,
      setSigned(snapshot, ['meta', name], { version: 2, hashes: { sha256 } }),
    ),
  ),
  spoilt(
    'snapshot-hashes',
    snapshot,
    'a version only',
    setSigned(snapshot, ['meta', quietMeta, 'hashes'], undefined),
  ),
  spoilt('meta-length', snapshot, '0', setSigned(snapshot, ['meta', quietMeta, 'length'], 0)),
  ...['length', 'hashes'].map((field) =>
    spoilt(
      'timestamp-states',
      timestamp,
      `no ${field}`,
      setSigned(timestamp, ['meta', 'snapshot.json', field], undefined),
    ),
  ),
  spoilt(
    'hash-algorithms',
    snapshot,
    'sha512 beside it',
    setSigned(snapshot, ['meta', quietMeta, 'hashes', 'sha512'], 'aa'.repeat(64)),
  ),
  spoilt(
    'hash-algorithms',
    quietFile,
    'a target with blake2b',
    setTarget(inBin, { hashes: { sha256, 'blake2b-256': sha256 } }),
  ),
  spoilt(
    'hash-algorithms',
    quietFile,
    'a short sha256',
    setTarget(inBin, { hashes: { sha256: 'aa'.repeat(31) } }),
  ),
];

export const valueCases = [
  spoilt('ascii', quietFile, 'an accent', setSigned(quietFile, ['note'], 'café')),
  spoilt('ascii', quietFile, 'a newline', setTarget(inBin, { custom: { 'a\n': 1 } })),
  spoilt('no-null', quietFile, 'in custom', setTarget(inBin, { custom: { a: [null] } })),
  spoilt('field-case', quietFile, 'Custom', setTarget(inBin, { Custom: { a: 1 } })),
  spoilt('field-case', quietFile, 'x-a and X-A', setTarget(inBin, { 'x-a': 1, 'X-A': 1 })),
  spoilt(
    'hex-case',
    quietFile,
    'a hash',
    setTarget(inBin, { hashes: { sha256: 'AA'.repeat(32) } }),
  ),
  spoilt(
    'hex-case',
    quietFile,
    'a signature',
    setSignature(quietFile, (s) => s.toUpperCase()),
  ),
];

const devId = keyIdOf(devKey);
const unknownKey = { keytype: 'ed25519', scheme: 'ed448', keyval: { public: sha256 } };
const upperKey = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: 'AA'.repeat(32) } };
const pem = '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----';
const pemKey = { keytype: 'rsa', scheme: 'rsassa-pss-sha256', keyval: { public: pem } };
const listKey = (file: string, at: readonly string[], key: Key, id = keyIdOf(key)) =>
  setSigned(file, [...at, id], keyJson(key));

export const keyCases = [
  spoilt('key-format', root, 'an unknown scheme', listKey(root, ['keys'], unknownKey)),
  spoilt('key-format', root, 'upper-case hex', listKey(root, ['keys'], upperKey)),
  spoilt(
    'key-format',
    '2.targets.json',
    'a PEM without its last newline',
    listKey('2.targets.json', ['delegations', 'keys'], pemKey),
  ),
  spoilt('key-id', root, 'another id', listKey(root, ['keys'], devKey, 'ab'.repeat(32))),
  spoilt(
    'key-fields',
    '2.targets.json',
    'a name',
    setSigned('2.targets.json', ['delegations', 'keys', devId, 'name'], 'dev'),
  ),
  spoilt(
    'key-fields',
    root,
    'a private part',
    setSigned(root, ['keys', keyIdOf(keyOf('root3')), 'keyval', 'private'], ''),
  ),
  spoilt(
    'role-keys',
    root,
    'one that is not listed',
    setSigned(root, ['roles', 'timestamp', 'keyids'], [keyIdOf(keyOf('timestamp')), devId]),
  ),
  spoilt(
    'role-keys',
    '1.bins.json',
    'one of two is not listed',
    setSigned(
      '1.bins.json',
      ['delegations', 'succinct_roles', 'keyids'],
      [keyIdOf(keyOf('bins')), devId],
    ),
    'succinct',
  ),
  spoilt(
    'role-threshold',
    '1.root.json',
    '2 of 1',
    setSigned('1.root.json', ['roles', 'timestamp', 'threshold'], 2),
  ),
];

const fifthRole: JsonObject = { keyids: [], threshold: 1 };

/** What no parser accepts is found under the code of its refusal. */
export const parseCases = [
  spoilt(
    'tuf.expires',
    quietFile,
    'a fraction',
    setSigned(quietFile, ['expires'], '2027-01-02T00:00:00.000Z'),
  ),
  spoilt(
    'tuf.timestamp_meta',
    timestamp,
    'a second file',
    setSigned(timestamp, ['meta', 'merkle.json'], { version: 1 }),
  ),
  spoilt('tuf.roles', root, 'a fifth role', setSigned(root, ['roles', 'mirrors'], fifthRole)),
  spoilt(
    'tuf.delegations',
    '1.bins.json',
    'neither form',
    setSigned('1.bins.json', ['delegations'], { keys: {} }),
  ),
  spoilt(
    'json.duplicate_key',
    quietFile,
    'a member twice',
    setBytes(quietFile, (bytes) => utf8(fromUtf8(bytes).replace('"_type"', '"version":1,"_type"'))),
  ),
];
