/**
 * From the files that a ledger serves to a verdict on one path, step by step, without asking anybody: bytes in, steps
 * out. Runs in the browser.
 *
 * What it leans on is the first root. A page that comes from the ledger it judges shows that the files fit together
 * and to that root; whether it is the right root, the reader has to know from elsewhere, hence its hash is shown.
 */
import { binOfPathHash, type Bins, pathHash } from '@tidemark/bin';
import { RejectedInput, sha256Hex } from '@tidemark/canonical';
import { verifyTap16File, type Tap16Map } from '@tidemark/merkle';
import {
  binRoleName,
  binsOf,
  binsPaths,
  checkTargetPath,
  parseRoot,
  parseTargets,
  parseTimestamp,
  portableVerifiers,
  verifyRootUpdate,
  verifyThreshold,
  type Delegations,
  type Envelope,
  type Key,
  type Role,
  type Root,
  type TargetFile,
  type Targets,
} from '@tidemark/tuf';
import type { Answer, Evidence, Proved } from './evidence.ts';
import { Trail, type Step } from './trail.ts';

export interface Verdict {
  readonly outcome: 'listed' | 'absent' | 'refused';
  readonly steps: readonly Step[];
  /** The bin that lists the path, or would; undefined where the proof is refused, as what follows. */
  readonly role: string | undefined;
  /** Of the path, where it is listed. */
  readonly target: TargetFile | undefined;
}

/**
 * Judges a path by the files. It ends at the first step that is refused: what comes after would stand on nothing.
 * @param nowMs milliseconds since 1970, for what may have expired
 */
export function verifyPath(evidence: Evidence, nowMs: number): Verdict {
  const trail = new Trail();
  try {
    const found = walk(evidence, nowMs, trail);
    return { outcome: found.target ? 'listed' : 'absent', steps: trail.steps(), ...found };
  } catch (error) {
    if (!(error instanceof RejectedInput)) throw error;
    trail.refuse(`${error.message} (${error.code})`);
    return { outcome: 'refused', steps: trail.steps(), role: undefined, target: undefined };
  }
}

function walk(
  evidence: Evidence,
  nowMs: number,
  trail: Trail,
): { readonly role: string; readonly target: TargetFile | undefined } {
  const path = checkTargetPath(evidence.path);
  const root = newestRoot(evidence.roots, nowMs);
  const first = sha256Hex(evidence.roots[0]!);
  trail.ok('root', `${named(root)}; the first one has SHA-256 ${first}`);

  const timestamp = parseTimestamp(evidence.timestamp);
  verifyThreshold(timestamp, root.signed.keys, root.signed.roles.timestamp, portableVerifiers);
  demandFresh('timestamp.json', timestamp, nowMs);
  const { merkleRoot } = timestamp.signed;
  if (merkleRoot === undefined) throw refused('merkle_root', 'timestamp.json states none');
  trail.ok('timestamp', `snapshot ${timestamp.signed.version}, merkle_root ${merkleRoot}`);

  // How many bins there are decides the slots of all roles, and stands in bins.json, whose signature holds
  // without the map. So it is read first and believed only once the file has passed.
  const bins = parseTargets(evidence.bins.file);
  const map = mapOf(root.signed, bins.signed.delegations);

  demandProved('targets', evidence.targets, merkleRoot, map);
  const targets = parseTargets(evidence.targets.file);
  verifyThreshold(targets, root.signed.keys, root.signed.roles.targets, portableVerifiers);
  demandFresh('targets.json', targets, nowMs);
  trail.ok('targets', named(targets));

  demandProved('bins', evidence.bins, merkleRoot, map);
  const { role: ofBins, keys } = delegationToBins(targets.signed, path);
  verifyThreshold(bins, keys, ofBins, portableVerifiers);
  if (bins.signed.targets.has(path)) throw refused('bins', 'bins.json lists the path itself');
  demandFresh('bins.json', bins, nowMs);
  trail.ok('bins', `${named(bins)}: ${2 ** map.bins.bits} bins`);

  const hash = pathHash(path, sha256Hex);
  const index = binOfPathHash(hash, map.bins.bits);
  const name = binRoleName(map.bins.prefix, map.bins.bits, index);
  trail.ok('path', `${hash.slice(0, 16)}… begins with the ${map.bins.bits} bits of ${name}`);

  const entry = provedEntry(name, evidence.bin.proof, merkleRoot, map);
  trail.ok('proof', `${map.slotBits} hashes lead from ${name} to ${merkleRoot}`);
  const bin = parseTargets(evidence.bin.file);
  demandFile(name, evidence.bin.file, bin, entry);
  trail.ok('file', `${entry.length} bytes, SHA-256 ${entry.sha256}, version ${entry.version}`);

  const delegations = bins.signed.delegations!;
  verifyThreshold(bin, delegations.keys, roleOfBin(delegations, index), portableVerifiers);
  demandFresh(`${name}.json`, bin, nowMs);
  trail.ok('signature', named(bin));

  const target = bin.signed.targets.get(path);
  demandAnswer(evidence.answer, name, bin.signed.version, target);
  trail.ok('answer', target ? `listed, ${target.length} bytes` : 'not listed: proved absent');
  return { role: name, target };
}

/** The last of a chain of roots, each of which may follow the one before. */
function newestRoot(roots: readonly Uint8Array[], nowMs: number): Envelope<Root> {
  const [first, ...later] = roots;
  if (first === undefined) throw refused('root', 'there is no root');
  let root = parseRoot(first);
  verifyThreshold(root, root.signed.keys, root.signed.roles.root, portableVerifiers);
  for (const bytes of later) {
    const next = parseRoot(bytes);
    verifyRootUpdate(root, next, portableVerifiers);
    root = next;
  }
  demandFresh('root.json', root, nowMs);
  return root;
}

/** The map's shape: what root states for life, and how many bins are delegated to. */
function mapOf(root: Root, delegations: Delegations | undefined): Tap16Map & { bins: Bins } {
  if (root.tidemark === undefined) throw refused('statement', 'root.json states no Merkle map');
  const { slot_bits: slotBits, slot_roles_max: rolesMax } = root.tidemark;
  const bins = binsOf(delegations);
  if (bins === undefined) throw refused('bins', 'bins.json does not delegate to bins');
  if (bins.bits > slotBits) throw refused('bins', 'more bins than slots');
  return { slotBits, rolesMax, bins };
}

/** Whose signatures count for bins.json; only where nobody is asked for the path before it. */
function delegationToBins(
  { targets, delegations }: Targets,
  path: string,
): { readonly role: Role; readonly keys: ReadonlyMap<string, Key> } {
  const role = delegations?.roles?.[0];
  const pattern = binsPaths()[path.split('/').length - 1];
  const leads = role?.name === 'bins' && role.paths?.includes(pattern!) === true;
  if (delegations === undefined || !leads || targets.has(path)) {
    throw refused('bins', 'targets.json does not hand this path to bins first of all');
  }
  return { role, keys: delegations.keys };
}

function roleOfBin({ succinctRoles, roles }: Delegations, index: number): Role {
  const role = succinctRoles ?? roles?.[index];
  if (role === undefined) throw refused('bins', 'bins.json does not delegate to this bin');
  return role;
}

interface Entry {
  readonly version: number;
  readonly length: number;
  readonly sha256: string;
}

function provedEntry(role: string, proof: Uint8Array, merkleRoot: string, map: Tap16Map): Entry {
  const entry = verifyTap16File(proof, role, merkleRoot, map);
  if (entry === 'absent') throw refused('absent', `the map has no role ${role}`);
  return entry;
}

function demandProved(role: string, { proof, file }: Proved, root: string, map: Tap16Map): void {
  demandFile(role, file, parseTargets(file), provedEntry(role, proof, root, map));
}

function demandFile(
  role: string,
  bytes: Uint8Array,
  file: Envelope<Targets>,
  { version, length, sha256 }: Entry,
): void {
  if (bytes.length !== length) {
    throw refused('length', `${role}.json has ${bytes.length} bytes, the map says ${length}`);
  }
  const digest = sha256Hex(bytes);
  if (digest !== sha256) {
    throw refused('sha256', `${role}.json has SHA-256 ${digest}, the map says ${sha256}`);
  }
  if (file.signed.version !== version) {
    throw refused(
      'version',
      `${role}.json has version ${file.signed.version}, the map says ${version}`,
    );
  }
}

interface Dated {
  readonly signed: { readonly expires: string; readonly expiresMs: number };
}

function demandFresh(name: string, { signed }: Dated, nowMs: number): void {
  if (signed.expiresMs <= nowMs) throw refused('expired', `${name} expired on ${signed.expires}`);
}

function demandAnswer(
  answer: Answer,
  role: string,
  version: number,
  target: TargetFile | undefined,
): void {
  const said = answer.target;
  const same =
    said?.length === target?.length &&
    said?.sha256 === target?.hashes.get('sha256') &&
    answer.role === role &&
    answer.version === version;
  if (same) return;
  const [theirs, ours] = [said, target].map((each) => (each ? 'listed' : 'absent'));
  const differ = theirs === ours ? 'another file or version' : `${theirs}, but it is ${ours}`;
  throw refused('answer', `the ledger answers: ${differ}`);
}

function named({ signed }: { readonly signed: Dated['signed'] & { version: number } }): string {
  return `version ${signed.version}, valid until ${signed.expires}`;
}

function refused(code: string, why: string): RejectedInput {
  return new RejectedInput(`page.${code}`, why);
}
