/** The records of the logs: events, cuts, documents, what shards report; their codec, signatures and versions. */

export { assembliesMax, PartAssembler } from './assembler.ts';
export type { Assembled } from './assembler.ts';
export { batchBytes, batchEventsMax, batchSubjectsMax, encodeBatch } from './batch.ts';
export type { BatchHeader, BatchSigned } from './batch.ts';
export { leafSchema, parseLeaf } from './cut.ts';
export type {
  CutSigned,
  PartitionHeads,
  RoleSignature,
  SealedSigned,
  SnapshotLeaf,
  VoidSigned,
} from './cut.ts';
export { documentBytesMax, splitDocument } from './document.ts';
export type { DocumentName, PartSigned, RoleSigned, RootSigned } from './document.ts';
export { encodeEvent, parseEvent } from './event.ts';
export type { Event, EventType } from './event.ts';
export { recordHash, signedSlice } from './frame.ts';
export type { Signature } from './frame.ts';
export type {
  GenesisSigned,
  Operators,
  PolicySigned,
  Services,
  ServicesSigned,
} from './genesis.ts';
export { keyIdOfPublic, keysById, verifyRecord } from './keys.ts';
export type { KeySet, Verify } from './keys.ts';
export { defaultPolicy, policyOf } from './policy.ts';
export type { Policy } from './policy.ts';
export { decodeBatch, decodeRecord, encodeRecord, signRecord } from './record.ts';
export type { LogRecord, Signed, Upcasts } from './record.ts';
export { recordBytesMax } from './shape.ts';
export type { TreeHead } from './shape.ts';
export { hashesMax, outcomesMax, roleLeavesMax } from './subtree.ts';
export type {
  IndexSigned,
  Outcome,
  OutcomesSigned,
  RoleLeaf,
  RolesSigned,
  SubtreeSigned,
} from './subtree.ts';
