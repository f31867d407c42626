/** Failures, bytes, SHA-256, Ed25519 verification and canonical JSON. Runs in the browser; `./native` is for servers. */

export { compareText, concat, equalBytes, fromHex, fromUtf8, toHex, utf8 } from './bytes.ts';
export { verifyEd25519 } from './ed25519.ts';
export {
  accepted,
  BrokenInvariant,
  failureFrom,
  OperatingFault,
  plainFailure,
  RejectedInput,
} from './failure.ts';
export type { PlainFailure } from './failure.ts';
export { sha256, sha256Hex } from './hash.ts';
export type { Sha256 } from './hash.ts';
export { canonicalText, encodeCanonical, isObject, recordText } from './json.ts';
export type { Json, JsonObject } from './json.ts';
export { parseCanonical, parseJson } from './parse.ts';
export type { ParseOptions } from './parse.ts';
export { readJson } from './read.ts';
