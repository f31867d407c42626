/** What an engine is made of, from its options. */
import { OperatingFault } from '@tidemark/canonical';
import type { PlainFailure } from '@tidemark/canonical';
import type { GenesisSigned } from '@tidemark/event';
import type { Logs, Sleep } from '@tidemark/log';
import type { PublisherKeys } from '@tidemark/publisher';
import type { VerifyBins } from '@tidemark/shard';
import type { Faults } from './faults.ts';
import type { UnlockedKey } from '../folder/keystore.ts';
import type { LedgerFile, LedgerFolder } from '../folder/ledgerFolder.ts';
import type { EngineObserver } from '../operations/observer.ts';
import { ShardPool } from './shardPool.ts';

/** Bounds that have defaults where they are used. */
export interface EngineBounds {
  /** Bytes of events that wait to be stored. */
  readonly intakeQueueBytesMax?: number | undefined;
  /** Durable events that no snapshot shows yet: see `Unseen`. */
  readonly unseenEventsMax?: number | undefined;
  /** Bytes of records that wait for the disk, and of those kept for followers. */
  readonly storageQueueBytesMax?: number | undefined;
  readonly storageTailBytesMax?: number | undefined;
  /** Records by which one cut advances a partition. */
  readonly cutRecordsMax?: number | undefined;
  /** How long a fault is waited out. */
  readonly faultMsMax?: number | undefined;
  /** Of a shard that ends soon after each start. */
  readonly restartsMax?: number | undefined;
  /** At which everything on the disk is read again; not at all unless given. */
  readonly scrubBytesPerSecond?: number | undefined;
  /** For work under way at the end. */
  readonly stopMsMax?: number | undefined;
}

export interface EngineOptions extends EngineBounds {
  readonly folder: LedgerFolder;
  readonly file: LedgerFile;
  /** The online keys, by purpose. */
  readonly keys: ReadonlyMap<string, UnlockedKey>;
  readonly shards: number;
  /** Time between two cuts, at the least. */
  readonly cutIntervalMs: number;
  /** Bytes of bin bodies kept in memory. */
  readonly memoryBudgetBytes: number;
  /** Which of the bins' signatures are verified before they leave. */
  readonly verifyBins: VerifyBins;
  /** Told of operating faults that are being waited out. */
  readonly onFault: (failure: PlainFailure, who: string) => void;
  /** Told of everything else that it does. */
  readonly observer?: Omit<EngineObserver, 'fault'> | undefined;
}

export function startShards(
  options: EngineOptions,
  parts: {
    genesis: GenesisSigned;
    genesisBytes: Uint8Array;
    logs: Logs;
    faults: Faults;
    sleep: Sleep;
  },
): ShardPool {
  const { folder, keys, shards, memoryBudgetBytes, verifyBins, restartsMax, observer } = options;
  const { genesis, genesisBytes, logs, faults, sleep } = parts;
  const pool = new ShardPool({
    genesisBytes,
    stateFolder: folder.state,
    seeds: { bins: keyOf(keys, 'bins').seed, service: keyOf(keys, 'shard').seed },
    partitions: genesis.partitions,
    shards,
    logs,
    verifyBins,
    memoryBudgetBytes,
    sleep,
    faults,
    restartsMax,
    onFolded: observer && ((report) => observer.folded(report)),
  });
  pool.start();
  return pool;
}

export function publisherKeys(keys: ReadonlyMap<string, UnlockedKey>): PublisherKeys {
  return {
    timestamp: keyOf(keys, 'timestamp').signer,
    snapshot: keyOf(keys, 'snapshot').signer,
    checkpoint: keyOf(keys, 'checkpoint').signer,
    service: keyOf(keys, 'publisher').signer,
  };
}

/** @throws OperatingFault `keys.absent` */
export function keyOf(keys: ReadonlyMap<string, UnlockedKey>, purpose: string): UnlockedKey {
  const key = keys.get(purpose);
  if (key !== undefined) return key;
  throw new OperatingFault('keys.absent', `the online key ${purpose} is missing from keys/`);
}
