/** The fold: from the records of the logs to bins, map and snapshot, the same for everybody. */

export { BinFile, BinScratch } from './binFile.ts';
export type { BinOp } from './binFile.ts';
export type { BinSignatures } from './binWriter.ts';
export { ControlFold } from './control.ts';
export type { ControlChange, Cut } from './control.ts';
export type { Keys, View } from './controlViews.ts';
export { CUT_RULES, CUTS_IN_FLIGHT_MAX } from './cutRules.ts';
export type { CutRule } from './cutRules.ts';
export { parseValue, targetValue } from './decide.ts';
export type { OutcomeCode } from './decide.ts';
export { binKeyId, OFFLINE_ROLES } from './documents.ts';
export type { Document, Documents } from './documents.ts';
export { LeafCollector } from './leafCollector.ts';
export type { PartitionCut } from './leafCollector.ts';
export { markerAt, openPartition, rollBack } from './openPartition.ts';
export type { OpenPartitionOptions } from './openPartition.ts';
export { Partition } from './partition.ts';
export type { FoldedCut } from './partition.ts';
export { renewalDue } from './renewal.ts';
export { ROW, rowKey, Rows } from './rows.ts';
export type { StateDb } from './rows.ts';
export { checking, signing } from './signatory.ts';
export type { Signatory } from './signatory.ts';
export { classicDue, classicRenewal, isSealOf, leafText, SnapshotFold } from './snapshotFold.ts';
export type { Classic, Snapshot, SnapshotFoldState } from './snapshotFold.ts';
export { PartitionView } from './view.ts';
export type { SlotProof } from './view.ts';
