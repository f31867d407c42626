/**
 * The client's workflow: what to fetch next, when to believe it, what to keep.
 * https://theupdateframework.github.io/specification/latest/#detailed-client-workflow
 *
 * Each file is kept as soon as it is trusted, so whoever is interrupted goes on from there, and an attacker who lets
 * only part of a refresh through cannot take that part back.
 */

import { accepted, OperatingFault, RejectedInput } from '@tidemark/canonical';
import { pathInUrl, type TargetFile, type Verifiers } from '@tidemark/tuf';
import { Checker, type Hashes } from './digest.ts';
import { Documents, missing } from './documents.ts';
import { besideFolder, hashedName, inFolder, versionedName } from './names.ts';
import { type Fetch, type Limits, LIMITS, type MerklePolicy, type TrustStore } from './ports.ts';
import { ProvedMap } from './provedMap.ts';
import { Roles } from './roles.ts';
import {
  demandCurrent,
  demandFresh,
  followRoot,
  followSnapshot,
  followTimestamp,
  type Trusted,
  trustRoot,
} from './trusted.ts';

export interface ClientOptions {
  /** Where the metadata is, `https://index.example/metadata/`. */
  readonly metadataUrl: string;
  /** Where proofs are; by default beside the metadata, `https://index.example/merkle/`. */
  readonly merkleUrl?: string;
  /** `preferred` by default. */
  readonly merkle?: MerklePolicy;
  readonly store: TrustStore;
  readonly fetch: Fetch;
  /** Where trust begins, if the store is empty: the bytes of a root.json that came by a way one trusts. */
  readonly root?: Uint8Array;
  readonly verifiers: Verifiers;
  readonly hashes: Hashes;
  /** Milliseconds since 1970; asked once for each refresh, so that one clock judges all of it. */
  readonly now: () => number;
  readonly limits?: Partial<Limits>;
}

export interface FoundTarget extends TargetFile {
  readonly path: string;
  /** The role that lists it. */
  readonly role: string;
}

export interface Client {
  /**
   * Brings root, timestamp, snapshot and targets up to date; with the Merkle map there is no snapshot to be fetched.
   * @throws RejectedInput `client.*`, `tuf.*`, `tap16.*`, `json.*`: what was served is refused; what was trusted before
   *   stays so
   * @throws OperatingFault `client.fetch`, `client.slow`, `client.store`
   */
  refresh(): Promise<void>;
  /** What the repository lists under a path; refreshes first if that was not done. Errors as {@link refresh}. */
  target(path: string): Promise<FoundTarget | undefined>;
  /** As {@link target} for several paths: what the map says of all roles on their ways comes in one answer. */
  targets(paths: readonly string[]): Promise<(FoundTarget | undefined)[]>;
  /**
   * The bytes of a target as they come. They may be used only once this has ended without an error.
   * @throws RejectedInput `client.length`, `client.hash`, `client.missing`
   */
  download(target: FoundTarget, targetsUrl: string): AsyncGenerator<Uint8Array>;
}

/**
 * @throws RejectedInput `tuf.*`, `json.*`: the root is none
 * @throws OperatingFault `client.no_root`: neither the store has a root nor the options
 */
export async function openClient(options: ClientOptions): Promise<Client> {
  const { root, store, verifiers } = options;
  const kept = await store.read('root');
  if (kept !== undefined) return new Workflow(options, trustRoot(kept, verifiers));
  if (root !== undefined) return new Workflow(options, await beginTrust(store, root, verifiers));
  throw new OperatingFault('client.no_root', 'nothing is trusted yet: give a first root.json');
}

/** Keeps a first root in an empty store. @throws RejectedInput `tuf.*`, `json.*`: it is none */
export async function beginTrust(
  store: TrustStore,
  root: Uint8Array,
  verifiers: Verifiers,
): Promise<Trusted> {
  const trusted = trustRoot(root, verifiers);
  await store.write('root', root);
  return trusted;
}

class Workflow implements Client {
  private readonly options: ClientOptions;
  private readonly limits: Limits;
  private readonly documents: Documents;
  private trusted: Trusted;
  private nowMs = 0;
  /** What the last refresh believes; undefined until one has come to its end. */
  private roles: Roles | undefined;
  /** The last operation: one follows the other. */
  private turn: Promise<unknown> = Promise.resolve();
  /** What is proved of the newest timestamp's map. */
  private map: ProvedMap | undefined;

  constructor(options: ClientOptions, trusted: Trusted) {
    const { metadataUrl, fetch } = options;
    const merkleUrl = options.merkleUrl ?? besideFolder(metadataUrl, 'merkle');
    this.options = options;
    this.limits = { ...LIMITS, ...options.limits };
    this.documents = new Documents({ metadataUrl, merkleUrl, fetch, limits: this.limits });
    this.trusted = trusted;
  }

  async refresh(): Promise<void> {
    await this.inTurn(() => this.refreshFor([]));
  }

  async target(path: string): Promise<FoundTarget | undefined> {
    return (await this.targets([path]))[0];
  }

  async targets(paths: readonly string[]): Promise<(FoundTarget | undefined)[]> {
    return this.inTurn(() => this.search(paths));
  }

  private async search(paths: readonly string[]): Promise<(FoundTarget | undefined)[]> {
    const roles = this.roles ?? (await this.refreshFor(paths));
    const found = new Map<string, FoundTarget>();
    let searches = roles.searches(paths);
    while (searches.length > 0) {
      const asked = searches.map((search) => ({ search, role: search.next() }));
      await roles.prove(asked.flatMap(({ role }) => role ?? []));
      searches = [];
      for (const { search, role } of asked) {
        if (role === undefined) continue;
        const { targets, delegations } = (await roles.file(role)).signed;
        const target = targets.get(search.path);
        if (target === undefined) {
          search.follow(delegations);
          searches.push(search);
        } else found.set(search.path, { ...target, path: search.path, role: role.name });
      }
    }
    return paths.map((path) => found.get(path));
  }

  async *download(target: FoundTarget, targetsUrl: string): AsyncGenerator<Uint8Array> {
    const name = this.trusted.root.signed.consistentSnapshot
      ? hashedName(target.path, target.hashes)
      : target.path;
    const url = inFolder(targetsUrl, pathInUrl(name));
    const checker = new Checker(target.path, target, this.options.hashes);
    const chunks = await this.options.fetch(url);
    if (chunks === undefined) throw missing(url);
    for await (const chunk of chunks) {
      checker.update(chunk);
      yield chunk;
    }
    checker.finish();
  }

  /** Two at once would each take for trusted what the other has only begun to check. */
  private inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.turn.then(act);
    this.turn = turn.catch(() => undefined);
    return turn;
  }

  /** @param paths that will be asked for next */
  private async refreshFor(paths: readonly string[]): Promise<Roles> {
    this.nowMs = this.options.now();
    this.roles = undefined;
    this.trusted = { root: this.trusted.root, timestamp: undefined, snapshot: undefined };
    await this.refreshRoot();
    await this.refreshTimestamp();
    const roles = (await this.openMap(paths)) ?? (await this.openSnapshot());
    await roles.file(roles.topLevel());
    this.roles = roles;
    return roles;
  }

  private async refreshRoot(): Promise<void> {
    for (let i = 0; ; i++) {
      const version = this.trusted.root.signed.version + 1;
      const bytes = await this.documents.file(`${version}.root.json`, this.limits.rootBytes);
      if (bytes === undefined) break;
      if (i === this.limits.roots) {
        throw new RejectedInput('client.roots', `more than ${i} new roots at once`);
      }
      this.trusted = followRoot(this.trusted, bytes, this.options);
      await this.options.store.write('root', bytes);
    }
    demandFresh('root', this.trusted.root.signed, this.nowMs);
  }

  private async refreshTimestamp(): Promise<void> {
    const kept = await this.options.store.read('timestamp');
    // One that today's root no longer believes is worth nothing, not even as a bound.
    if (kept)
      this.trusted =
        accepted(() => followTimestamp(this.trusted, kept, this.options)) ?? this.trusted;
    const bytes = await this.documents.demand('timestamp.json', this.limits.timestampBytes);
    const next = followTimestamp(this.trusted, bytes, this.options);
    const isNew = next !== this.trusted;
    this.trusted = next;
    demandFresh('timestamp', next.timestamp!.signed, this.nowMs);
    if (isNew) await this.options.store.write('timestamp', bytes);
  }

  /** The roles as the Merkle map has them; undefined where snapshot.json has to do. */
  private async openMap(paths: readonly string[]): Promise<Roles | undefined> {
    const { merkle = 'preferred' } = this.options;
    if (merkle === 'unused') return undefined;
    const map = ProvedMap.of(this.trusted.root.signed, this.trusted.timestamp!.signed);
    if (map !== undefined) {
      if (this.map === undefined || !map.isSame(this.map)) this.map = map;
      const roles = this.rolesBy(this.map);
      if (await roles.proveForeseen(this.map, paths)) return roles;
    }
    if (merkle === 'preferred') return undefined;
    const message = map ? 'the server has no proofs' : 'root or timestamp states no Merkle map';
    throw new RejectedInput('client.merkle', message);
  }

  private async openSnapshot(): Promise<Roles> {
    await this.refreshSnapshot();
    return this.rolesBy(undefined);
  }

  private rolesBy(map: ProvedMap | undefined): Roles {
    const { options, trusted, documents, limits, nowMs } = this;
    const { store, verifiers, hashes } = options;
    return new Roles({ trusted, map, store, documents, limits, nowMs, verifiers, hashes });
  }

  private async refreshSnapshot(): Promise<void> {
    const kept = await this.options.store.read('snapshot');
    if (kept) {
      // One that is damaged or no longer believed is fetched anew.
      this.trusted =
        accepted(() => followSnapshot(this.trusted, kept, this.options, true)) ?? this.trusted;
    }
    const { version, length } = this.trusted.timestamp!.signed.snapshot;
    const known = this.trusted.snapshot?.signed;
    // One that has expired may have been renewed under its version.
    if (known?.version === version && known.expiresMs > this.nowMs) return;
    const name = versionedName(this.trusted.root.signed, 'snapshot', version);
    const bytes = await this.documents.demand(name, this.limits.snapshotBytes, length);
    const next = followSnapshot(this.trusted, bytes, this.options, false);
    demandCurrent(next, this.nowMs);
    this.trusted = next;
    await this.options.store.write('snapshot', bytes);
  }
}
