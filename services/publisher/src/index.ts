/** Sealing and publishing: from reported cuts to visible snapshots. */

export type { Fate } from './fate.ts';
export { Publisher } from './publisher.ts';
export type { PublisherKeys, PublisherOptions } from './resume.ts';
export { Sealer } from './sealer.ts';
export type { SealerOptions } from './sealer.ts';
export type { SnapshotRow } from './snapshotIndex.ts';
export type { PublisherStep } from './steps.ts';
