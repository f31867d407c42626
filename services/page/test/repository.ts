// A small ledger as its server shows it: every file by its address, honest unless a test says otherwise.
import { binOfPathHash, slotOfRole } from '@tidemark/bin';
import { fromHex, sha256Hex, toHex, utf8, type JsonObject } from '@tidemark/canonical';
import { createSigner, type Signer } from '@tidemark/canonical/native';
import { makeTap16File, slotHash, SlotTree } from '@tidemark/merkle';
import {
  binRoleName,
  binsPaths,
  ed25519Key,
  pathDelegations,
  prefixDelegations,
  rootSigned,
  signMetadata,
  succinctDelegations,
  targetsSigned,
  timestampSigned,
} from '@tidemark/tuf';

export const NOW = Date.UTC(2027, 0, 1);
export const SNAPSHOT = 9;
/** Paths that are listed; each has its own length. */
export const LISTED = ['demo/a', 'demo/b', 'pool/c.deb', 'README'];
const BITS = 3;
const SLOT_BITS = 6;
const YEAR_MS = 365 * 86_400_000;

export interface Options {
  readonly delegation?: 'succinct' | 'prefixes';
  /** Names of the keys that sign a role's file, where they are not those that its delegator names. */
  readonly signers?: (role: string) => readonly string[] | undefined;
  /** What is signed, by role. */
  readonly edit?: (role: string, signed: JsonObject) => JsonObject;
  /** Other paths than LISTED. */
  readonly listed?: readonly string[];
}

/** Files by address, as `collect` asks for them. */
export type Files = Map<string, Uint8Array>;

export function makeFiles(options: Options = {}): Files {
  const files: Files = new Map();
  const sign = (role: string, signed: JsonObject, keys: readonly string[]): Uint8Array => {
    const signers = (options.signers?.(role) ?? keys).map(signerOf);
    return signMetadata(options.edit?.(role, signed) ?? signed, signers);
  };
  for (const [version, keys] of [
    [1, ['root1', 'root2']],
    [2, ['root1', 'root2', 'root3']],
  ] as const) {
    const own = keys.slice(version - 1);
    const role = version === 1 ? 'root' : 'root2';
    files.set(`metadata/${version}.root.json`, sign(role, rootOf(version, own), keys));
  }
  const slots = new Map<number, JsonObject>();
  const publish = (role: string, version: number, signed: JsonObject, keys: string[]): void => {
    const file = sign(role, { ...signed, version }, keys);
    files.set(`metadata/${version}.${role}.json`, file);
    const slot = slotOf(role);
    const entry = { hashes: { sha256: sha256Hex(file) }, length: file.length, version };
    slots.set(slot, { ...slots.get(slot), [`${role}.json`]: entry });
  };
  const common = { version: 1, expiresMs: NOW + YEAR_MS };
  publish('targets', 1, targetsOf(), ['targets']);
  const delegate = options.delegation === 'prefixes' ? prefixDelegations : succinctDelegations;
  const delegations = delegate({ key: keyOf('bin'), bits: BITS, prefix: 'bin' });
  publish('bins', 1, targetsSigned({ ...common, delegations }), ['bins']);
  for (let bin = 0; bin < 2 ** BITS; bin++) {
    const own = (options.listed ?? LISTED).filter((path) => binOf(path) === bin);
    const targets = new Map(own.map((path) => [path, targetOf(path)]));
    publish(nameOf(bin), bin + 10, targetsSigned({ ...common, targets }), ['bin']);
  }
  addMap(files, slots, sign);
  addAnswers(files, options.listed ?? LISTED);
  return files;
}

function addMap(
  files: Files,
  slots: ReadonlyMap<number, JsonObject>,
  sign: (role: string, signed: JsonObject, keys: readonly string[]) => Uint8Array,
): void {
  const shape = { slotBits: SLOT_BITS, partitionBits: 0, partition: 0 };
  const leaves = [...slots].map(([slot, contents]) => ({ slot, hash: slotHash(slot, contents) }));
  const tree = new SlotTree(shape, undefined, leaves);
  const merkleRoot = toHex(tree.root());
  const roles = [...slots.values()].flatMap((contents) => Object.keys(contents));
  for (const role of roles.map((file) => file.replace(/\.json$/, ''))) {
    const slot = slotOf(role);
    const proof = makeTap16File(slot, slots.get(slot)!, tree.path(slot));
    files.set(`merkle/${merkleRoot}/${role}.json`, proof);
  }
  const snapshot = { version: SNAPSHOT, length: 1, sha256: '00'.repeat(32) };
  const stamp = timestampSigned({
    version: SNAPSHOT,
    expiresMs: NOW + 86_400_000,
    snapshot,
    merkleRoot,
  });
  files.set('metadata/timestamp.json', sign('timestamp', stamp, ['timestamp']));
  files.set(`v1/snapshots/${SNAPSHOT}`, utf8(JSON.stringify({ versions: { root: 2 } })));
}

function addAnswers(files: Files, listed: readonly string[]): void {
  for (const path of [...LISTED, 'demo/absent']) {
    const { length, sha256 } = targetOf(path);
    const target = listed.includes(path) ? { length, hashes: { sha256 } } : null;
    const answer = { path, role: nameOf(binOf(path)), version: binOf(path) + 10, target };
    files.set(answerOf(path), utf8(JSON.stringify(answer)));
  }
}

/** The address of what the API says of a path. */
export function answerOf(path: string): string {
  return `v1/targets/${path}?at=${SNAPSHOT}`;
}

export function binOf(path: string): number {
  return binOfPathHash(sha256Hex(utf8(path)), BITS);
}

export function nameOf(bin: number): string {
  return binRoleName('bin', BITS, bin);
}

export function targetOf(path: string): { length: number; sha256: string } {
  return { length: 1000 + path.length, sha256: sha256Hex(utf8(`content of ${path}`)) };
}

function slotOf(role: string): number {
  return slotOfRole(role, { prefix: 'bin', bits: BITS }, SLOT_BITS, sha256Hex);
}

function signerOf(name: string): Signer {
  return createSigner(fromHex(sha256Hex(utf8(`key ${name}`))));
}

function keyOf(name: string) {
  return ed25519Key(signerOf(name).publicKey);
}

function keysOf(...names: readonly string[]) {
  return { keys: names.map(keyOf), threshold: names.length };
}

function rootOf(version: number, rootKeys: readonly string[]): JsonObject {
  return rootSigned({
    version,
    expiresMs: NOW + YEAR_MS,
    roles: {
      root: keysOf(...rootKeys),
      timestamp: keysOf('timestamp'),
      snapshot: keysOf('snapshot'),
      targets: keysOf('targets'),
    },
    tidemark: {
      ledger: '0123456789abcdef0123456789abcdef',
      slot_bits: SLOT_BITS,
      slot_roles_max: 64,
      checkpoint: 'example.org/log+00000000+AQID',
    },
  });
}

function targetsOf(): JsonObject {
  const bins = { name: 'bins', ...keysOf('bins'), paths: binsPaths(), terminating: false };
  const delegations = pathDelegations([bins]);
  return targetsSigned({ version: 1, expiresMs: NOW + YEAR_MS, delegations });
}
