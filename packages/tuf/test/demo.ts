/**
 * A small honest repository with some history, and the places where a test may spoil it: before signing, after signing
 * (what is above it then describes the spoilt file), or at the end.
 */

import type { Json, JsonObject } from '@tidemark/canonical';
import { createSigner, sha256HexNative } from '@tidemark/canonical/native';
import type { Signer } from '@tidemark/canonical/native';
import {
  binRoleName,
  binsPaths,
  ed25519Key,
  pathDelegations,
  prefixDelegations,
  rootSigned,
  signMetadata,
  snapshotSigned,
  succinctDelegations,
  targetsSigned,
  timestampSigned,
} from '../src/index.ts';
import type { Key, MetaInput, TargetInput } from '../src/index.ts';

export type Encoding = 'succinct' | 'prefixes';

export interface Mutation {
  /** What is signed, by file name. */
  readonly signed?: (file: string, signed: JsonObject) => JsonObject;
  /** The signed file. */
  readonly bytes?: (file: string, bytes: Uint8Array) => Uint8Array;
  readonly files?: (files: Map<string, Uint8Array>) => void;
  /** Other versions than the honest ones, by role. */
  readonly versions?: Readonly<Record<string, number>>;
  /** Further roles with one key, `dev`, in snapshot 7. */
  readonly roles?: Readonly<Record<string, number>>;
}

export const bits = 4;
export const nowMs = Date.UTC(2027, 0, 1);
const dayMs = 86_400_000;
const yearMs = 365 * dayMs;
const paths = [
  'bar/bar-1.0.tar.gz',
  'bar/bar-1.1.tar.gz',
  'README',
  'pool/main/b/baz/baz_1~2+3.deb',
];

export const devKey = keyOf('dev');

/** The metadata directory: roots 1 and 2, timestamps 8 and 9, snapshots 6 and 7, and all they lead to. */
export function buildDemo(encoding: Encoding, mutation: Mutation = {}): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const write = (file: string, signed: JsonObject, keys: readonly string[]): Uint8Array => {
    const spoilt = mutation.signed?.(file, signed) ?? signed;
    const made = signMetadata(spoilt, keys.map(signerOf));
    const bytes = mutation.bytes?.(file, made) ?? made;
    files.set(file, bytes);
    return bytes;
  };
  const describe = (version: number, bytes: Uint8Array): Required<MetaInput> => ({
    version,
    length: bytes.length,
    sha256: sha256HexNative(bytes),
  });
  write('1.root.json', rootOf(1, ['root1', 'root2']), ['root1', 'root2']);
  write('2.root.json', rootOf(2, ['root2', 'root3']), ['root1', 'root2', 'root3']);

  let meta = new Map<string, MetaInput>();
  const role = (
    name: string,
    honest: number,
    keys: readonly string[],
    signed: JsonObject,
  ): void => {
    const version = mutation.versions?.[name] ?? honest;
    meta.set(
      name,
      describe(version, write(`${version}.${name}.json`, { ...signed, version }, keys)),
    );
  };
  const publish = (timestamp: number, snapshot: number): void => {
    const expiresMs = nowMs + dayMs;
    const signed = snapshotSigned({ version: snapshot, expiresMs, meta });
    const bytes = write(`${snapshot}.snapshot.json`, signed, ['snapshot']);
    const stated = describe(snapshot, bytes);
    const merkleRoot = 'ab'.repeat(32);
    const stamp = timestampSigned({ version: timestamp, expiresMs, snapshot: stated, merkleRoot });
    const file = write(`${timestamp}.timestamp.json`, stamp, ['timestamp']);
    files.set('timestamp.json', file);
  };

  const common = { version: 1, expiresMs: nowMs + yearMs };
  role('targets', 1, ['targets1', 'targets2'], targetsOf());
  role('project.foo', 1, ['dev'], projectOf());
  role('bins', 1, ['bins1', 'bins2'], targetsSigned({ ...common, delegations: binsOf(encoding) }));
  // What resizing leaves behind: listed for ever, delegated by nobody.
  role('old-0', 2, ['bins'], targetsSigned(common));
  for (let bin = 0; bin < 2 ** bits; bin++) role(binName(bin), bin + 1, ['bins'], binOf(bin));
  publish(8, 6);

  meta = new Map(meta);
  role('targets', 2, ['targets1', 'targets2'], targetsOf());
  role(binName(0), 17, ['bins'], binOf(0));
  for (const [name, version] of Object.entries(mutation.roles ?? {})) {
    role(name, version, ['dev'], targetsSigned(common));
  }
  publish(9, 7);
  mutation.files?.(files);
  return files;
}

export function binName(bin: number): string {
  return binRoleName('bin', bits, bin);
}

export function binOfPath(path: string): number {
  return Number.parseInt(sha256HexNative(path).slice(0, 1), 16);
}

export function keyOf(name: string): Key {
  return ed25519Key(signerOf(name).publicKey);
}

export function signerOf(name: string): Signer {
  return createSigner(Buffer.from(sha256HexNative(`tidemark test key ${name}`), 'hex'));
}

/** A copy with the value at `path` replaced, added, or, with undefined, left out; numbers index arrays. */
export function edit(
  json: JsonObject,
  path: readonly string[],
  value: Json | undefined,
): JsonObject {
  return editValue(json, path, value) as JsonObject;
}

function editValue(
  json: Json | undefined,
  path: readonly string[],
  value: Json | undefined,
): Json | undefined {
  const [field, ...rest] = path;
  if (field === undefined) return value;
  if (Array.isArray(json)) {
    return json.map((item: Json, i) =>
      String(i) === field ? (editValue(item, rest, value) ?? null) : item,
    );
  }
  const object = json as JsonObject | undefined;
  const { [field]: before, ...others } = object ?? {};
  const after = editValue(before, rest, value);
  return after === undefined ? others : { ...others, [field]: after };
}

function rootOf(version: number, rootKeys: readonly string[]): JsonObject {
  const keys = (...names: readonly string[]) => ({
    keys: names.map(keyOf),
    threshold: names.length,
  });
  return rootSigned({
    version,
    expiresMs: nowMs + yearMs,
    roles: {
      root: keys(...rootKeys),
      timestamp: keys('timestamp'),
      snapshot: keys('snapshot'),
      targets: keys('targets1', 'targets2'),
    },
    tidemark: {
      ledger: '0123456789abcdef0123456789abcdef',
      slot_bits: 8,
      slot_roles_max: 64,
      checkpoint: 'example.org/log+00000000+AQID',
    },
  });
}

function targetsOf(): JsonObject {
  const project = { name: 'project.foo', keys: [devKey], threshold: 1, paths: ['foo/*'] };
  const bins = {
    name: 'bins',
    keys: [keyOf('bins1'), keyOf('bins2')],
    threshold: 2,
    paths: binsPaths(),
  };
  return targetsSigned({
    version: 1,
    expiresMs: nowMs + yearMs,
    delegations: pathDelegations([
      { ...project, terminating: true },
      { ...bins, terminating: false },
    ]),
  });
}

function projectOf(): JsonObject {
  const targets = new Map([['foo/foo-1.0.tar.gz', targetOf('foo/foo-1.0.tar.gz')]]);
  return targetsSigned({ version: 1, expiresMs: nowMs + yearMs, targets });
}

function binsOf(encoding: Encoding): JsonObject {
  const options = { key: keyOf('bins'), bits, prefix: 'bin' };
  return encoding === 'succinct' ? succinctDelegations(options) : prefixDelegations(options);
}

function binOf(bin: number): JsonObject {
  const mine = paths.filter((path) => binOfPath(path) === bin);
  const targets = new Map(mine.map((path) => [path, targetOf(path)]));
  return targetsSigned({ version: 1, expiresMs: nowMs + dayMs, targets });
}

function targetOf(path: string): TargetInput {
  return { length: path.length, sha256: sha256HexNative(path), custom: { note: 'x' } };
}
