// The reference fold of what is in force: policy, services and documents, by control offset.
import { canonicalText, type Json } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import { recordHash, type Policy } from '@tidemark/event';
import type { Document, Fixture } from './fixture.ts';

/** What is in force for a cut. */
export interface ModelView {
  readonly policy: Policy;
  readonly policyVersion: number;
  readonly services: Fixture['genesis']['services'];
  readonly servicesVersion: number;
  readonly documents: { readonly [role in Document['role']]: Document | undefined };
}

/** A valid cut, and what is in force for it. */
export interface ModelCut {
  readonly n: number;
  readonly hash: string;
  readonly time: number;
  readonly vector: readonly number[];
  readonly control: number;
  readonly view: ModelView;
}

/** What is in force from an offset on. */
interface Entry {
  readonly from: number;
  readonly view: ModelView;
  /** Of it, and of all that was before. */
  readonly digest: string;
}

export class ModelViews {
  private readonly entries: Entry[];

  constructor({ genesis, genesisBytes }: Fixture) {
    const documents = { root: undefined, targets: undefined, bins: undefined };
    const { policy, services } = genesis;
    const view = { policy, policyVersion: 0, services, servicesVersion: 0, documents };
    this.entries = [{ from: 0, view, digest: digestOf(recordHash(genesisBytes), 0, view) }];
  }

  /** What is in force now. */
  get now(): ModelView {
    return this.entries.at(-1)!.view;
  }

  /** What is in force for a cut that covers the control records below an offset. */
  at(control: number): ModelView {
    return this.entryAt(control).view;
  }

  /** A digest of that and all that was before, and of what else decides: canonical text but for it. */
  digestAt(control: number, moment: string): string {
    return sha256HexNative(`${moment}"${this.entryAt(control).digest}"}`);
  }

  /** The record at an offset changes something for those that cover it. */
  change(offset: number, change: Partial<ModelView>): void {
    const view = { ...this.now, ...change };
    const from = offset + 1;
    this.entries.push({ from, view, digest: digestOf(this.entries.at(-1)!.digest, from, view) });
  }

  private entryAt(control: number): Entry {
    return this.entries.findLast(({ from }) => from <= control)!;
  }
}

/** Over what is in force from an offset on, and all that was before. */
function digestOf(before: string, from: number, view: ModelView): string {
  const { policy, policyVersion, services, servicesVersion, documents } = view;
  const hash = (role: Document['role']): string | null => documents[role]?.sha256 ?? null;
  const whole = {
    before,
    documents: { bins: hash('bins'), root: hash('root'), targets: hash('targets') },
    from,
    policy,
    policy_version: policyVersion,
    services,
    services_version: servicesVersion,
  };
  return sha256HexNative(canonicalText(whole as unknown as Json));
}
