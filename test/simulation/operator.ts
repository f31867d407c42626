// The operators: they change policy, keys and documents, and take back cuts that cannot be finished.
import {
  encodeRecord,
  signRecord,
  policyOf,
  splitDocument,
  type Services,
  type Signed,
} from '@tidemark/event';
import { fromUtf8 } from '@tidemark/canonical';
import {
  binsDocument,
  keyOf,
  OPERATORS,
  ORIGIN,
  randomPolicy,
  rootDocument,
  targetsDocument,
  type Document,
} from './fixture.ts';
import type { Host } from './host.ts';
import { IntakeHost, PublisherHost, ShardHost } from './hosts.ts';
import type { Model } from './model.ts';
import type { World } from './world.ts';

export class Operator {
  private readonly world: World;
  private readonly model: Model;
  private readonly hosts: readonly Host[];
  private keysMade = 0;

  constructor(world: World, model: Model, hosts: readonly Host[]) {
    this.world = world;
    this.model = model;
    this.hosts = hosts;
  }

  /** Writes the first documents, which no cut comes before. */
  begin(): void {
    for (const document of this.model.fixture.documents) this.publish(document);
  }

  policy(): void {
    const { policyVersion } = this.model.view;
    const { ledger } = this.model.fixture.genesis;
    const wanted = randomPolicy(this.world.random);
    // After a long time a small step would take thousands of cuts to catch up.
    const behind = Math.ceil((this.world.now - this.model.last.time) / 8);
    const step_max_ms = Math.max(wanted.step_max_ms!, behind, 1);
    const policy = policyOf({ log_origin: ORIGIN, ...wanted, step_max_ms });
    this.sign({ type: 'policy', v: 1, ledger, version: policyVersion + 1, rules: 1, policy });
    this.world.note('operators change the policy');
    this.world.count('policy');
  }

  /** A policy under rules of the fold that are newer than this build. */
  unknownRules(): void {
    const { policy, policyVersion } = this.model.view;
    const { ledger } = this.model.fixture.genesis;
    this.sign({ type: 'policy', v: 1, ledger, version: policyVersion + 1, rules: 2, policy });
    this.world.note('operators switch to other rules');
  }

  /**
   * Gives one process another service key. An intake's old key stays listed until all that it
   * acknowledged is settled; the others' go at once: whoever shares their purpose goes on.
   * @param among which may be the one
   */
  rotate(among: readonly Host[] = this.hosts): void {
    const { services, servicesVersion } = this.model.view;
    const host = this.world.random.pick(
      among.filter((host) => !('key' in host) || host.key !== undefined),
    );
    const lists = {
      intake: [...services.intake],
      sealer: [...services.sealer],
      shard: [...services.shard],
      publisher: [...services.publisher],
    };
    const name = `${host.name}-key-${++this.keysMade}`;
    const replace = (purpose: keyof Services, old: string | undefined): void => {
      const list = lists[purpose];
      const at = list.indexOf(keyOf(old ?? '').publicKey);
      if (at >= 0 && purpose !== 'intake') list.splice(at, 1);
      list.push(keyOf(name).publicKey);
    };
    host.kill();
    if (host instanceof IntakeHost) {
      replace('intake', host.key);
      host.key = name;
    } else if (host instanceof ShardHost) {
      replace('shard', host.key);
      host.key = name;
    } else if (host instanceof PublisherHost && this.world.random.chance(0.5)) {
      replace('publisher', host.key);
      host.key = name;
    } else if (host instanceof PublisherHost) {
      replace('sealer', host.sealerKey);
      host.sealerKey = name;
    }
    const { ledger } = this.model.fixture.genesis;
    this.sign({ type: 'services', v: 1, ledger, version: servicesVersion + 1, services: lists });
    this.world.note(`operators give ${host.name} the key ${name}`);
    if (this.world.random.chance(0.5)) host.start();
    this.world.count('service key');
  }

  /** Publishes the next version of a document; a root and the offline roles keep their keys. */
  documents(): void {
    const { shape } = this.model.fixture;
    const { documents } = this.model.view;
    const { root, targets, bins } = documents;
    if (root === undefined || targets === undefined || bins === undefined) return;
    const role = this.world.random.pick(['root', 'targets', 'bins'] as const);
    const document =
      role === 'root'
        ? rootDocument(shape, root.version + 1)
        : role === 'targets'
          ? targetsDocument(targets.version + this.world.random.between(1, 2))
          : binsDocument(shape, bins.version + 1, bins.binsKey!);
    this.publish(document);
  }

  /**
   * Gives the bins another key, by the role bins. Shards that still hold the old one stop, say so, and
   * are given the new one.
   */
  rekey(): void {
    const { bins } = this.model.view.documents;
    if (bins === undefined) return;
    const key = bins.binsKey === 'bins' ? 'bins-2' : 'bins';
    this.world.count('bins key');
    this.publish(binsDocument(this.model.fixture.shape, bins.version + 1, key));
  }

  /** Takes the oldest unsettled cut back. @returns whether there is one */
  void(): boolean {
    const oldest = this.model.unsettled[0];
    if (oldest === undefined) return false;
    const { n, hash } = oldest.cut;
    const { ledger } = this.model.fixture.genesis;
    this.sign({ type: 'void', v: 1, ledger, n, cut: hash });
    this.world.note(`operators void ${n}`);
    return true;
  }

  private publish(document: Document): void {
    this.model.allow(document);
    const name =
      document.role === 'root'
        ? ({ kind: 'root' } as const)
        : ({ kind: 'role', role: document.role } as const);
    let records: readonly Signed[] = splitDocument(name, document.bytes);
    if (this.world.random.chance(0.3)) records = inParts(name, document);
    this.append(records.map((signed) => encodeRecord(signed)));
    this.world.note(`operators publish ${document.role} ${document.version}`);
    this.world.count(`document ${document.role}`);
  }

  private sign(signed: Signed): void {
    const { random } = this.world;
    const missing = random.below(OPERATORS.length + 1);
    const by = OPERATORS.filter((_, i) => i !== missing).map(keyOf);
    this.append([signRecord(signed, by)]);
  }

  /** The operators' tool may lose an answer too, and write its records twice. */
  private append(records: readonly Uint8Array[]): void {
    this.world.inject('control', 0, records);
    if (this.world.random.chance(0.1)) this.world.inject('control', 0, records);
    this.model.advance();
  }
}

function inParts(
  name: { readonly kind: 'root' } | { readonly kind: 'role'; readonly role: string },
  { bytes, sha256 }: Document,
): Signed[] {
  const text = fromUtf8(bytes);
  const half = Math.floor(text.length / 2);
  return [text.slice(0, half), text.slice(half)].map((data, i) => ({
    type: 'part',
    v: 1,
    ...name,
    sha256,
    i,
    k: 2,
    data,
  }));
}
