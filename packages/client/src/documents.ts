/** Fetches metadata files and proofs as a whole, none longer than it may be. */

import { RejectedInput } from '@tidemark/canonical';
import { collect } from './collect.ts';
import { encodeRole, inFolder } from './names.ts';
import type { Fetch, Limits } from './ports.ts';
import { proofsRequest, type ProvedMap } from './provedMap.ts';

export interface DocumentsOptions {
  readonly metadataUrl: string;
  readonly merkleUrl: string;
  readonly fetch: Fetch;
  readonly limits: Limits;
}

/** All throw RejectedInput `client.length`, OperatingFault `client.fetch`, `client.slow`. */
export class Documents {
  private readonly options: DocumentsOptions;

  constructor(options: DocumentsOptions) {
    this.options = options;
  }

  /**
   * A metadata file; undefined where the server has none of that name.
   * @param bytesMax where nobody stated its length
   */
  async file(name: string, bytesMax: number, stated?: number): Promise<Uint8Array | undefined> {
    const { metadataUrl } = this.options;
    const length = stated === undefined ? bytesMax : this.bounded(stated);
    return this.whole(inFolder(metadataUrl, name), name, length);
  }

  /** As {@link file}. @throws RejectedInput also `client.missing` */
  async demand(name: string, bytesMax: number, stated?: number): Promise<Uint8Array> {
    const bytes = await this.file(name, bytesMax, stated);
    if (bytes === undefined) throw missing(inFolder(this.options.metadataUrl, name));
    return bytes;
  }

  /**
   * Adds to a map what it says of roles: one question for all of them, or, where the server answers none, a file each.
   * @param roles and their slots, no slot twice
   * @returns false where the server has no proofs
   * @throws RejectedInput `tap16.*`
   */
  async prove(map: ProvedMap, roles: ReadonlyMap<number, string>): Promise<boolean> {
    const url = inFolder(this.options.merkleUrl, map.root);
    const all = [...roles];
    for (let i = 0; i < all.length; i += this.options.limits.proofs) {
      const some = all.slice(i, i + this.options.limits.proofs);
      const bytes =
        some.length > 1 &&
        (await this.whole(
          `${url}/proofs`,
          'proofs',
          this.bounded(map.bytesMax(some.length)),
          proofsRequest(some.map(([, role]) => role)),
        ));
      if (bytes) map.addMultiproof(bytes, new Set(some.map(([slot]) => slot)));
      else if (!(await this.proveEach(map, some))) return false;
    }
    return true;
  }

  private async proveEach(
    map: ProvedMap,
    roles: readonly (readonly [slot: number, role: string])[],
  ): Promise<boolean> {
    for (const [slot, role] of roles) {
      const name = `${map.root}/${encodeRole(role)}.json`;
      const url = inFolder(this.options.merkleUrl, name);
      const bytes = await this.whole(url, name, this.bounded(map.bytesMax(1)));
      if (bytes === undefined) return false;
      map.addFile(bytes, slot);
    }
    return true;
  }

  private bounded(bytes: number): number {
    return Math.min(bytes, this.options.limits.statedBytes);
  }

  private async whole(
    url: string,
    name: string,
    bytesMax: number,
    question?: Uint8Array,
  ): Promise<Uint8Array | undefined> {
    const chunks = await this.options.fetch(url, question);
    return chunks && collect(name, chunks, bytesMax);
  }
}

export function missing(url: string): RejectedInput {
  return new RejectedInput('client.missing', `the server has no ${url}`);
}
