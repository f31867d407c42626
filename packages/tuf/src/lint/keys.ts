/** Rules about the keys and thresholds that root and delegating roles list. */

import { isObject } from '@tidemark/canonical';
import type { JsonObject } from '@tidemark/canonical';
import { keyIdOf } from '../keys.ts';
import type { Key } from '../keys.ts';
import type { Role } from '../types.ts';
import type { LintFile, Rule } from './rule.ts';

export const keyRules: readonly Rule<LintFile>[] = [
  {
    // One scheme that python-tuf or tough does not know makes it refuse the whole file.
    rule: 'key-format',
    check: (file, report) => {
      for (const [keyid, key] of keysOf(file)) {
        if (!isKnownKey(key)) report(`key ${keyid} is of an unknown kind or badly written`);
      }
    },
  },
  {
    rule: 'key-id',
    check: (file, report) => {
      for (const [keyid, key] of keysOf(file)) {
        if (keyIdOf(key) !== keyid) report(`key ${keyid} is not listed under its hash`);
      }
    },
  },
  {
    rule: 'key-fields',
    check: ({ envelope: { json } }, report) => {
      const keys = rawKeys(json);
      for (const [keyid, key] of Object.entries(keys)) {
        const keyval = isObject(key) && isObject(key['keyval']) ? key['keyval'] : {};
        const fields = isObject(key) ? Object.keys(key).toSorted().join() : '';
        if (fields !== 'keytype,keyval,scheme' || Object.keys(keyval).join() !== 'public') {
          report(`key ${keyid} has other fields than its id covers`);
        }
      }
    },
  },
  {
    rule: 'role-keys',
    check: (file, report) => {
      const keys = keysOf(file);
      for (const [name, role] of rolesOf(file)) {
        const unknown = role.keyids.find((keyid) => !keys.has(keyid));
        if (unknown !== undefined) report(`${name} names key ${unknown}, which is not listed`);
      }
    },
  },
  {
    rule: 'role-threshold',
    check: (file, report) => {
      for (const [name, { keyids, threshold }] of rolesOf(file)) {
        if (threshold > keyids.length)
          report(`${name} needs ${threshold} of ${keyids.length} keys`);
      }
    },
  },
];

function keysOf({ envelope: { signed } }: LintFile): ReadonlyMap<string, Key> {
  if (signed.type === 'root') return signed.keys;
  return (signed.type === 'targets' ? signed.delegations?.keys : undefined) ?? new Map();
}

function rolesOf({ envelope: { signed } }: LintFile): readonly (readonly [string, Role])[] {
  if (signed.type === 'root') return Object.entries(signed.roles);
  if (signed.type !== 'targets' || signed.delegations === undefined) return [];
  const { roles, succinctRoles } = signed.delegations;
  if (succinctRoles !== undefined) return [['succinct_roles', succinctRoles]];
  return (roles ?? []).map((role) => [role.name, role] as const);
}

function rawKeys(json: JsonObject): JsonObject {
  const signed = isObject(json['signed']) ? json['signed'] : {};
  const { delegations } = signed;
  const keys = isObject(delegations) ? delegations['keys'] : signed['keys'];
  return isObject(keys) ? keys : {};
}

function isKnownKey({ keytype, scheme, keyval }: Key): boolean {
  const form = FORMS.get(`${keytype}/${scheme}`);
  return form !== undefined && form.test(keyval.public);
}

const PEM = /^-----BEGIN PUBLIC KEY-----\n(?:[A-Za-z0-9+/=]+\n)+-----END PUBLIC KEY-----\n$/;
const FORMS: ReadonlyMap<string, RegExp> = new Map([
  ['ed25519/ed25519', /^[0-9a-f]{64}$/],
  ['ecdsa/ecdsa-sha2-nistp256', PEM],
  ['rsa/rsassa-pss-sha256', PEM],
]);
