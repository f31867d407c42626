/** Merkle log (RFC 6962), Merkle map (TAP 16) and signed checkpoints (C2SP). Runs in the browser too. */

export { checkpointNote, checkpointText, openCheckpoint, parseCheckpoint } from './checkpoint.ts';
export type { Checkpoint } from './checkpoint.ts';
export { CompactRange } from './compactRange.ts';
export type { CompactRangeState } from './compactRange.ts';
export { SlotTree, combineRoots, emptySlotHash, leafData, rootFromSlot, slotHash } from './map.ts';
export type { SlotChange, SlotTreeShape } from './map.ts';
export { makeMultiproof, multiproofBytesMax, openMultiproof } from './multiproof.ts';
export type { ProvedSlot } from './multiproof.ts';
export {
  decodeVerifierKey,
  encodeVerifierKey,
  formatNote,
  keyId,
  noteSignature,
  parseNote,
  verifyNote,
} from './note.ts';
export type { Note, NoteSignature, VerifierKey, VerifyEd25519 } from './note.ts';
export {
  consistencyProof,
  emptyRoot,
  inclusionProof,
  leafHash,
  nodeHash,
  rootFromInclusion,
  verifyConsistency,
  verifyInclusion,
} from './rfc6962.ts';
export type { ConsistencyClaim, InclusionClaim, NodeReader } from './rfc6962.ts';
export { demandOwnRoles, slotInMap } from './slot.ts';
export type { MapShape, MetaFile, SlotContents, Tap16Map } from './slot.ts';
export { makeTap16File, openTap16File, verifyTap16File } from './tap16.ts';
export { MerkleTree } from './tree.ts';
