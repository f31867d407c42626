// All rules that the simulation is run without, one at a time.
//
// What is not among them, because nothing in this world could break:
// - A sealed for a number that is void is refused, but would not be asked for either: its number is settled.
// - Leaf records before their subtree record: readers wait for both, in whatever order they stand.
// - A shard that is not listed follows: nobody would believe its report.
// - Signatures are verified before they leave: no key here makes a faulty one, so packages/ledger tests it.
// - No two signatures over one message: Ed25519 is deterministic, the second would be the first.
import { AUTHORITY } from './authority.ts';
import { CUTS } from './cuts.ts';
import { EVENTS } from './events.ts';
import { FOLDING } from './folding.ts';
import type { Mutant } from './mutant.ts';
import { PUBLISHING } from './publishing.ts';
import { SEALING } from './sealing.ts';

export const MUTANTS: readonly Mutant[] = [
  ...AUTHORITY,
  ...CUTS,
  ...SEALING,
  ...PUBLISHING,
  ...EVENTS,
  ...FOLDING,
];
