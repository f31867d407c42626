/** The parts that several roles share: keys, thresholds, delegations; and root's statement about the ledger. */

import { RejectedInput } from '@tidemark/canonical';
import type { Json } from '@tidemark/canonical';
import { parseKey } from './keys.ts';
import type { Key } from './keys.ts';
import { readArray, readBoolean, readInteger, readObject, readString } from './read.ts';
import { topLevelRoles } from './types.ts';
import type { DelegatedRole, Delegations, Role, Statement, SuccinctRoles } from './types.ts';

export function readKeys(json: Json | undefined): ReadonlyMap<string, Key> {
  const keys = new Map<string, Key>();
  for (const [keyid, key] of Object.entries(readObject(json, 'tuf.key', 'keys'))) {
    keys.set(keyid, parseKey(key));
  }
  return keys;
}

export function readRole(json: Json | undefined, name: string): Role {
  const role = readObject(json, 'tuf.role', name);
  const keyids = readArray(role['keyids'], 'tuf.role', 'keyids').map((keyid) =>
    readString(keyid, 'tuf.role', 'keyid'),
  );
  if (new Set(keyids).size < keyids.length) {
    throw new RejectedInput('tuf.role', `${name} lists a key twice`);
  }
  return { keyids, threshold: readInteger(role['threshold'], 1, 'tuf.role', 'threshold') };
}

export function readDelegations(json: Json): Delegations {
  const delegations = readObject(json, 'tuf.delegations', 'delegations');
  const { roles, succinct_roles: succinct } = delegations;
  if ((roles === undefined) === (succinct === undefined)) {
    throw new RejectedInput('tuf.delegations', 'not exactly one of roles and succinct_roles');
  }
  return {
    keys: readKeys(delegations['keys']),
    roles: roles === undefined ? undefined : readDelegatedRoles(roles),
    succinctRoles: succinct === undefined ? undefined : readSuccinctRoles(succinct),
  };
}

/** @throws RejectedInput `tuf.statement` */
export function readStatement(json: Json): Statement {
  const statement = readObject(json, 'tuf.statement', 'tidemark');
  const ledger = readString(statement['ledger'], 'tuf.statement', 'ledger');
  if (!/^[0-9a-f]{32}$/.test(ledger)) {
    throw new RejectedInput('tuf.statement', 'ledger is not 32 lower-case hex digits');
  }
  const checkpoint = readString(statement['checkpoint'], 'tuf.statement', 'checkpoint');
  // C2SP signed-note: name, four bytes of hash, algorithm byte and key; the name has no "+" and no white space.
  if (!/^[^+\s]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+={0,2}$/.test(checkpoint)) {
    throw new RejectedInput('tuf.statement', 'checkpoint is not a vkey');
  }
  const slotBits = readInteger(statement['slot_bits'], 1, 'tuf.statement', 'slot_bits');
  if (slotBits > 32) throw new RejectedInput('tuf.statement', 'slot_bits is above 32');
  return {
    ledger,
    slot_bits: slotBits,
    slot_roles_max: readInteger(statement['slot_roles_max'], 1, 'tuf.statement', 'slot_roles_max'),
    checkpoint,
  };
}

function readDelegatedRoles(json: Json): readonly DelegatedRole[] {
  const names = new Set<string>();
  return readArray(json, 'tuf.delegations', 'roles').map((item) => {
    const role = readDelegatedRole(item);
    if (names.has(role.name)) {
      throw new RejectedInput('tuf.delegations', `${role.name} is delegated twice`);
    }
    names.add(role.name);
    return role;
  });
}

/** Roles whose files have names of their own; nobody else may be called so. */
const TOP_LEVEL: ReadonlySet<string> = new Set(topLevelRoles);

function readDelegatedRole(json: Json): DelegatedRole {
  const role = readObject(json, 'tuf.delegations', 'role');
  const name = readString(role['name'], 'tuf.delegations', 'name');
  if (name === '' || TOP_LEVEL.has(name)) {
    throw new RejectedInput('tuf.role_name', `a delegated role is called "${name}"`);
  }
  const { paths, path_hash_prefixes: prefixes } = role;
  if ((paths === undefined) === (prefixes === undefined)) {
    throw new RejectedInput('tuf.delegations', 'not exactly one of paths and path_hash_prefixes');
  }
  return {
    name,
    ...readRole(json, name),
    terminating: readBoolean(role['terminating'], 'tuf.delegations', 'terminating'),
    paths: paths === undefined ? undefined : readStrings(paths, 'paths'),
    pathHashPrefixes:
      prefixes === undefined ? undefined : readStrings(prefixes, 'path_hash_prefixes'),
  };
}

function readSuccinctRoles(json: Json): SuccinctRoles {
  const succinct = readObject(json, 'tuf.delegations', 'succinct_roles');
  const bitLength = readInteger(succinct['bit_length'], 1, 'tuf.delegations', 'bit_length');
  if (bitLength > 32) throw new RejectedInput('tuf.delegations', 'bit_length is above 32');
  return {
    ...readRole(json, 'succinct_roles'),
    bitLength,
    namePrefix: readString(succinct['name_prefix'], 'tuf.delegations', 'name_prefix'),
  };
}

function readStrings(json: Json, what: string): readonly string[] {
  return readArray(json, 'tuf.delegations', what).map((item) =>
    readString(item, 'tuf.delegations', what),
  );
}
