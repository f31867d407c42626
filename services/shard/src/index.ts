/** Shards: partitions folded as the control log orders. */

export { ControlFollower } from './controlFollower.ts';
export { demandNoLostCut } from './truncation.ts';
export type { FoldReport } from './foldReport.ts';
export type { ShardKeys } from './partitionRunner.ts';
export { Shard } from './shard.ts';
export type { ShardOptions } from './shard.ts';
export { openStateDb } from './stateDb.ts';
export type { VerifyBins } from './verifiedSigner.ts';
export { connectCalls } from './calls.ts';
export type { Calls } from './calls.ts';
export type { ShardCalls, ShardStats, ShardWorkerData } from './worker.ts';
