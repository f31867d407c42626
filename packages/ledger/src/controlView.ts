/** What is in force: keys, policy, documents. And a digest over how it came into force. */
import { canonicalText, type JsonObject } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import { keysById, type GenesisSigned, type Policy, type Services } from '@tidemark/event';
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

/** What genesis puts into force. */
export function firstView({ policy, services }: GenesisSigned): View {
  const documents = { root: undefined, targets: undefined, bins: undefined };
  return { policy, policyVersion: 0, documents, ...servicesView(services, 0) };
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

/**
 * A digest over a view and all views before it.
 * @param before the one of the view before; the hash of genesis for the first
 * @param from the control offset from which on it is in force
 */
export function viewDigest(before: string, from: number, view: View): string {
  const { policy, policyVersion, services, servicesVersion, documents } = view;
  const { root, targets, bins } = documents;
  const text = canonicalText({
    before,
    from,
    policy,
    policy_version: policyVersion,
    services,
    services_version: servicesVersion,
    documents: {
      root: root?.sha256 ?? null,
      targets: targets?.sha256 ?? null,
      bins: bins?.sha256 ?? null,
    },
  } as unknown as JsonObject);
  return sha256HexNative(text);
}
