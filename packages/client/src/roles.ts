/**
 * The files of targets as one refresh believes them: which of them are listed, and by whom they have to be signed.
 * What lists them is the Merkle map or snapshot.json.
 */

import { accepted, RejectedInput } from '@tidemark/canonical';
import type { Delegations, Envelope, MetaFile, Targets } from '@tidemark/tuf';
import type { Documents } from './documents.ts';
import { versionedName } from './names.ts';
import type { Limits, TrustStore } from './ports.ts';
import { BINS_ROLE, ProvedMap } from './provedMap.ts';
import { Search } from './search.ts';
import {
  type Crypto,
  type Delegated,
  demandNotTakenBack,
  demandStillListed,
  listed,
  signedTargets,
  type TargetsFile,
  type Trusted,
  trustTargets,
} from './trusted.ts';

export interface RolesOptions extends Crypto {
  readonly trusted: Trusted;
  /** Undefined where snapshot.json lists the files. */
  readonly map: ProvedMap | undefined;
  readonly store: TrustStore;
  readonly documents: Documents;
  readonly limits: Limits;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

export class Roles {
  private readonly options: RolesOptions;
  /** By role: files that are listed now, and who was to sign them. */
  private readonly loaded = new Map<string, { by: Delegated; file: Envelope<Targets> }>();
  /** What was kept before this refresh, likewise. */
  private readonly kept = new Map<string, { by: Delegated; file: TargetsFile | undefined }>();

  constructor(options: RolesOptions) {
    this.options = options;
  }

  topLevel(): Delegated {
    const { keys, roles } = this.options.trusted.root.signed;
    return { name: 'targets', role: roles.targets, keys };
  }

  searches(paths: readonly string[]): Search[] {
    const { limits } = this.options;
    return [...new Set(paths)].map((path) => new Search(path, this.topLevel(), limits.roles));
  }

  /**
   * Brings what the map says of the roles on the ways of paths, as far as what was kept tells which these are.
   * @returns false where the server has no proofs
   * @throws RejectedInput `tap16.*`
   */
  async proveForeseen(map: ProvedMap, paths: readonly string[]): Promise<boolean> {
    const first = this.topLevel().name;
    const slots = new Map([[map.slotOf(first), first]]);
    const guessed = new Map(slots);
    try {
      for (const search of this.searches(paths)) await this.foresee(search, map, guessed);
      return await this.proveSlots(map, guessed);
    } catch (error) {
      // What was kept may lead elsewhere than today: there may be other bins.
      if (!(error instanceof RejectedInput) || guessed.size === 1) throw error;
      return this.proveSlots(map, slots);
    }
  }

  /** Brings what the map says of roles. @throws RejectedInput `tap16.*`, `client.missing` */
  async prove(roles: readonly Delegated[]): Promise<void> {
    const { map } = this.options;
    if (map === undefined) return;
    const slots = new Map(roles.map(({ name }) => [map.slotOf(name), name]));
    if (await this.proveSlots(map, slots)) return;
    throw new RejectedInput('client.missing', `the server has no proofs for root ${map.root}`);
  }

  /** A role's file: as it was kept, if it is still the one that is listed, or fetched. */
  async file(role: Delegated): Promise<Envelope<Targets>> {
    const { name } = role;
    const known = this.loaded.get(name);
    if (known !== undefined && isBy(known.by, role)) return known.file;
    const kept = await this.keptOf(role);
    const stated = this.stated(name, kept);
    const { file } =
      this.stillListed(name, kept, stated) ?? (await this.fetched(role, kept, stated));
    this.loaded.set(name, { by: role, file });
    const { delegations } = file.signed;
    if (name === BINS_ROLE && delegations !== undefined) this.options.map?.learn(delegations);
    return file;
  }

  private async foresee(search: Search, map: ProvedMap, slots: Map<number, string>): Promise<void> {
    let bins: Delegations | undefined;
    for (let role = search.next(); role !== undefined; role = search.next()) {
      slots.set(map.slotOf(role.name, bins), role.name);
      const kept = await this.keptOf(role);
      if (kept === undefined || kept.file.signed.targets.has(search.path)) return;
      const { delegations } = kept.file.signed;
      if (role.name === BINS_ROLE) bins = delegations;
      search.follow(delegations);
    }
  }

  private async proveSlots(map: ProvedMap, slots: Map<number, string>): Promise<boolean> {
    for (const slot of slots.keys()) if (map.has(slot)) slots.delete(slot);
    return this.options.documents.prove(map, slots);
  }

  /** What the snapshot or the map states of a role. */
  private stated(name: string, kept: TargetsFile | undefined): MetaFile {
    if (this.options.map === undefined) return listed(this.options.trusted, name);
    const stated = this.options.map.stated(name);
    if (kept !== undefined) demandNotTakenBack(name, stated, kept, this.options);
    if (stated !== undefined) return stated;
    throw new RejectedInput('client.unlisted', `the map does not have ${name}`);
  }

  private stillListed(
    name: string,
    kept: TargetsFile | undefined,
    stated: MetaFile,
  ): TargetsFile | undefined {
    return (
      kept &&
      accepted(() => {
        demandStillListed(name, kept, stated, this.options, this.options.nowMs);
        return kept;
      })
    );
  }

  private async fetched(
    role: Delegated,
    kept: TargetsFile | undefined,
    stated: MetaFile,
  ): Promise<TargetsFile> {
    const name = versionedName(this.options.trusted.root.signed, role.name, stated.version);
    const bytes = await this.options.documents.demand(
      name,
      this.options.limits.targetsBytes,
      stated.length,
    );
    const trusted = trustTargets(bytes, role, stated, this.options, this.options.nowMs);
    if (!this.isBehindMap(trusted, kept)) await this.options.store.write(role.name, bytes);
    return trusted;
  }

  /** Of a ledger with a map snapshot.json may be some cuts behind; what the map has shown bounds what it may show next. */
  private isBehindMap(file: TargetsFile, kept: TargetsFile | undefined): boolean {
    const { root, timestamp } = this.options.trusted;
    const hasMap = ProvedMap.of(root.signed, timestamp!.signed) !== undefined;
    return hasMap && kept !== undefined && file.file.signed.version < kept.file.signed.version;
  }

  /** What was kept of a role, if those who may sign for it today did sign it. */
  private async keptOf(role: Delegated): Promise<TargetsFile | undefined> {
    const known = this.kept.get(role.name);
    if (known !== undefined && isBy(known.by, role)) return known.file;
    const bytes = await this.options.store.read(role.name);
    const file = bytes && accepted(() => signedTargets(bytes, role, this.options));
    this.kept.set(role.name, { by: role, file });
    return file;
  }
}

/** Of two who delegate to one name each trusts its own keys. */
function isBy(one: Delegated, other: Delegated): boolean {
  return one.role === other.role && one.keys === other.keys;
}
