/**
 * The client's workflow: what to fetch next, when to believe it, what to keep.
 * https://theupdateframework.github.io/specification/latest/#detailed-client-workflow
 *
 * Each file is kept as soon as it is trusted, so whoever is interrupted goes on from there, and an attacker who lets
 * only part of a refresh through cannot take that part back.
 */

import { accepted, OperatingFault, RejectedInput } from '@tidemark/canonical';
import {
  type Envelope,
  pathInUrl,
  type TargetFile,
  type Targets,
  type Verifiers,
} from '@tidemark/tuf';
import { type Delegate, delegatesFor } from './delegations.ts';
import { collect } from './collect.ts';
import { Checker, type Hashes } from './digest.ts';
import { hashedName, inFolder, encodeRole } from './names.ts';
import { type Fetch, type Limits, LIMITS, type TrustStore } from './ports.ts';
import {
  type Delegated,
  demandCurrent,
  demandFresh,
  followRoot,
  followSnapshot,
  followTimestamp,
  listed,
  type Trusted,
  trustRoot,
  trustTargets,
} from './trusted.ts';

export interface ClientOptions {
  /** Where the metadata is, `https://index.example/metadata/`. */
  readonly metadataUrl: string;
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
   * Brings root, timestamp, snapshot and targets up to date.
   * @throws RejectedInput `client.*`, `tuf.*`, `json.*`: what was served is refused; what was trusted before stays so
   * @throws OperatingFault `client.fetch`, `client.slow`, `client.store`
   */
  refresh(): Promise<void>;
  /** What the repository lists under a path; refreshes first if that was not done. Errors as {@link refresh}. */
  target(path: string): Promise<FoundTarget | undefined>;
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
  const { root, store } = options;
  const kept = await store.read('root');
  const first = kept ?? root;
  if (first === undefined) {
    throw new OperatingFault('client.no_root', 'nothing is trusted yet: give a first root.json');
  }
  const trusted = trustRoot(first, options);
  if (kept === undefined) await store.write('root', first);
  return new Workflow(options, trusted);
}

/** The roles whose files have names of their own; nobody else may be called so. */
const TOP_LEVEL: ReadonlySet<string> = new Set(['root', 'timestamp', 'snapshot', 'targets']);

class Workflow implements Client {
  private readonly options: ClientOptions;
  private readonly limits: Limits;
  private trusted: Trusted;
  private nowMs = 0;
  private isRefreshed = false;
  /** By role: files of targets that the current snapshot lists, and who was to sign them. */
  private readonly loaded = new Map<string, { by: Delegated; file: Envelope<Targets> }>();

  constructor(options: ClientOptions, trusted: Trusted) {
    this.options = options;
    this.limits = { ...LIMITS, ...options.limits };
    this.trusted = trusted;
  }

  async refresh(): Promise<void> {
    this.nowMs = this.options.now();
    this.isRefreshed = false;
    this.loaded.clear();
    this.trusted = { root: this.trusted.root, timestamp: undefined, snapshot: undefined };
    await this.refreshRoot();
    await this.refreshTimestamp();
    await this.refreshSnapshot();
    await this.targetsOf(this.topLevelTargets());
    this.isRefreshed = true;
  }

  async target(path: string): Promise<FoundTarget | undefined> {
    if (!this.isRefreshed) await this.refresh();
    const visited = new Set<string>();
    const next: Delegated[] = [this.topLevelTargets()];
    for (let role = next.pop(); role !== undefined; role = next.pop()) {
      if (visited.has(role.name)) continue;
      if (visited.size === this.limits.roles) {
        const message = `more than ${this.limits.roles} roles would have to be asked for ${path}`;
        throw new RejectedInput('client.delegations', message);
      }
      visited.add(role.name);
      const { targets, delegations } = (await this.targetsOf(role)).signed;
      const target = targets.get(path);
      if (target !== undefined) return { ...target, path, role: role.name };
      if (delegations === undefined) continue;
      const delegates = delegatesFor(delegations, path);
      // Behind a terminating role nobody is asked any more, also not who would have come after its delegator.
      if (delegates.at(-1)?.terminating === true) next.length = 0;
      for (const delegate of delegates.toReversed()) next.push(demandOwnName(delegate));
    }
    return undefined;
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

  private async refreshRoot(): Promise<void> {
    for (let i = 0; ; i++) {
      const version = this.trusted.root.signed.version + 1;
      const bytes = await this.fetchFile(`${version}.root.json`, this.limits.rootBytes);
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
    const bytes = await this.demandFile('timestamp.json', this.limits.timestampBytes);
    const next = followTimestamp(this.trusted, bytes, this.options);
    const isNew = next !== this.trusted;
    this.trusted = next;
    demandFresh('timestamp', next.timestamp!.signed, this.nowMs);
    if (isNew) await this.options.store.write('timestamp', bytes);
  }

  private async refreshSnapshot(): Promise<void> {
    const kept = await this.options.store.read('snapshot');
    if (kept) {
      this.trusted =
        accepted(() => followSnapshot(this.trusted, kept, this.options, true)) ?? this.trusted;
    }
    const { version, length } = this.trusted.timestamp!.signed.snapshot;
    if (this.trusted.snapshot?.signed.version === version) {
      demandCurrent(this.trusted, this.nowMs);
      return;
    }
    const name = this.versioned('snapshot', version);
    const bytes = await this.demandFile(name, this.limits.snapshotBytes, length);
    const next = followSnapshot(this.trusted, bytes, this.options, false);
    demandCurrent(next, this.nowMs);
    this.trusted = next;
    await this.options.store.write('snapshot', bytes);
  }

  /** A role's file: as it was kept, if it is still the one that the snapshot lists, or fetched. */
  private async targetsOf(role: Delegated): Promise<Envelope<Targets>> {
    const { name } = role;
    const known = this.loaded.get(name);
    // Of two who delegate to one name each trusts its own keys.
    if (known?.by.role === role.role && known.by.keys === role.keys) return known.file;
    const judge = (bytes: Uint8Array): Envelope<Targets> =>
      trustTargets(this.trusted, bytes, role, this.options, this.nowMs);
    const kept = await this.options.store.read(name);
    let targets = kept && accepted(() => judge(kept));
    if (targets === undefined) {
      const { version, length } = listed(this.trusted, name);
      const file = this.versioned(name, version);
      const bytes = await this.demandFile(file, this.limits.targetsBytes, length);
      targets = judge(bytes);
      await this.options.store.write(name, bytes);
    }
    this.loaded.set(name, { by: role, file: targets });
    return targets;
  }

  private topLevelTargets(): Delegated {
    const { keys, roles } = this.trusted.root.signed;
    return { name: 'targets', role: roles.targets, keys };
  }

  private versioned(role: string, version: number): string {
    const name = encodeRole(role);
    return this.trusted.root.signed.consistentSnapshot ? `${version}.${name}.json` : `${name}.json`;
  }

  private async demandFile(name: string, bytesMax: number, stated?: number): Promise<Uint8Array> {
    const bytes = await this.fetchFile(name, bytesMax, stated);
    if (bytes === undefined) throw missing(inFolder(this.options.metadataUrl, name));
    return bytes;
  }

  /** A metadata file as a whole. @throws RejectedInput `client.length` for one that is longer than it may be */
  private async fetchFile(
    name: string,
    bytesMax: number,
    stated?: number,
  ): Promise<Uint8Array | undefined> {
    const chunks = await this.options.fetch(inFolder(this.options.metadataUrl, name));
    if (chunks === undefined) return undefined;
    const length = Math.min(stated ?? bytesMax, this.limits.statedBytes);
    return collect(name, chunks, length);
  }
}

/** A role of a name of its own. @throws RejectedInput `client.role_name` */
function demandOwnName(delegate: Delegate): Delegate {
  if (!TOP_LEVEL.has(delegate.name)) return delegate;
  throw new RejectedInput('client.role_name', `a delegated role is called ${delegate.name}`);
}

function missing(url: string): RejectedInput {
  return new RejectedInput('client.missing', `the server has no ${url}`);
}
