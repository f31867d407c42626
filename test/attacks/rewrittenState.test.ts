/**
 * Whoever can write to a shard's LevelDB, but holds no key, gains nothing (trust table: LevelDB of a
 * shard): rows with valid checksums that no shard signed for are never folded over.
 */
import { randomBytes } from 'node:crypto';
import { createSigner } from '@tidemark/canonical/native';
import { planLedger, type LedgerPlan } from '@tidemark/cli';
import { encodeRecord, parseEvent, splitDocument } from '@tidemark/event';
import { Intake } from '@tidemark/intake';
import { ROW, rowKey, Rows, type StateDb } from '@tidemark/ledger';
import { memoryLogs, type Logs } from '@tidemark/log';
import { openMemory } from '@tidemark/publish';
import { Publisher, Sealer } from '@tidemark/publisher';
import { Shard } from '@tidemark/shard';
import { MemoryLevel } from 'memory-level';
import { expect, test } from 'vitest';

const NOW = Date.UTC(2026, 0, 1);
const PARTITIONS = 2;
const sleep = async (): Promise<void> => undefined;

test('a rewritten marker halts the shard, and the log has nothing new', async () => {
  const { logs, shard, states, openShard } = await ledgerWithOneUpload();
  const honest = await reopened(openShard);
  expect(honest.runners.get(0)?.n).toBe(shard.runners.get(0)?.n);
  const ends = await endsOf(logs);

  await rewriteMarker(states[0]!);

  await expect(openShard().then((attacked) => attacked.step())).rejects.toMatchObject({
    code: 'state.unsigned',
  });
  expect(await endsOf(logs)).toEqual(ends);
});

async function reopened(openShard: () => Promise<Shard>): Promise<Shard> {
  const shard = await openShard();
  await shard.step();
  return shard;
}

/** Claims that the partition has given more versions than it has: the next bin would skip or repeat some. */
async function rewriteMarker(db: StateDb): Promise<void> {
  const rows = new Rows(db, 'attacked');
  const row = (await rows.latest(ROW.marker, 2 ** 47))!;
  const marker = JSON.parse(row.value.toString()) as { k: number };
  const forged = JSON.stringify({ ...marker, k: marker.k - 1 });
  rows.put(rowKey(ROW.marker, 0, row.number), Buffer.from(forged));
  await rows.flush();
}

async function ledgerWithOneUpload() {
  const random = (bytes: number): Uint8Array => randomBytes(bytes);
  const options = { name: 'x', bins: 16, partitions: PARTITIONS, delegation: 'succinct' } as const;
  const plan = planLedger(options, random, NOW);
  const { genesis } = plan;
  const genesisBytes = encodeRecord(genesis);
  const logs = memoryLogs(PARTITIONS);
  await writeGenesis(logs, plan, genesisBytes);
  const key = (purpose: string) =>
    createSigner(plan.onlineKeys.find((known) => known.purpose === purpose)!.seed);
  const states = [database(), database()];
  const common = { genesis, genesisBytes, logs, sleep };
  const openShard = () =>
    Shard.open({
      ...common,
      partitions: [0, 1],
      openState: async (partition) => states[partition]!,
      keys: { bins: key('bins'), service: key('shard') },
      memoryBudgetBytes: 1 << 20,
    });
  const shard = await openShard();
  const publisher = await Publisher.open({
    ...common,
    db: database(),
    store: openMemory(),
    keys: {
      timestamp: key('timestamp'),
      snapshot: key('snapshot'),
      checkpoint: key('checkpoint'),
      service: key('publisher'),
    },
    now: () => NOW,
  });
  const sealer = new Sealer({ genesis, logs, signer: key('sealer'), sleep });
  const intake = new Intake({
    genesis,
    events: logs.events,
    signer: key('intake'),
    run: 'run',
    now: () => NOW,
    sleep,
  });
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 12; i++) {
      await publisher.step();
      await sealer.step(publisher.control, NOW + i, publisher.due);
      await shard.step();
    }
  };
  await settle();
  const event = { id: 'a', type: 'target.added', path: 'p/p-1.whl', length: 1 };
  await intake.submit([parseEvent({ ...event, hashes: { sha256: 'ab'.repeat(32) } })], 'me');
  await settle();
  expect(publisher.visible?.n).toBeGreaterThanOrEqual(2);
  return { logs, shard, states, openShard };
}

function database(): StateDb {
  return new MemoryLevel({ keyEncoding: 'buffer', valueEncoding: 'buffer' }) as unknown as StateDb;
}

async function writeGenesis(logs: Logs, plan: LedgerPlan, genesis: Uint8Array): Promise<void> {
  for (let p = 0; p < PARTITIONS; p++) {
    await logs.events.append(p, [genesis]);
    await logs.leaves.append(p, [genesis]);
  }
  const { rootDocument, roleDocuments } = plan;
  const documents = [
    ...splitDocument({ kind: 'root' }, rootDocument),
    ...splitDocument({ kind: 'role', role: 'targets' }, roleDocuments.targets),
    ...splitDocument({ kind: 'role', role: 'bins' }, roleDocuments.bins),
  ];
  await logs.control.append(0, [genesis, ...documents.map((document) => encodeRecord(document))]);
}

async function endsOf(logs: Logs): Promise<number[]> {
  return Promise.all([logs.leaves.end(0), logs.leaves.end(1), logs.control.end(0)]);
}
