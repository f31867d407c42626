/** A ledger in memory whose services a test opens, closes and opens again on what an attacker has rewritten. */
import { randomBytes } from 'node:crypto';
import { createSigner, type Signer } from '@tidemark/canonical/native';
import { planLedger, type LedgerPlan } from '@tidemark/cli';
import {
  decodeRecord,
  encodeRecord,
  parseEvent,
  recordHash,
  signRecord,
  splitDocument,
  type CutSigned,
  type GenesisSigned,
  type Policy,
  type PolicySigned,
  type VoidSigned,
} from '@tidemark/event';
import { Intake } from '@tidemark/intake';
import type { StateDb } from '@tidemark/ledger';
import { memoryLogs, type Logs } from '@tidemark/log';
import type { PublicationStore } from '@tidemark/publish';
import { Publisher, Sealer } from '@tidemark/publisher';
import { Shard } from '@tidemark/shard';
import { MemoryLevel } from 'memory-level';
import { expect } from 'vitest';

const NOW = Date.UTC(2026, 0, 1);
const PARTITIONS = 2;
const sleep = async (): Promise<void> => undefined;

export class AttackedLedger {
  readonly logs: Logs = memoryLogs(PARTITIONS);
  readonly genesis: GenesisSigned;
  private readonly genesisBytes: Uint8Array;
  private readonly plan: LedgerPlan;
  private now = NOW;
  private uploads = 0;

  private constructor(plan: LedgerPlan) {
    this.plan = plan;
    this.genesis = plan.genesis;
    this.genesisBytes = encodeRecord(plan.genesis);
  }

  /** A ledger with its genesis and documents in the logs. */
  static async make(): Promise<AttackedLedger> {
    const random = (bytes: number): Uint8Array => randomBytes(bytes);
    const options = { name: 'x', bins: 16, partitions: PARTITIONS } as const;
    const ledger = new AttackedLedger(
      planLedger({ ...options, delegation: 'succinct' }, random, NOW),
    );
    await ledger.writeGenesis();
    return ledger;
  }

  key(purpose: string): Signer {
    return createSigner(this.plan.onlineKeys.find((known) => known.purpose === purpose)!.seed);
  }

  async openShard(states: readonly StateDb[], logs: Logs = this.logs): Promise<Shard> {
    const { genesis, genesisBytes } = this;
    return Shard.open({
      logs,
      genesis,
      genesisBytes,
      sleep,
      partitions: [0, 1],
      openState: async (partition) => states[partition]!,
      keys: { bins: this.key('bins'), service: this.key('shard') },
      memoryBudgetBytes: 1 << 20,
      checkpointEvery: 2,
      imageEvery: 2,
    });
  }

  async openPublisher(
    db: StateDb,
    store: PublicationStore,
    logs: Logs = this.logs,
  ): Promise<Publisher> {
    const { genesis, genesisBytes } = this;
    return Publisher.open({
      logs,
      genesis,
      genesisBytes,
      sleep,
      db,
      store,
      keys: {
        timestamp: this.key('timestamp'),
        snapshot: this.key('snapshot'),
        checkpoint: this.key('checkpoint'),
        service: this.key('publisher'),
      },
      now: () => this.now,
      checkpointEvery: 2,
    });
  }

  /** Uploads one target; {@link settle} takes it into a snapshot. */
  async upload(): Promise<void> {
    const { logs, genesis } = this;
    const intake = new Intake({
      genesis,
      events: logs.events,
      signer: this.key('intake'),
      run: `run-${this.uploads}`,
      now: () => this.now,
      sleep,
    });
    const path = `p/p-${this.uploads++}.whl`;
    const hashes = { sha256: 'ab'.repeat(32) };
    const event = parseEvent({ id: 'a', type: 'target.added', path, length: 1, hashes });
    await intake.submit([event], 'me');
  }

  /** Lets everybody work until there is nothing left to do. */
  async settle(shard: Shard, publisher: Publisher): Promise<void> {
    const { genesis, logs } = this;
    const sealer = new Sealer({ genesis, logs, signer: this.key('sealer'), sleep });
    for (let i = 0; i < 12; i++) {
      await publisher.step();
      await sealer.step(publisher.control, ++this.now, publisher.due);
      await shard.step();
    }
  }

  /** A cut that is as good as any, and that nobody has settled yet. @returns its number and hash */
  async cut(publisher: Publisher): Promise<{ n: number; hash: string }> {
    const { genesis, logs } = this;
    const sealer = new Sealer({ genesis, logs, signer: this.key('sealer'), sleep });
    expect(await sealer.step(publisher.control, ++this.now, publisher.due)).toBe(true);
    const { records } = await logs.control.read(0, (await logs.control.end(0)) - 1);
    const { n } = decodeRecord(records[0]!).signed as CutSigned;
    return { n, hash: recordHash(records[0]!) };
  }

  /** The operators void a cut. */
  async void({ n, hash }: { readonly n: number; readonly hash: string }): Promise<void> {
    const { ledger } = this.genesis;
    await this.operate({ type: 'void', v: 1, ledger, n, cut: hash });
  }

  /** The operators put another policy into force. @returns the offset of its record */
  async policy(version: number, change: Partial<Policy>): Promise<number> {
    const { ledger, policy } = this.genesis;
    const changed = { ...policy, ...change };
    return this.operate({ type: 'policy', v: 1, ledger, version, rules: 1, policy: changed });
  }

  private async operate(signed: VoidSigned | PolicySigned): Promise<number> {
    const operators = this.plan.offlineKeys.filter(({ purpose }) => purpose.startsWith('operator'));
    const signers = operators.map(({ seed }) => createSigner(seed));
    return this.logs.control.append(0, [signRecord(signed, signers)]);
  }

  /** Where the logs end that services write to. */
  async ends(): Promise<number[]> {
    const { leaves, control } = this.logs;
    return Promise.all([leaves.end(0), leaves.end(1), control.end(0)]);
  }

  private async writeGenesis(): Promise<void> {
    const { logs, genesisBytes } = this;
    for (let p = 0; p < PARTITIONS; p++) {
      await logs.events.append(p, [genesisBytes]);
      await logs.leaves.append(p, [genesisBytes]);
    }
    const { rootDocument, roleDocuments } = this.plan;
    const documents = [
      ...splitDocument({ kind: 'root' }, rootDocument),
      ...splitDocument({ kind: 'role', role: 'targets' }, roleDocuments.targets),
      ...splitDocument({ kind: 'role', role: 'bins' }, roleDocuments.bins),
    ];
    const records = documents.map((document) => encodeRecord(document));
    await logs.control.append(0, [genesisBytes, ...records]);
  }
}

export function database(): StateDb {
  return new MemoryLevel({ keyEncoding: 'buffer', valueEncoding: 'buffer' }) as unknown as StateDb;
}

/** A database with the same rows. */
export async function copyOf(db: StateDb): Promise<StateDb> {
  const copy = database();
  for await (const [key, value] of db.iterator()) await copy.put(key, value);
  return copy;
}
