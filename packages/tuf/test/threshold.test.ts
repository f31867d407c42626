/** How many signatures count, and that many of them cost no more than they are many. */

import { utf8 } from '@tidemark/canonical';
import { expect, test } from 'vitest';
import { ed25519Key, verifyThreshold } from '../src/index.ts';
import type { Verifiers } from '../src/index.ts';
import { codeOf } from './codes.ts';

test('each key id of a role is looked at once, however many signatures there are', () => {
  const ids = Array.from({ length: 500 }, (_, i) => `id-${i}`);
  let looked = 0;
  const keyids = new Proxy(ids, {
    get: (all, name) => {
      if (/^\d+$/.test(String(name))) looked++;
      return Reflect.get(all, name) as unknown;
    },
  });
  const keys = new Map(ids.map((id, i) => [id, ed25519Key(i.toString(16).padStart(64, '0'))]));
  const strangers = Array.from({ length: 1000 }, (_, i) => `stranger-${i}`);
  const signatures = [...strangers, ...ids].map((keyid) => ({ keyid, sig: '00' }));
  const envelope = { signed: undefined, signedBytes: utf8('x'), signatures, json: {} };
  let verified = 0;
  const verifiers: Verifiers = {
    ed25519: () => ++verified % 2 === 0,
    ecdsaP256: () => true,
    rsaPss: () => true,
  };
  verifyThreshold(envelope, keys, { keyids, threshold: 250 }, verifiers);
  expect([looked, verified]).toEqual([500, 500]);
  const role = { keyids: ids, threshold: 251 };
  expect(codeOf(() => verifyThreshold(envelope, keys, role, verifiers))).toBe('tuf.threshold');
});
