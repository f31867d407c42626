/** TUF metadata: parse, build, sign, verify, lint. Runs in the browser; `./native` has the servers' verifiers. */

export {
  binBitsMax,
  binHashPrefixes,
  binRoleName,
  binsOf,
  binsPaths,
  prefixDelegations,
  succinctDelegations,
} from './bins.ts';
export type { BinsOptions } from './bins.ts';
export {
  pathDelegations,
  rootSigned,
  snapshotSigned,
  targetsSigned,
  timestampSigned,
} from './build.ts';
export type {
  CommonOptions,
  MetaInput,
  PathDelegation,
  RoleKeys,
  RootOptions,
  SnapshotOptions,
  TargetInput,
  TargetsOptions,
  TimestampOptions,
} from './build.ts';
export { formatExpires, parseExpires } from './expires.ts';
export {
  ed25519Key,
  keyIdOf,
  keyJson,
  parseKey,
  portableVerifiers,
  verifySignature,
} from './keys.ts';
export type { Key, Verifiers } from './keys.ts';
export { parseMetadata, parseRoot, parseSnapshot, parseTargets, parseTimestamp } from './parse.ts';
export {
  checkTargetPath,
  isReservedPath,
  pathBytesMax,
  pathInUrl,
  pathSegmentsMax,
} from './paths.ts';
export type { TargetPath } from './paths.ts';
export { encodeEnvelope, signMetadata } from './sign.ts';
export type { KeySigner } from './sign.ts';
export type {
  DelegatedRole,
  Delegations,
  Envelope,
  MetaFile,
  Role,
  Root,
  Signature,
  Signed,
  Snapshot,
  Statement,
  SuccinctRoles,
  TargetFile,
  Targets,
  Timestamp,
  TopLevelRole,
} from './types.ts';
export { verifyRootUpdate, verifyThreshold } from './verify.ts';
export { lintRepository } from './lint/lint.ts';
export type { LintOptions } from './lint/lint.ts';
export type { Finding } from './lint/rule.ts';
