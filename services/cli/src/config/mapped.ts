/** What the settings come to for the parts that they are for. */
import type { RateLimitOptions } from '@tidemark/runtime';
import type { EngineSettings } from '../access/openEngine.ts';
import type { ItemLimits } from '../http/items.ts';
import { BodyMemory } from '../http/requestBody.ts';
import type { ServeConfig } from './serveSettings.ts';

export function engineSettings({ intake, storage, ledger, faults }: ServeConfig): EngineSettings {
  return {
    shards: ledger.shards,
    cutIntervalMs: ledger.cut_interval,
    cutRecordsMax: ledger.cut_records,
    memoryBudgetBytes: ledger.memory,
    verifyBins: ledger.verify_bins,
    intakeQueueBytesMax: intake.queue,
    unseenEventsMax: intake.ahead,
    storageQueueBytesMax: storage.queue,
    storageTailBytesMax: storage.tail,
    scrubBytesPerSecond: storage.scrub,
    faultMsMax: faults.wait_time,
    restartsMax: faults.restarts,
    stopMsMax: faults.stop_time,
  };
}

export function uploadLimits(uploads: ServeConfig['uploads']): ItemLimits {
  return {
    bodyBytesMax: uploads.body_size,
    memory: new BodyMemory(uploads.memory),
    eventsMax: uploads.items,
    bodyMsMax: uploads.body_time,
    silenceMsMax: uploads.silence_time,
    depthMax: uploads.depth,
  };
}

export function uploadRate(uploads: ServeConfig['uploads']): RateLimitOptions {
  const perSecond = uploads.events_per_second;
  const burst = (perSecond * uploads.burst_time) / 1000;
  return { perSecond, burst, subjectsMax: uploads.subjects };
}
