/** A repository in memory whose every file a test can publish, change and sign as it likes, and a client that asks it. */

import { fromUtf8, type JsonObject, utf8 } from '@tidemark/canonical';
import { createSigner, sha256HexNative, type Signer } from '@tidemark/canonical/native';
import {
  ed25519Key,
  pathDelegations,
  rootSigned,
  signMetadata,
  snapshotSigned,
  type Statement,
  targetsSigned,
  timestampSigned,
  type TargetInput,
} from '@tidemark/tuf';
import { nativeVerifiers } from '@tidemark/tuf/native';
import { type Client, memoryStore, openClient, portableHashes } from '../src/index.ts';
import type { Fetch, Limits, MerklePolicy, TrustStore } from '../src/index.ts';

export const NOW = Date.UTC(2027, 0, 1);
export const DAY = 86_400_000;
export const ORIGIN = 'https://index.example';

type RoleName = 'root' | 'timestamp' | 'snapshot' | 'targets';

export function signerOf(name: string): Signer {
  return createSigner(Buffer.from(sha256HexNative(utf8(name)), 'hex'));
}

export class Repository {
  /** What is served, by path below the repository's address. */
  readonly files = new Map<string, Uint8Array>();
  /** What was asked for. */
  readonly asked: string[] = [];
  readonly versions: Record<string, number> = Object.assign(Object.create(null), {
    root: 0,
    timestamp: 0,
    snapshot: 0,
  });
  readonly keys: Record<RoleName, string[]> = {
    root: ['root-1', 'root-2'],
    timestamp: ['timestamp'],
    snapshot: ['snapshot'],
    targets: ['targets'],
  };
  expires = NOW + 30 * DAY;
  /** What becomes of a role's file before it is signed. */
  alter: ((role: string, signed: JsonObject) => JsonObject) | undefined;
  /** Is told what is asked for before it is answered. */
  onAsked: ((path: string) => void) | undefined;
  /** What root says of a ledger. */
  tidemark: Statement | undefined;
  /** By role: a delegated role's file is signed with the key of its name. */
  readonly targets = new Map<string, Map<string, TargetInput>>([['targets', new Map()]]);
  readonly delegations = new Map<string, JsonObject>();
  /** What a file of targets was published as. */
  protected readonly meta = new Map<string, { version: number; length: number; sha256: string }>();

  /** A signed file with the next version of its role, not yet served. */
  sign(
    role: string,
    signed: JsonObject,
    keys: readonly string[] = role === 'targets' ? this.keys.targets : [role],
  ): Uint8Array {
    return signMetadata(this.alter?.(role, signed) ?? signed, keys.map(signerOf));
  }

  publishRoot(signers: readonly string[] = this.keys.root): void {
    const version = ++this.versions['root']!;
    const keysOf = (role: RoleName) =>
      this.keys[role].map((each) => ed25519Key(signerOf(each).publicKey));
    const roles = {
      root: { keys: keysOf('root'), threshold: 2 },
      timestamp: { keys: keysOf('timestamp'), threshold: 1 },
      snapshot: { keys: keysOf('snapshot'), threshold: 1 },
      targets: { keys: keysOf('targets'), threshold: 1 },
    };
    const { tidemark } = this;
    const signed = rootSigned({
      version,
      expiresMs: this.expires,
      roles,
      ...(tidemark && { tidemark }),
    });
    this.files.set(`metadata/${version}.root.json`, this.sign('root', signed, signers));
  }

  publishTargets(...roles: readonly string[]): void {
    for (const role of roles) {
      const version = (this.versions[role] = (this.versions[role] ?? 0) + 1);
      const delegations = this.delegations.get(role);
      const signed = targetsSigned({
        version,
        expiresMs: this.expires,
        targets: this.targets.get(role) ?? new Map(),
        ...(delegations && { delegations }),
      });
      this.serveTargets(role, version, this.sign(role, signed));
    }
  }

  serveTargets(role: string, version: number, bytes: Uint8Array): void {
    this.files.set(`metadata/${version}.${role}.json`, bytes);
    this.meta.set(role, { version, length: bytes.length, sha256: sha256HexNative(bytes) });
  }

  /** A snapshot of what was published, and a timestamp of that. */
  publish(change: { meta?: (meta: Map<string, { version: number }>) => void } = {}): void {
    const version = ++this.versions['snapshot']!;
    const meta = new Map([...this.meta].map(([role, file]) => [role, { ...file }]));
    change.meta?.(meta);
    const bytes = this.sign(
      'snapshot',
      snapshotSigned({ version, expiresMs: this.expires, meta }),
      this.keys.snapshot,
    );
    this.files.set(`metadata/${version}.snapshot.json`, bytes);
    this.publishTimestamp({ version, length: bytes.length, sha256: sha256HexNative(bytes) });
  }

  publishTimestamp(snapshot: { version: number; length: number; sha256: string }): void {
    const version = ++this.versions['timestamp']!;
    const merkleRoot = this.merkleRoot();
    const common = { version, expiresMs: this.expires, snapshot };
    const signed = timestampSigned({ ...common, ...(merkleRoot && { merkleRoot }) });
    this.files.set('metadata/timestamp.json', this.sign('timestamp', signed, this.keys.timestamp));
  }

  /** Of what was published, for repositories with a map. */
  protected merkleRoot(): string | undefined {
    return undefined;
  }

  /** What the server answers. */
  protected answer(path: string, _question?: Uint8Array): Uint8Array | undefined {
    return this.files.get(path);
  }

  add(role: string, path: string, content = `content of ${path}`): void {
    const bytes = utf8(content);
    const sha256 = sha256HexNative(bytes);
    const listed = this.targets.get(role) ?? new Map<string, TargetInput>();
    this.targets.set(role, listed.set(path, { length: bytes.length, sha256 }));
    const slash = path.lastIndexOf('/') + 1;
    this.files.set(`targets/${path.slice(0, slash)}${sha256}.${path.slice(slash)}`, bytes);
  }

  /** `role` delegates to others, whose names are their keys. */
  delegate(
    role: string,
    ...to: readonly {
      name: string;
      paths: readonly string[];
      terminating?: boolean;
      key?: string;
    }[]
  ): void {
    const roles = to.map(({ name, paths, terminating = false, key = name }) => {
      return {
        name,
        paths,
        terminating,
        threshold: 1,
        keys: [ed25519Key(signerOf(key).publicKey)],
      };
    });
    this.delegations.set(role, pathDelegations(roles));
  }

  async client(
    options: {
      store?: TrustStore;
      root?: Uint8Array;
      now?: () => number;
      limits?: Partial<Limits>;
      merkle?: MerklePolicy;
      fetch?: Fetch;
    } = {},
  ): Promise<Client> {
    const root = options.root ?? this.files.get('metadata/1.root.json');
    return openClient({
      metadataUrl: `${ORIGIN}/metadata/`,
      store: options.store ?? memoryStore(),
      ...(root && { root }),
      fetch: async (url, question) => {
        if (options.fetch) return options.fetch(url, question);
        const path = decodeURIComponent(url.slice(ORIGIN.length + 1));
        this.onAsked?.(path);
        this.asked.push(path.replace(/^metadata\//, ''));
        const bytes = this.answer(path, question);
        return bytes && inChunks(bytes);
      },
      verifiers: nativeVerifiers,
      hashes: portableHashes,
      now: options.now ?? (() => NOW),
      ...(options.limits && { limits: options.limits }),
      ...(options.merkle && { merkle: options.merkle }),
    });
  }
}

/** One with a root, targets that list a file, and a snapshot. */
export function repository(): Repository {
  const made = new Repository();
  made.publishRoot();
  made.add('targets', 'demo/a.tar.gz');
  made.publishTargets('targets');
  made.publish();
  return made;
}

export const targetsUrl = `${ORIGIN}/targets`;

async function* inChunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 700) yield bytes.subarray(at, at + 700);
}

export const ROLES = ['root', 'timestamp', 'snapshot', 'targets'];

/** A target's bytes, once they were found to be what is listed. */
export async function downloaded(client: Client, path: string): Promise<string> {
  const target = await client.target(path);
  const chunks: Uint8Array[] = [];
  for await (const chunk of client.download(target!, targetsUrl)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** What is trusted of root, timestamp, snapshot and targets; 0 for nothing. */
export async function versionsIn(store: TrustStore): Promise<number[]> {
  const versions: number[] = [];
  for (const role of ROLES) {
    const bytes = await store.read(role);
    const file = bytes && (JSON.parse(fromUtf8(bytes)) as { signed: { version: number } });
    versions.push(file?.signed.version ?? 0);
  }
  return versions;
}
