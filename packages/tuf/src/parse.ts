/**
 * From untrusted bytes to typed, readonly roles: parsed once, nothing downstream checks shapes again.
 *
 * As tolerant as python-tuf, so that any repository of the specification can be read: unknown fields are kept,
 * and a key of an unknown scheme merely verifies nothing. What Tidemark's own files must keep to beyond that is
 * in `lint/`.
 *
 * https://theupdateframework.github.io/specification/latest/#document-formats
 */

import { RejectedInput, encodeCanonical, parseJson } from '@tidemark/canonical';
import type { Json, JsonObject } from '@tidemark/canonical';
import { parseExpires } from './expires.ts';
import { readDelegations, readKeys, readRole, readStatement } from './parseParts.ts';
import { readArray, readBoolean, readInteger, readObject, readString } from './read.ts';
import type {
  Common,
  Envelope,
  MetaFile,
  Root,
  Signature,
  Signed,
  Snapshot,
  TargetFile,
  Targets,
  Timestamp,
} from './types.ts';
import { topLevelRoles } from './types.ts';

/** Largest metadata file that is parsed at all, in bytes; callers that know the expected length pass that. */
const metadataBytesMax = 64 * 1024 * 1024;

/** @throws RejectedInput `json.*`, `tuf.*` */
export function parseRoot(bytes: Uint8Array, bytesMax = metadataBytesMax): Envelope<Root> {
  return parseEnvelope(bytes, bytesMax, readRoot);
}

/** For targets and every delegated role. @throws RejectedInput `json.*`, `tuf.*` */
export function parseTargets(bytes: Uint8Array, bytesMax = metadataBytesMax): Envelope<Targets> {
  return parseEnvelope(bytes, bytesMax, readTargets);
}

/** @throws RejectedInput `json.*`, `tuf.*` */
export function parseSnapshot(bytes: Uint8Array, bytesMax = metadataBytesMax): Envelope<Snapshot> {
  return parseEnvelope(bytes, bytesMax, readSnapshot);
}

/** @throws RejectedInput `json.*`, `tuf.*` */
export function parseTimestamp(
  bytes: Uint8Array,
  bytesMax = metadataBytesMax,
): Envelope<Timestamp> {
  return parseEnvelope(bytes, bytesMax, readTimestamp);
}

/** For a file whose type only its `_type` says. @throws RejectedInput `json.*`, `tuf.*` */
export function parseMetadata(bytes: Uint8Array, bytesMax = metadataBytesMax): Envelope<Signed> {
  return parseEnvelope(bytes, bytesMax, (signed): Signed => {
    switch (signed['_type']) {
      case 'root':
        return readRoot(signed);
      case 'snapshot':
        return readSnapshot(signed);
      case 'timestamp':
        return readTimestamp(signed);
      default:
        return readTargets(signed);
    }
  });
}

function parseEnvelope<T>(
  bytes: Uint8Array,
  bytesMax: number,
  readSigned: (signed: JsonObject) => T,
): Envelope<T> {
  const json = readObject(parseJson(bytes, { bytesMax }), 'tuf.envelope', 'metadata');
  const signed = readObject(json['signed'], 'tuf.envelope', 'signed');
  return {
    signatures: readSignatures(json['signatures']),
    signed: readSigned(signed),
    signedBytes: encodeCanonical(signed),
    json,
  };
}

function readSignatures(json: Json | undefined): readonly Signature[] {
  const seen = new Set<string>();
  return readArray(json, 'tuf.signatures', 'signatures').map((item) => {
    const signature = readObject(item, 'tuf.signatures', 'signature');
    const keyid = readString(signature['keyid'], 'tuf.signatures', 'keyid');
    if (seen.has(keyid)) throw new RejectedInput('tuf.signatures', 'two signatures by one key');
    seen.add(keyid);
    return { keyid, sig: readString(signature['sig'], 'tuf.signatures', 'sig') };
  });
}

function readCommon<T extends string>(signed: JsonObject, type: T): Common<T> {
  if (signed['_type'] !== type) throw new RejectedInput('tuf.type', `_type is not ${type}`);
  const specVersion = readString(signed['spec_version'], 'tuf.spec_version', 'spec_version');
  if (!/^1\.\d+(\.\d+)?$/.test(specVersion)) {
    throw new RejectedInput('tuf.spec_version', 'spec_version is not 1.x');
  }
  const expires = readString(signed['expires'], 'tuf.expires', 'expires');
  return {
    type,
    specVersion,
    version: readInteger(signed['version'], 1, 'tuf.version', 'version'),
    expires,
    expiresMs: parseExpires(expires),
  };
}

function readRoot(signed: JsonObject): Root {
  const roles = readObject(signed['roles'], 'tuf.roles', 'roles');
  if (Object.keys(roles).toSorted().join() !== topLevelRoles.toSorted().join()) {
    throw new RejectedInput('tuf.roles', 'roles are not the four top-level roles');
  }
  const consistent = signed['consistent_snapshot'];
  const statement = signed['tidemark'];
  return {
    ...readCommon(signed, 'root'),
    consistentSnapshot:
      consistent !== undefined &&
      readBoolean(consistent, 'tuf.consistent_snapshot', 'consistent_snapshot'),
    keys: readKeys(signed['keys']),
    roles: {
      root: readRole(roles['root'], 'root'),
      timestamp: readRole(roles['timestamp'], 'timestamp'),
      snapshot: readRole(roles['snapshot'], 'snapshot'),
      targets: readRole(roles['targets'], 'targets'),
    },
    tidemark: statement === undefined ? undefined : readStatement(statement),
  };
}

function readTargets(signed: JsonObject): Targets {
  const common = readCommon(signed, 'targets');
  const targets = new Map<string, TargetFile>();
  for (const [path, json] of Object.entries(
    readObject(signed['targets'], 'tuf.target', 'targets'),
  )) {
    const target = readObject(json, 'tuf.target', 'target');
    const custom = target['custom'];
    targets.set(path, {
      length: readInteger(target['length'], 0, 'tuf.target', 'length'),
      hashes: readHashes(target['hashes'], 'tuf.target'),
      custom: custom === undefined ? undefined : readObject(custom, 'tuf.target', 'custom'),
    });
  }
  const delegations = signed['delegations'];
  return {
    ...common,
    targets,
    delegations: delegations === undefined ? undefined : readDelegations(delegations),
  };
}

function readSnapshot(signed: JsonObject): Snapshot {
  const common = readCommon(signed, 'snapshot');
  const meta = new Map<string, MetaFile>();
  for (const [name, json] of Object.entries(readObject(signed['meta'], 'tuf.meta', 'meta'))) {
    meta.set(name, readMetaFile(json));
  }
  return { ...common, meta };
}

function readTimestamp(signed: JsonObject): Timestamp {
  const common = readCommon(signed, 'timestamp');
  const meta = readObject(signed['meta'], 'tuf.timestamp_meta', 'meta');
  // python-tuf, tough and tuf-js refuse a second file here, so nobody may come to rely on one.
  if (Object.keys(meta).join() !== 'snapshot.json') {
    throw new RejectedInput('tuf.timestamp_meta', 'meta is not exactly snapshot.json');
  }
  const merkleRoot = signed['merkle_root'];
  if (merkleRoot !== undefined) {
    const hex = readString(merkleRoot, 'tuf.merkle_root', 'merkle_root');
    if (!/^[0-9a-f]{64}$/.test(hex)) {
      throw new RejectedInput('tuf.merkle_root', 'merkle_root is not 64 lower-case hex digits');
    }
    return { ...common, snapshot: readMetaFile(meta['snapshot.json']), merkleRoot: hex };
  }
  return { ...common, snapshot: readMetaFile(meta['snapshot.json']), merkleRoot: undefined };
}

function readMetaFile(json: Json | undefined): MetaFile {
  const file = readObject(json, 'tuf.meta', 'meta file');
  const { length, hashes } = file;
  return {
    version: readInteger(file['version'], 1, 'tuf.meta', 'version'),
    length: length === undefined ? undefined : readInteger(length, 0, 'tuf.meta', 'length'),
    hashes: hashes === undefined ? undefined : readHashes(hashes, 'tuf.meta'),
  };
}

function readHashes(json: Json | undefined, code: string): ReadonlyMap<string, string> {
  const hashes = new Map<string, string>();
  for (const [algorithm, digest] of Object.entries(readObject(json, code, 'hashes'))) {
    hashes.set(algorithm, readString(digest, code, 'digest'));
  }
  if (hashes.size === 0) throw new RejectedInput(code, 'hashes are empty');
  return hashes;
}
