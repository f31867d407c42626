/** A ledger made and run without the command line: for tests and benchmarks. */

export { measureFiles } from './bins/sizes.ts';
export { planLedger } from './folder/ceremony.ts';
export type { LedgerOptions, LedgerPlan } from './folder/ceremony.ts';
export { untilCurrent } from './engine/current.ts';
export { Engine } from './engine/engine.ts';
export { readKeys, writeKeys } from './folder/keystore.ts';
export { createLedger, ledgerFolder, readLedgerFile } from './folder/ledgerFolder.ts';
export type { LedgerFolder } from './folder/ledgerFolder.ts';
export { openSource } from './sources.ts';
