/** What is in force (keys, policy, documents) by control offset, for as long as a cut may ask for it. */
import { keysById, type Policy, type Services } from '@tidemark/event';
import type { Documents } from './documents.ts';

/** Ed25519 public keys by their ids. */
export type Keys = ReadonlyMap<string, string>;

/** What is in force at a control offset. Immutable: a change makes a new one. */
export interface View {
  readonly policy: Policy;
  readonly policyVersion: number;
  readonly services: Services;
  readonly servicesVersion: number;
  readonly keys: { readonly [purpose in keyof Services]: Keys };
  readonly documents: Documents;
}

export class ControlViews {
  /** Each holds from an offset on, ascending. */
  private views: { readonly from: number; readonly view: View }[];

  constructor(first: View) {
    this.views = [{ from: 0, view: first }];
  }

  /** What is in force now. */
  get now(): View {
    return this.views.at(-1)!.view;
  }

  /** Whether what is in force now came into force at or behind a control offset. */
  changedSince(control: number): boolean {
    return this.views.at(-1)!.from > control;
  }

  /** What is in force for a cut that covers the records below `control`. */
  at(control: number): View {
    return this.views.findLast(({ from }) => from <= control)?.view ?? this.views[0]!.view;
  }

  /** The record at an offset put another view into force. */
  add(offset: number, view: View): void {
    this.views.push({ from: offset + 1, view });
  }

  /** Drops what no cut can ask for any more: none will cover less than `control`. */
  dropBelow(control: number): void {
    const current = this.views.findLastIndex(({ from }) => from <= control);
    this.views.splice(0, Math.max(0, current));
  }
}

/** The part of a view that a set of service keys makes. */
export function servicesView(
  services: Services,
  servicesVersion: number,
): Pick<View, 'services' | 'servicesVersion' | 'keys'> {
  const { intake, sealer, shard, publisher } = services;
  const keys = {
    intake: keysById(intake),
    sealer: keysById(sealer),
    shard: keysById(shard),
    publisher: keysById(publisher),
  };
  return { services, servicesVersion, keys };
}
