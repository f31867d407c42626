// What a row of the tables of disabled rules says.
import type { Policy } from '@tidemark/event';
import type { Edit } from '../edit.ts';

/** A rule of the ledger, and what disables it: the simulation has to find that something breaks. */
export interface Mutant {
  readonly name: string;
  /** What the design says. */
  readonly rule: string;
  /** What stands in place of the rule in the sources. */
  readonly edits?: readonly Edit[];
  /** Or, of the rules of cuts, the one that is left out. */
  readonly without?: string;
  /** Of which one has to be found broken: invariants, or what else a violation calls itself. */
  readonly breaks: readonly string[];
  /** What tries this rule, where the usual weather brings too little of it. */
  readonly often?: readonly string[];
  readonly policy?: Partial<Policy>;
  readonly ending?: 'truncation';
}

export function edit(file: string, from: string, to: string): Edit {
  return { file, from, to };
}
