/** How a ledger is made, for those that make one without the command line: tests and benchmarks. */

export { planLedger } from './ceremony.ts';
export type { LedgerOptions, LedgerPlan } from './ceremony.ts';
export { writeKeys } from './keystore.ts';
export { createLedger, ledgerFolder } from './ledgerFolder.ts';
export type { LedgerFolder } from './ledgerFolder.ts';
