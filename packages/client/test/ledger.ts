/** A repository with hashed bins and a Merkle map, whose every proof a test can spoil. */

import { binOfPathHash, pathHash } from '@tidemark/bin';
import { fromUtf8, type JsonObject, parseJson, toHex, utf8 } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import {
  encodeVerifierKey,
  makeMultiproof,
  makeTap16File,
  slotHash,
  slotInMap,
  SlotTree,
} from '@tidemark/merkle';
import { binRoleName, ed25519Key, prefixDelegations, succinctDelegations } from '@tidemark/tuf';
import { memoryStore } from '../src/index.ts';
import { Repository, signerOf } from './repository.ts';

const SLOT_BITS = 8;
const ROLES_MAX = 3;

type Slots = Map<number, JsonObject>;

/** What may be done to the map before it is signed, and to proofs on their way. */
export interface Lies {
  /** Slots as the map's signer states them. */
  map?: (slots: Slots) => void;
  /** The bytes of an answer, by its path. */
  proof?: (bytes: Uint8Array, path: string) => Uint8Array | undefined;
}

export class Ledger extends Repository {
  bits = 4;
  form: 'succinct' | 'prefixes' = 'succinct';
  binKey = 'bin';
  lies: Lies = {};
  /** Whether the server has proofs. */
  proofs: 'all' | 'files' | 'none' = 'all';
  private readonly trees = new Map<string, { tree: SlotTree; slots: Slots }>();

  constructor() {
    super();
    this.tidemark = {
      ledger: 'ab'.repeat(16),
      slot_bits: SLOT_BITS,
      slot_roles_max: ROLES_MAX,
      checkpoint: encodeVerifierKey('example.org/log', signerOf('log').publicKey),
    };
  }

  get bins() {
    return { prefix: 'bin', bits: this.bits };
  }

  binOf(path: string): string {
    const index = binOfPathHash(pathHash(path, sha256HexNative), this.bits);
    return binRoleName('bin', this.bits, index);
  }

  slotOf(role: string): number {
    return slotInMap(role, { slotBits: SLOT_BITS, rolesMax: ROLES_MAX, bins: this.bins });
  }

  /** The entry of a role as it is published, for a lie. */
  entry(role: string): JsonObject {
    const { version, length, sha256 } = this.meta.get(role)!;
    return { hashes: { sha256 }, length, version };
  }

  stated(bytes: Uint8Array): { length: number; sha256: string } {
    return { length: bytes.length, sha256: sha256HexNative(bytes) };
  }

  /** From now on there is no such role. */
  forget(role: string): void {
    this.meta.delete(role);
    this.targets.delete(role);
  }

  publishBins(): void {
    const key = ed25519Key(signerOf(this.binKey).publicKey);
    const delegations = this.form === 'succinct' ? succinctDelegations : prefixDelegations;
    this.delegate('targets', { name: 'bins', paths: ['*', '*/*', '*/*/*'] });
    this.delegations.set('bins', delegations({ ...this.bins, key }));
    this.publishTargets('targets', 'bins');
    for (let i = 0; i < 2 ** this.bits; i++) this.publishTargets(binRoleName('bin', this.bits, i));
  }

  /** Lists a file in its bin. */
  upload(path: string): void {
    const bin = this.binOf(path);
    this.add(bin, path);
    this.publishTargets(bin);
  }

  override sign(role: string, signed: JsonObject, keys?: readonly string[]): Uint8Array {
    return super.sign(role, signed, keys ?? [role.startsWith('bin-') ? this.binKey : role]);
  }

  /** The map's root under a timestamp, and what leads to it. */
  protected override merkleRoot(): string {
    const slots: Slots = new Map();
    for (const role of this.meta.keys()) {
      const slot = this.slotOf(role);
      slots.set(slot, { ...slots.get(slot), [`${role}.json`]: this.entry(role) });
    }
    this.lies.map?.(slots);
    const tree = new SlotTree({ slotBits: SLOT_BITS, partitionBits: 0, partition: 0 });
    tree.update([...slots].map(([slot, contents]) => ({ slot, hash: slotHash(slot, contents) })));
    const root = toHex(tree.root());
    this.trees.set(root, { tree, slots });
    return root;
  }

  protected override answer(path: string, question?: Uint8Array): Uint8Array | undefined {
    if (!path.startsWith('merkle/')) return super.answer(path);
    const bytes = this.proof(path, question);
    return bytes && this.lies.proof ? this.lies.proof(bytes, path) : bytes;
  }

  private proof(path: string, question?: Uint8Array): Uint8Array | undefined {
    const [, root = '', name = ''] = path.split('/');
    const asMany = question === undefined ? 'files' : 'all';
    if (this.proofs !== 'all' && this.proofs !== asMany) return undefined;
    if (question === undefined) return this.proofFile(root, name.replace(/\.json$/, ''));
    const { roles } = parseJson(question) as { roles: string[] };
    return this.multiproof(root, roles);
  }

  /** What is served of a role under a root. */
  proofFile(root: string, role: string): Uint8Array {
    const { slot, contents, path } = this.way(root, role);
    return makeTap16File(slot, contents, path);
  }

  multiproof(root: string, roles: readonly string[]): Uint8Array {
    return makeMultiproof(roles.map((role) => this.way(root, role)));
  }

  private way(root: string, role: string) {
    const { tree, slots } = this.trees.get(root)!;
    const slot = this.slotOf(role);
    return { slot, contents: slots.get(slot) ?? {}, path: tree.path(slot) };
  }

  /** The roots of all timestamps, in order. */
  get roots(): string[] {
    return [...this.trees.keys()];
  }
}

/** One with two files in bins of their own, published twice. */
export function ledger(options: { form?: Ledger['form']; bits?: number } = {}): Ledger {
  const made = new Ledger();
  Object.assign(made, options);
  made.publishRoot();
  made.publishBins();
  made.publish();
  for (const path of [A, B]) made.upload(path);
  made.publish();
  return made;
}

export const A = 'demo/a.tar.gz';
export const B = 'demo/b.tar.gz';

/** A store, and what is in it as text, by role: for before and after. */
export function watchedStore() {
  const store = memoryStore();
  const roles = new Set<string>();
  const watched = {
    ...store,
    write: async (role: string, bytes: Uint8Array) => {
      roles.add(role);
      await store.write(role, bytes);
    },
  };
  const contents = async (): Promise<Record<string, string>> => {
    const kept = await Promise.all(
      [...roles].map(async (role) => [role, fromUtf8((await store.read(role))!)] as const),
    );
    return Object.fromEntries(kept);
  };
  return { store: watched, contents };
}

/** An answer as JSON, changed. */
export function edited(bytes: Uint8Array, change: (json: JsonObject) => JsonObject): Uint8Array {
  return utf8(JSON.stringify(change(parseJson(bytes) as JsonObject)));
}
