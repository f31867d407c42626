/** Key ids, signatures and dates, as python-tuf makes them. */

import { generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { assert, integer, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BrokenInvariant, utf8 } from '@tidemark/canonical';
import type { Json, JsonObject } from '@tidemark/canonical';
import {
  formatExpires,
  keyIdOf,
  parseExpires,
  parseKey,
  portableVerifiers,
  verifySignature,
} from '../src/index.ts';
import { nativeVerifiers } from '../src/native.ts';
import { codeOf } from './codes.ts';

const fixture = (name: string): Buffer => readFileSync(new URL(`vectors/${name}`, import.meta.url));

interface KeyVector {
  readonly keyid: string;
  readonly key: JsonObject;
  readonly sig: string;
}

describe('keys', () => {
  const { keys } = JSON.parse(fixture('python-tuf.json').toString()) as {
    readonly keys: Readonly<Record<'ed25519' | 'ecdsa' | 'rsa', KeyVector>>;
  };

  test.each(['ed25519', 'ecdsa', 'rsa'] as const)(
    'ids and signatures of %s as in python-tuf',
    (kind) => {
      const { key: json, keyid, sig } = keys[kind];
      const key = parseKey(json);
      expect(keyIdOf(key)).toBe(keyid);
      const message = utf8('tidemark');
      expect(verifySignature(key, message, sig, nativeVerifiers)).toBe(true);
      expect(verifySignature(key, message, sig.toUpperCase(), nativeVerifiers)).toBe(true);
      expect(verifySignature(key, message, sig, portableVerifiers)).toBe(kind === 'ed25519');
      expect(verifySignature(key, utf8('Tidemark'), sig, nativeVerifiers)).toBe(false);
      for (const broken of ['', 'zz', sig.slice(2), `${sig}00`, `0${sig}`]) {
        expect(verifySignature(key, message, broken, nativeVerifiers)).toBe(false);
      }
      const mislabelled = { ...key, scheme: 'rsassa-pss-sha512' };
      expect(verifySignature(mislabelled, message, sig, nativeVerifiers)).toBe(false);
      const unreadable = { ...key, keyval: { public: key.keyval.public.replace(/\w{8}/, '') } };
      expect(verifySignature(unreadable, message, sig, nativeVerifiers)).toBe(false);
    },
  );

  test('a private key in the place of a public one verifies nothing', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    const key = { ...parseKey(keys.ecdsa.key), keyval: { public: pem } };
    const sig = sign('sha256', utf8('tidemark'), privateKey).toString('hex');
    expect(verifySignature(key, utf8('tidemark'), sig, nativeVerifiers)).toBe(false);
  });

  test('a key of one kind under the name of another verifies nothing', () => {
    const { ecdsa, rsa } = keys;
    const message = utf8('tidemark');
    const swapped = { ...parseKey(ecdsa.key), keyval: parseKey(rsa.key).keyval };
    expect(verifySignature(swapped, message, ecdsa.sig, nativeVerifiers)).toBe(false);
    const other = { ...parseKey(rsa.key), keyval: parseKey(ecdsa.key).keyval };
    expect(verifySignature(other, message, rsa.sig, nativeVerifiers)).toBe(false);
  });

  test.each<[string, Json]>([
    ['a string', 'key'],
    ['no keytype', { scheme: 's', keyval: { public: 'p' } }],
    ['no public', { keytype: 't', scheme: 's', keyval: {} }],
    ['keyval a string', { keytype: 't', scheme: 's', keyval: 'p' }],
  ])('%s is no key', (_, json) => {
    expect(codeOf(() => parseKey(json))).toBe('tuf.key');
  });
});

describe('expires', () => {
  test('is written in whole seconds', () => {
    expect(formatExpires(Date.UTC(2027, 0, 2, 3, 4, 5, 999))).toBe('2027-01-02T03:04:05Z');
    expect(() => formatExpires(Date.UTC(10_000, 0))).toThrow(BrokenInvariant);
    expect(() => formatExpires(Number.NaN)).toThrow(BrokenInvariant);
  });

  test('comes back from its spelling', () => {
    assert(
      property(integer({ min: 0, max: 253_402_300_799 }), (seconds) => {
        expect(parseExpires(formatExpires(seconds * 1000))).toBe(seconds * 1000);
      }),
    );
  });

  test.each([
    '2027-01-02T03:04:05.000Z',
    '2027-01-02T03:04:05+00:00',
    '2027-01-02 03:04:05Z',
    '2027-02-30T00:00:00Z',
    '2027-13-01T00:00:00Z',
    '2027-01-01T24:00:00Z',
    '2027-01-02',
    '',
  ])('%j is refused', (text) => {
    expect(codeOf(() => parseExpires(text))).toBe('tuf.expires');
  });
});
