/**
 * What a client trusts, and what may be added to it: bytes in, trust or a refusal out. Nothing here waits for anybody.
 *
 * The order is that of the specification (https://theupdateframework.github.io/specification/latest/#detailed-client-workflow):
 * roots, timestamp, snapshot, targets, delegated roles; each is believed because of those before it. A timestamp or a
 * snapshot that has expired is kept all the same, for what came after it may not fall behind it; whether it is fit for
 * use, `demandFresh` and `demandCurrent` say.
 */

import { RejectedInput } from '@tidemark/canonical';
import {
  parseRoot,
  parseSnapshot,
  parseTargets,
  parseTimestamp,
  verifyRootUpdate,
  verifyThreshold,
  type Envelope,
  type Key,
  type MetaFile,
  type Role,
  type Root,
  type Signed,
  type Snapshot,
  type Targets,
  type Timestamp,
  type Verifiers,
} from '@tidemark/tuf';
import { demandStated, isStated, type Hashes } from './digest.ts';

export interface Trusted {
  readonly root: Envelope<Root>;
  readonly timestamp: Envelope<Timestamp> | undefined;
  readonly snapshot: Envelope<Snapshot> | undefined;
}

/** How signatures and hashes are computed. */
export interface Crypto {
  readonly verifiers: Verifiers;
  readonly hashes: Hashes;
}

/** Where trust begins: a root that somebody handed over. @throws RejectedInput `json.*`, `tuf.*` */
export function trustRoot(bytes: Uint8Array, verifiers: Verifiers): Trusted {
  return about('root', () => {
    const root = parseRoot(bytes);
    verifyThreshold(root, root.signed.keys, root.signed.roles.root, verifiers);
    return { root, timestamp: undefined, snapshot: undefined };
  });
}

/** The next root. @throws RejectedInput `json.*`, `tuf.*` */
export function followRoot(trusted: Trusted, bytes: Uint8Array, { verifiers }: Crypto): Trusted {
  return about('root', () => {
    const root = parseRoot(bytes);
    verifyRootUpdate(trusted.root, root, verifiers);
    return { ...trusted, root };
  });
}

/**
 * A timestamp, unless it is the version that is trusted already: then that one stays, whatever the other says.
 * @throws RejectedInput `json.*`, `tuf.*`, `client.rollback`
 */
export function followTimestamp(
  trusted: Trusted,
  bytes: Uint8Array,
  { verifiers }: Crypto,
): Trusted {
  return about('timestamp', () => {
    const next = parseTimestamp(bytes);
    const { keys, roles } = trusted.root.signed;
    verifyThreshold(next, keys, roles.timestamp, verifiers);
    const before = trusted.timestamp?.signed;
    if (before === undefined) return { ...trusted, timestamp: next };
    demandNotBehind('timestamp', next.signed.version, before.version);
    if (next.signed.version === before.version) return trusted;
    demandNotBehind(
      'the snapshot it states',
      next.signed.snapshot.version,
      before.snapshot.version,
    );
    return { ...trusted, timestamp: next };
  });
}

/**
 * The snapshot that the timestamp states, or, from the store, one before it.
 * @param isStored it was checked against the timestamp of its day, and may be older than today's
 * @throws RejectedInput `json.*`, `tuf.*`, `client.length`, `client.hash`, `client.rollback`
 */
export function followSnapshot(
  trusted: Trusted,
  bytes: Uint8Array,
  { verifiers, hashes }: Crypto,
  isStored: boolean,
): Trusted {
  return about('snapshot', () => {
    const stated = trusted.timestamp!.signed.snapshot;
    if (!isStored) demandStated('the file', bytes, stated, hashes);
    const next = parseSnapshot(bytes);
    const { keys, roles } = trusted.root.signed;
    verifyThreshold(next, keys, roles.snapshot, verifiers);
    for (const [name, { version }] of trusted.snapshot?.signed.meta ?? []) {
      const now = next.signed.meta.get(name);
      if (now === undefined) {
        throw new RejectedInput('client.rollback', `it no longer lists ${name}`);
      }
      demandNotBehind(name, now.version, version);
    }
    return { ...trusted, snapshot: next };
  });
}

/** Demands the snapshot that the timestamp states, not expired. @throws RejectedInput `client.version`, `client.expired` */
export function demandCurrent({ timestamp, snapshot }: Trusted, nowMs: number): void {
  about('snapshot', () => {
    const { version } = snapshot!.signed;
    const stated = timestamp!.signed.snapshot.version;
    if (version !== stated) {
      throw new RejectedInput(
        'client.version',
        `version ${version}, the timestamp states ${stated}`,
      );
    }
  });
  demandFresh('snapshot', snapshot!.signed, nowMs);
}

/** @throws RejectedInput `client.expired` */
export function demandFresh(role: string, { expires, expiresMs }: Signed, nowMs: number): void {
  if (expiresMs > nowMs) return;
  throw new RejectedInput('client.expired', `${role}.json has expired on ${expires}`);
}

/** Who answers for a file of targets. */
export interface Delegated {
  readonly name: string;
  readonly role: Role;
  readonly keys: ReadonlyMap<string, Key>;
}

/** A file of targets, and the bytes it was served as. */
export interface TargetsFile {
  readonly bytes: Uint8Array;
  readonly file: Envelope<Targets>;
}

/**
 * A file of targets that is listed, by the role that somebody trusted delegated to.
 * @param stated what the snapshot or the map states of it
 * @throws RejectedInput `json.*`, `tuf.*`, `client.length`, `client.hash`, `client.version`, `client.expired`
 */
export function trustTargets(
  bytes: Uint8Array,
  delegated: Delegated,
  stated: MetaFile,
  crypto: Crypto,
  nowMs: number,
): TargetsFile {
  const { name } = delegated;
  about(name, () => demandStated('the file', bytes, stated, crypto.hashes));
  const { file } = signedTargets(bytes, delegated, crypto);
  demandListed(name, file.signed, stated, nowMs);
  return { bytes, file };
}

/** A file of targets that the right keys signed, at whatever time. @throws RejectedInput `json.*`, `tuf.*` */
export function signedTargets(
  bytes: Uint8Array,
  { name, role, keys }: Delegated,
  { verifiers }: Crypto,
): TargetsFile {
  return about(name, () => {
    const file = parseTargets(bytes);
    verifyThreshold(file, keys, role, verifiers);
    return { bytes, file };
  });
}

/** Demands that a file that was kept is the one that is listed now. @throws RejectedInput as {@link trustTargets} */
export function demandStillListed(
  name: string,
  { bytes, file }: TargetsFile,
  stated: MetaFile,
  { hashes }: Crypto,
  nowMs: number,
): void {
  about(name, () => demandStated('the file', bytes, stated, hashes));
  demandListed(name, file.signed, stated, nowMs);
}

/**
 * Demands that the map does not take back what its signers gave out: a file that was seen, and that the keys which count
 * today did sign, bounds what may be stated of its role. (Where keys were replaced because versions had been driven up
 * with them, what they signed counts for nothing.)
 * @throws RejectedInput `client.rollback`, `client.equivocation`
 */
export function demandNotTakenBack(
  name: string,
  stated: MetaFile | undefined,
  seen: TargetsFile,
  { hashes }: Crypto,
): void {
  about(name, () => {
    const { version } = seen.file.signed;
    if (stated === undefined) {
      throw new RejectedInput('client.rollback', `gone, and version ${version} was seen before`);
    }
    demandNotBehind('it', stated.version, version);
    if (stated.version > version || isStated(seen.bytes, stated, hashes)) return;
    const message = `there are two of version ${version}: the one that was seen before, and another`;
    throw new RejectedInput('client.equivocation', message);
  });
}

/** What the snapshot states of a role. @throws RejectedInput `client.unlisted` */
export function listed({ snapshot }: Trusted, role: string): MetaFile {
  const stated = snapshot!.signed.meta.get(`${role}.json`);
  if (stated !== undefined) return stated;
  throw new RejectedInput('client.unlisted', `the snapshot does not list ${role}.json`);
}

function demandListed(name: string, signed: Targets, stated: MetaFile, nowMs: number): void {
  about(name, () => {
    if (signed.version === stated.version) return;
    const message = `version ${signed.version}, the snapshot states ${stated.version}`;
    throw new RejectedInput('client.version', message);
  });
  demandFresh(name, signed, nowMs);
}

function demandNotBehind(what: string, version: number, before: number): void {
  if (version >= before) return;
  throw new RejectedInput(
    'client.rollback',
    `${what} has version ${version}, and ${before} was seen before`,
  );
}

/** Runs a step; what it refuses is said of the role's file. */
function about<T>(role: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof RejectedInput) || error.message.startsWith(`${role}.json`)) throw error;
    throw new RejectedInput(error.code, `${role}.json: ${error.message}`, { cause: error });
  }
}
