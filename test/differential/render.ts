// A state as the files that a server has, each signed and listed as it should be, but for what hooks change on the way:
// so that an attack on a file goes as deep as the attacker's keys reach, and what lists the file states it as it is.
import { createHash } from 'node:crypto';
import { canonicalText, type Json } from '@tidemark/canonical';
import { keyJson } from '@tidemark/tuf';
import { keyOf, type TestKey } from './keys.ts';
import {
  newestRoot,
  TOP,
  type Loose,
  type LooseObject,
  type Root,
  type Signing,
  type State,
  type Style,
  type Target,
  type TargetsRole,
  type Written,
} from './state.ts';

/** By name, without percent-encoding: `metadata/1.root.json`, `targets/a.txt`. */
export type Files = Map<string, Served>;
/** Bytes; or a server that is at fault; or one that never comes to an end. */
export type Served = Uint8Array | 'fault' | 'endless';

/** Each is asked for every file; of the roots only for the newest. */
export interface Hooks {
  signed?: (role: string, signed: LooseObject) => void;
  signers?: (role: string, signers: TestKey[]) => TestKey[];
  envelope?: (role: string, envelope: LooseObject, message: Uint8Array) => void;
  text?: (role: string, text: string) => string;
}

/** What is signed with a literal that JSON.stringify cannot write, and how python-tuf writes it canonically. */
export function raw(literal: string, canonical = literal): string {
  return `RAW<${literal}|${canonical}>`;
}

export function render(state: State, hooks: Hooks = {}): Files {
  const files: Files = new Map();
  const root = newestRoot(state);
  const isConsistent = root.consistent === true;
  state.roots.forEach((each, i) => {
    const signers = unique([...(state.roots[i - 1] ?? each).roles.root.keys, ...signersOf(each)]);
    const bytes = write('root', rootSigned(each), signers, each, each === root ? hooks : {});
    files.set(`metadata/${each.version}.root.json`, bytes);
  });
  const put = (name: string, { version }: { version: Loose }, bytes: Uint8Array): void => {
    const prefix = isConsistent && name !== 'timestamp' ? `${literalOf(version)}.` : '';
    files.set(`metadata/${prefix}${name}.json`, bytes);
  };
  const meta: LooseObject = {};
  for (const [name, role] of state.targets) {
    for (const [path, target] of role.targets) putTarget(files, path, target, isConsistent);
    const signed = targetsSigned(role);
    const bytes = write(name, signed, enough(role, role.version), role, hooks);
    const { version = role.version } = signed;
    define(meta, `${name}.json`, stated(version, bytes, state.snapshot));
    put(name, { version }, bytes);
  }
  const signed: LooseObject = { ...common('snapshot', state.snapshot), meta };
  const snapshot = write(
    'snapshot',
    signed,
    topSigners(root, 'snapshot', state),
    state.snapshot,
    hooks,
  );
  const { version = state.snapshot.version } = signed;
  put('snapshot', { version }, snapshot);
  const timestamp = write(
    'timestamp',
    {
      ...common('timestamp', state.timestamp),
      meta: { 'snapshot.json': stated(version, snapshot, state.timestamp) },
    },
    topSigners(root, 'timestamp', state),
    state.timestamp,
    hooks,
  );
  put('timestamp', state.timestamp, timestamp);
  return files;
}

/** The names under which a target is served. */
export function targetNames(path: string, target: Target, isConsistent: boolean): string[] {
  if (!isConsistent) return [`targets/${path}`];
  const slash = path.lastIndexOf('/') + 1;
  const prefix = (hash: string): string => `${path.slice(0, slash)}${hash}.${path.slice(slash)}`;
  return target.algorithms.map((algorithm) => {
    return `targets/${prefix(digest(algorithm, Buffer.from(target.content)))}`;
  });
}

function putTarget(files: Files, path: string, target: Target, isConsistent: boolean): void {
  for (const name of targetNames(path, target, isConsistent)) {
    // Of two roles that list a path without hashes in names one only can be served.
    if (!files.has(name)) files.set(name, Buffer.from(target.content));
  }
}

function write(
  role: string,
  signed: LooseObject,
  signers: readonly string[],
  { isIndented }: Written,
  hooks: Hooks,
): Uint8Array {
  hooks.signed?.(role, signed);
  const message = Buffer.from(literals(canonicalText(signed as Json), '$2'));
  const by = signers.map(keyOf);
  const signatures = (hooks.signers?.(role, by) ?? by).map(({ id, ...key }) => ({
    keyid: id,
    sig: Buffer.from(key.sign(message)).toString('hex'),
  }));
  const envelope: LooseObject = { signatures, signed };
  hooks.envelope?.(role, envelope, message);
  const text = literals(JSON.stringify(envelope, null, isIndented ? 1 : undefined), '$1');
  return Buffer.from(hooks.text?.(role, text) ?? text);
}

function rootSigned(root: Root): LooseObject {
  const roles = TOP.map((name) => [name, role(root.roles[name], root)] as const);
  return {
    ...common('root', root),
    ...(root.consistent === undefined ? {} : { consistent_snapshot: root.consistent }),
    keys: keysOf(
      TOP.flatMap((name) => root.roles[name].keys),
      root,
    ),
    roles: Object.fromEntries(roles),
  };
}

function targetsSigned(targets: TargetsRole): LooseObject {
  const listed = [...targets.targets].map(([path, { content, algorithms, custom }]) => {
    const bytes = Buffer.from(content);
    return [
      path,
      {
        length: bytes.length,
        hashes: hashes(algorithms, bytes),
        ...(custom && { custom }),
        ...unknown(targets),
      },
    ] as const;
  });
  const { roles, succinct } = targets;
  const signed: LooseObject = {
    ...common('targets', targets),
    targets: Object.fromEntries(listed),
  };
  if (succinct !== undefined) {
    signed['delegations'] = {
      keys: keysOf(succinct.keys, targets),
      succinct_roles: {
        ...role(succinct, targets),
        bit_length: succinct.bits,
        name_prefix: succinct.prefix,
      },
    };
  } else if (roles !== undefined) {
    signed['delegations'] = {
      ...unknown(targets),
      keys: keysOf(
        roles.flatMap(({ keys }) => keys),
        targets,
      ),
      roles: roles.map(({ name, terminating, paths, prefixes, ...signing }) => ({
        ...role(signing, targets),
        name,
        terminating,
        ...(paths && { paths }),
        ...(prefixes && { path_hash_prefixes: prefixes }),
      })),
    };
  }
  return signed;
}

function common(type: string, { version, expires, spec, extra }: Written): LooseObject {
  return { ...extra, _type: type, version, spec_version: spec, expires: written(expires) };
}

/** As `expires` is spelt. */
export function written(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

function role({ keys, threshold }: Signing, by: Written): LooseObject {
  return { keyids: keys.map((name) => keyOf(name).id), threshold, ...unknown(by) };
}

function keysOf(names: readonly string[], by: Written): LooseObject {
  return Object.fromEntries(
    unique(names).map((name) => {
      const { id, key } = keyOf(name);
      return [id, { ...(keyJson(key) as LooseObject), ...unknown(by) }];
    }),
  );
}

/** Unknown fields further down, in some files. */
function unknown({ extra, version }: Written): LooseObject {
  return version % 2 === 0 ? structuredClone(extra) : {};
}

function stated(version: Loose, bytes: Uint8Array, { length, algorithms }: Style): LooseObject {
  return {
    version,
    ...(length && { length: bytes.length }),
    ...(algorithms.length > 0 && { hashes: hashes(algorithms, bytes) }),
  };
}

function hashes(algorithms: readonly string[], bytes: Uint8Array): LooseObject {
  return Object.fromEntries(algorithms.map((each) => [each, digest(each, bytes)]));
}

export function digest(algorithm: string, bytes: Uint8Array): string {
  return createHash(algorithm).update(bytes).digest('hex');
}

function signersOf(root: Root): string[] {
  return enough(root.roles.root, root.version);
}

function topSigners(root: Root, name: 'timestamp' | 'snapshot', state: State): string[] {
  return enough(root.roles[name], state[name].version);
}

/** All who may sign, or just as many as have to. */
function enough({ keys, threshold }: Signing, version: number): string[] {
  return version % 2 === 0 ? keys.slice(0, threshold) : [...keys];
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}

/** A member of whatever name, `__proto__` as well. */
function define(object: LooseObject, name: string, value: Loose): void {
  Object.defineProperty(object, name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

function literals(text: string, part: '$1' | '$2'): string {
  return text.replace(/"RAW<([^|>"]*)\|([^|>"]*)>"/g, part);
}

function literalOf(value: Loose): string {
  return (typeof value === 'string' ? value : JSON.stringify(value)).replace(
    /^RAW<([^|>"]*)\|.*$/,
    '$1',
  );
}
