/** What services share: settings, access, limits. */

export { openLogger } from './logger.ts';
export type { Logger, LoggerOptions } from './logger.ts';
export { makePrivateFolder, namesIn, readPrivateFile, writePrivateFiles } from './privateFiles.ts';
export { RateLimit } from './rateLimit.ts';
export type { RateLimitOptions } from './rateLimit.ts';
export { duration, file, host, newFile, oneOf, size, whole } from './settingKinds.ts';
export type { Kind } from './settingKinds.ts';
export { optionalSetting, resolveSettings, setting, settingsOf, variableOf } from './settings.ts';
export type { Flaw, Given, Setting, SettingSources, SettingsSchema } from './settings.ts';
export { TokenFolder } from './tokenFolder.ts';
export { makeToken, mayUpload, parseTokenRecord, tokenOf } from './token.ts';
export type { TokenGrant, TokenRecord } from './token.ts';
