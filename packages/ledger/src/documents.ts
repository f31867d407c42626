/**
 * The documents that people sign offline: root, targets, bins. Each is accepted by TUF's own rules,
 * not because it stands in the log.
 */
import { BrokenInvariant, RejectedInput } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import type { GenesisSigned } from '@tidemark/event';
import { decodeVerifierKey } from '@tidemark/merkle';
import {
  binHashPrefixes,
  binRoleName,
  binsPaths,
  parseRoot,
  parseTargets,
  verifyRootUpdate,
  verifyThreshold,
  type DelegatedRole,
  type Envelope,
  type Key,
  type Role,
  type Root,
  type Targets,
} from '@tidemark/tuf';
import { nativeVerifiers } from '@tidemark/tuf/native';

/** A document in force: what it says, and the facts that snapshot and map state about its file. */
export interface Document<T> {
  readonly role: string;
  readonly version: number;
  readonly length: number;
  /** SHA-256 of the file, 64 hex. */
  readonly sha256: string;
  readonly bytes: Uint8Array;
  readonly envelope: Envelope<T>;
}

export interface Documents {
  readonly root: Document<Root> | undefined;
  readonly targets: Document<Targets> | undefined;
  readonly bins: Document<Targets> | undefined;
}

/** The roles signed offline below root, in the order in which one vouches for the next. */
export const OFFLINE_ROLES = ['targets', 'bins'] as const;
export type OfflineRole = (typeof OFFLINE_ROLES)[number];

/**
 * Accepts the first root (the one genesis names by hash) or the next one.
 * @throws RejectedInput with TUF's codes; `document.root` where version 1 is not genesis's own;
 *   `document.statement` where it does not say what this ledger's snapshots need; `document.targets`
 *   where its keys did not sign the targets in force
 */
export function acceptRoot(held: Documents, bytes: Uint8Array, genesis: GenesisSigned): Documents {
  const envelope = parseRoot(bytes);
  const root = document('root', bytes, envelope);
  if (held.root === undefined) {
    if (root.version !== 1 || root.sha256 !== genesis.root) {
      throw new RejectedInput('document.root', 'this is not the root that genesis names');
    }
    verifyThreshold(envelope, envelope.signed.keys, envelope.signed.roles.root, nativeVerifiers);
  } else {
    verifyRootUpdate(held.root.envelope, envelope, nativeVerifiers);
  }
  demandStatement(envelope.signed, genesis);
  const next = { ...held, root };
  demandStillSigned(next, 'targets');
  return next;
}

/**
 * Accepts a version of targets or bins that its delegator's keys signed.
 * @throws RejectedInput with TUF's codes; `document.order`, `document.version`, `document.delegation`;
 *   `document.bins` where the keys to which targets delegates did not sign the bins in force
 */
export function acceptRole(
  held: Documents,
  role: OfflineRole,
  bytes: Uint8Array,
  genesis: GenesisSigned,
): Documents {
  const envelope = parseTargets(bytes);
  const next = document(role, bytes, envelope);
  const current = held[role];
  if (current !== undefined && next.version <= current.version) {
    throw new RejectedInput('document.version', `${role} ${next.version} is not newer`);
  }
  const { keys, keyids, threshold } = delegator(held, role);
  verifyThreshold(envelope, keys, { keyids, threshold }, nativeVerifiers);
  const documents = { ...held, [role]: next };
  if (role === 'bins') demandBins(envelope.signed, genesis);
  else {
    demandDelegation(envelope.signed);
    demandStillSigned(documents, 'bins');
  }
  return documents;
}

/** The id of the one online key that the bins are signed with. */
export function binKeyId(documents: Documents, genesis: GenesisSigned): string {
  if (documents.bins === undefined) {
    throw new BrokenInvariant('document.missing', 'the role bins is not in force');
  }
  return binKeyOf(documents.bins.envelope.signed, genesis)!;
}

/** What everybody reads from root without asking again: the ledger, its map, one key a snapshot role. */
function demandStatement({ tidemark, roles }: Root, genesis: GenesisSigned): void {
  const isOurs = tidemark?.ledger === genesis.ledger && tidemark.slot_bits === genesis.slot_bits;
  if (!isOurs || roles.timestamp.threshold !== 1 || roles.snapshot.threshold !== 1) {
    throw new RejectedInput('document.statement', "root must state this ledger's own facts");
  }
  decodeVerifierKey(tidemark.checkpoint);
}

/**
 * What is in force has to stay signed by the keys now listed for it, or every client would be stuck from
 * the next snapshot on: new keys sign the file beside the old ones first.
 */
function demandStillSigned(documents: Documents, role: OfflineRole): void {
  const document = documents[role];
  if (document === undefined) return;
  const { keys, keyids, threshold } = delegator(documents, role);
  try {
    verifyThreshold(document.envelope, keys, { keyids, threshold }, nativeVerifiers);
  } catch (cause) {
    throw new RejectedInput(
      `document.${role}`,
      `the new keys for ${role} did not sign ${role} ${document.version}: first put a version of it into force that old and new keys sign`,
      { cause },
    );
  }
}

/** targets hands every path to bins, and nothing to a role that no snapshot has. */
function demandDelegation({ delegations }: Targets): void {
  const [bins, ...others] = delegations?.roles ?? [];
  const isWhole = binsPaths().every((pattern) => bins?.paths?.includes(pattern));
  if (bins?.name === 'bins' && isWhole && others.length === 0) return;
  throw new RejectedInput(
    'document.delegation',
    'the role targets must delegate every path to the role bins, and to no other',
  );
}

/** The bins' facts as a delegation states them, held against genesis: they are fixed for life. */
function demandBins(bins: Targets, genesis: GenesisSigned): void {
  const { delegations } = bins;
  const { succinctRoles, roles } = delegations ?? {};
  const keyid = binKeyOf(bins, genesis);
  const isSuccinct = genesis.delegation === 'succinct';
  const fits = isSuccinct
    ? succinctRoles?.bitLength === genesis.bits &&
      succinctRoles.namePrefix === genesis.prefix &&
      isByOneKey(succinctRoles, keyid)
    : roles?.length === 2 ** genesis.bits &&
      roles.every((role, index) => isBin(role, index, genesis) && isByOneKey(role, keyid));
  if (fits && delegations?.keys.get(keyid!)?.keytype === 'ed25519') return;
  throw new RejectedInput(
    'document.delegation',
    `the role bins must delegate by ${isSuccinct ? 'succinct_roles' : 'roles'} to all of this ledger's bins with one key`,
  );
}

/** The key of all bins, where there is one: see {@link demandBins}. */
function binKeyOf({ delegations }: Targets, { delegation }: GenesisSigned): string | undefined {
  const { succinctRoles, roles } = delegations ?? {};
  return (delegation === 'succinct' ? succinctRoles : roles?.[0])?.keyids[0];
}

function isByOneKey({ keyids, threshold }: Role, keyid: string | undefined): boolean {
  return threshold === 1 && keyids.length === 1 && keyids[0] === keyid;
}

/** A prefix left out would leave its targets without a bin; one too many would show them in two. */
function isBin(role: DelegatedRole, index: number, { prefix, bits }: GenesisSigned): boolean {
  const { name, terminating, pathHashPrefixes } = role;
  return (
    terminating &&
    name === binRoleName(prefix, bits, index) &&
    pathHashPrefixes?.join() === binHashPrefixes(bits, index).join()
  );
}

function delegator(
  held: Documents,
  role: OfflineRole,
): { keys: ReadonlyMap<string, Key>; keyids: readonly string[]; threshold: number } {
  if (role === 'targets') {
    const root = held.root?.envelope.signed;
    if (root === undefined) throw new RejectedInput('document.order', 'targets came before root');
    return { keys: root.keys, ...root.roles.targets };
  }
  const delegations = held.targets?.envelope.signed.delegations;
  const entry = delegations?.roles?.find(({ name }) => name === role);
  if (delegations === undefined || entry === undefined) {
    throw new RejectedInput('document.order', `targets does not delegate to ${role}`);
  }
  return { keys: delegations.keys, keyids: entry.keyids, threshold: entry.threshold };
}

function document<T extends { version: number }>(
  role: string,
  bytes: Uint8Array,
  envelope: Envelope<T>,
): Document<T> {
  return {
    role,
    version: envelope.signed.version,
    length: bytes.length,
    sha256: sha256HexNative(bytes),
    bytes,
    envelope,
  };
}
