/** What services share: access, limits, answers in HTTP. */

export { namesIn, readPrivateFile, writePrivateFiles } from './privateFiles.ts';
export { RateLimit } from './rateLimit.ts';
export { TokenFolder } from './tokenFolder.ts';
export { makeToken, mayUpload, parseTokenRecord, tokenOf } from './token.ts';
export type { TokenGrant, TokenRecord } from './token.ts';
