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
  type Role,
  type Root,
  type Signed,
  type Snapshot,
  type Targets,
  type Timestamp,
  type Verifiers,
} from '@tidemark/tuf';
import { demandStated, type Hashes } from './digest.ts';

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
export function trustRoot(bytes: Uint8Array, { verifiers }: Crypto): Trusted {
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

/**
 * A file of targets that the current snapshot lists, by the role that somebody trusted delegated to.
 * @throws RejectedInput `json.*`, `tuf.*`, `client.unlisted`, `client.length`, `client.hash`, `client.version`,
 *   `client.expired`
 */
export function trustTargets(
  trusted: Trusted,
  bytes: Uint8Array,
  { name, role, keys }: Delegated,
  { verifiers, hashes }: Crypto,
  nowMs: number,
): Envelope<Targets> {
  return about(name, () => {
    const stated = listed(trusted, name);
    demandStated('the file', bytes, stated, hashes);
    const targets = parseTargets(bytes);
    verifyThreshold(targets, keys, role, verifiers);
    const { version } = targets.signed;
    if (version !== stated.version) {
      throw new RejectedInput(
        'client.version',
        `version ${version}, the snapshot states ${stated.version}`,
      );
    }
    demandFresh(name, targets.signed, nowMs);
    return targets;
  });
}

/** What the snapshot states of a role. @throws RejectedInput `client.unlisted` */
export function listed(
  { snapshot }: Trusted,
  role: string,
): NonNullable<ReturnType<Snapshot['meta']['get']>> {
  const stated = snapshot!.signed.meta.get(`${role}.json`);
  if (stated !== undefined) return stated;
  throw new RejectedInput('client.unlisted', `the snapshot does not list ${role}.json`);
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
