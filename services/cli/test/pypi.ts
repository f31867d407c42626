// PyPI as PEP 458 knew it, for the plan of bins.
import type { Demand } from '../src/bins/demand.ts';
import type { Shape } from '../src/bins/sizes.ts';

export const DEMAND: Demand = {
  targets: 2_273_539,
  pathBytes: 76,
  fileBytes: 2_184_393,
  users: 1_000_000,
  visits: 1,
  newShare: 0.1,
  downloads: 5,
  targetsPerFile: 2,
  repeatedShare: 0,
  uploads: 2274,
  snapshots: 1440,
};

export const SHAPE: Shape = {
  bits: 10,
  targets: 50_000,
  pathBytes: 76,
  fileBytes: 2_184_393,
  binVersion: 1_000_000,
  snapshotVersion: 1_000_000,
};
