/**
 * A shard in a worker thread: composition only. Logs come through one port, questions through another;
 * the state databases are opened here.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { plainFailure, type PlainFailure } from '@tidemark/canonical';
import { createSigner } from '@tidemark/canonical/native';
import { decodeRecord, type GenesisSigned } from '@tidemark/event';
import type { ChangedTargets, ChangePlace, SlotProof } from '@tidemark/ledger';
import { connectLogs } from '@tidemark/log';
import { serveCalls } from './calls.ts';
import type { FoldReport } from './foldReport.ts';
import { Shard } from './shard.ts';
import { openStateDb } from './stateDb.ts';
import { verifiedSigner, type VerifyBins } from './verifiedSigner.ts';

/** What the thread is started with. */
export interface ShardWorkerData {
  readonly genesisBytes: Uint8Array;
  readonly partitions: readonly number[];
  /** Folder of the state databases, one a partition. */
  readonly stateFolder: string;
  /** Private seeds, 32 bytes each; without them the shard follows. */
  readonly seeds: { readonly bins: Uint8Array; readonly service: Uint8Array } | undefined;
  readonly verifyBins: VerifyBins;
  /** For the bodies of each partition. */
  readonly memoryBudgetBytes: number;
  readonly logs: MessagePort;
  readonly calls: MessagePort;
}

/** What a shard thread answers. */
export interface ShardCalls {
  readonly [name: string]: (...args: never[]) => unknown;
  /** Resolves when the thread has stopped cleanly, or with what made it stop. */
  readonly done: () => Promise<PlainFailure | undefined>;
  readonly stop: () => void;
  readonly file: (
    partition: number,
    role: string,
    version: number,
    n: number,
  ) => Uint8Array | undefined;
  readonly target: (
    partition: number,
    path: string,
    n: number,
  ) => Promise<{ bin: number; version: number; value: string | undefined }>;
  readonly proofs: (partition: number, roles: readonly string[], n: number) => Promise<SlotProof[]>;
  readonly changes: (
    partition: number,
    n: number,
    from: ChangePlace,
    changesMax: number,
  ) => ChangedTargets;
  readonly scrub: (
    partition: number,
    after: Uint8Array | undefined,
    bytesMax: number,
  ) => { readonly after: Uint8Array | undefined; readonly bytes: number };
  readonly stats: () => ShardStats;
}

export interface ShardStats {
  /** The last cut that all its partitions have committed. */
  readonly n: number;
  readonly cuts: number;
  readonly applied: number;
  readonly rejected: number;
  readonly ignored: number;
  /** Bodies of bins in memory, by partition. */
  readonly memoryBytes: ReadonlyMap<number, number>;
  readonly stateBytesWritten: number;
  /** Role versions signed. */
  readonly rolesSigned: number;
  /** Bytes of all bins' newest files together. */
  readonly binBytes: number;
}

const WRITE_BUFFER_BYTES = 16 << 20;

await main(workerData as ShardWorkerData);

async function main(data: ShardWorkerData): Promise<void> {
  const genesis = decodeRecord(data.genesisBytes).signed as GenesisSigned;
  const stopping = new AbortController();
  const opened = Shard.open({
    genesis,
    genesisBytes: data.genesisBytes,
    logs: connectLogs(data.logs, genesis.partitions),
    partitions: data.partitions,
    openState: (partition) =>
      openStateDb(join(data.stateFolder, `p${partition}`), WRITE_BUFFER_BYTES),
    keys: data.seeds && {
      bins: verifiedSigner(createSigner(data.seeds.bins), data.verifyBins),
      service: createSigner(data.seeds.service),
    },
    memoryBudgetBytes: data.memoryBudgetBytes,
    sleep: (ms) => sleep(ms),
    eventsMayLag: false,
    // Once a partition and cut: what it costs is a message.
    observer: { now: () => performance.now(), folded: tellParent },
  });
  const done = follow(opened, stopping.signal).catch((error: unknown) => plainFailure(error));
  serveCalls(data.calls, handlers(opened, done, stopping));
}

async function follow(opened: Promise<Shard>, signal: AbortSignal): Promise<undefined> {
  const shard = await opened;
  try {
    await shard.run(signal);
  } finally {
    // Whoever is started in this one's place needs the databases.
    await shard.close();
  }
}

function handlers(
  opened: Promise<Shard>,
  done: Promise<PlainFailure | undefined>,
  stopping: AbortController,
): ShardCalls {
  const view = async (partition: number) => (await opened).runners.get(partition)!.view;
  return {
    done: () => done,
    stop: () => stopping.abort(),
    file: async (partition: number, role: string, version: number, n: number) =>
      (await view(partition)).file(role, version, n),
    target: async (partition: number, path: string, n: number) =>
      (await view(partition)).target(path, n),
    proofs: async (partition: number, roles: readonly string[], n: number) => {
      const asked = await view(partition);
      return Promise.all(roles.map((role) => asked.proof(role, n)));
    },
    changes: async (partition: number, n: number, from: ChangePlace, changesMax: number) =>
      (await view(partition)).changedTargets(n, from, changesMax),
    scrub: async (partition: number, after: Uint8Array | undefined, bytesMax: number) =>
      (await opened).scrub(partition, after, bytesMax),
    stats: async () => statsOf(await opened),
  } as unknown as ShardCalls;
}

function tellParent(report: FoldReport): void {
  parentPort?.postMessage(report, []);
}

function statsOf(shard: Shard): ShardStats {
  const runners = [...shard.runners.values()];
  const sum = (figure: (runner: (typeof runners)[number]) => number): number =>
    runners.reduce((total, runner) => total + figure(runner), 0);
  return {
    n: Math.min(...runners.map(({ n }) => n)),
    cuts: sum(({ stats }) => stats.cuts),
    applied: sum(({ stats }) => stats.applied),
    rejected: sum(({ stats }) => stats.rejected),
    ignored: sum(({ stats }) => [...stats.ignored.values()].reduce((a, b) => a + b, 0)),
    memoryBytes: new Map(Array.from(shard.runners, ([p, { memoryBytes }]) => [p, memoryBytes])),
    stateBytesWritten: sum(({ stateBytesWritten }) => stateBytesWritten),
    rolesSigned: sum(({ stats }) => stats.rolesSigned),
    binBytes: sum(({ binBytes }) => binBytes),
  };
}
