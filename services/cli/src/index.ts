/** A ledger made and run without the command line: for tests and benchmarks. */

export { measureFiles } from './bins/sizes.ts';
export { planLedger } from './ceremony.ts';
export type { LedgerOptions, LedgerPlan } from './ceremony.ts';
export { untilCurrent } from './current.ts';
export { Engine } from './engine.ts';
export { readKeys, writeKeys } from './keystore.ts';
export { createLedger, ledgerFolder, readLedgerFile } from './ledgerFolder.ts';
export type { LedgerFolder } from './ledgerFolder.ts';
export { openSource } from './sources.ts';
