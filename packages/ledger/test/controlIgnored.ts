/** What a fold of the control log does about a record that does not count: nothing, and it says why. */
import { expect } from 'vitest';
import type { ControlFold } from '../src/index.ts';
import type { TestLedger } from './testLedger.ts';

/** Everything of a fold that an ignored record must leave as it is. */
export function stateOf(fold: ControlFold): unknown {
  return { last: fold.last, settled: fold.settled, view: fold.view };
}

/** Appends a record that must be ignored with a code and change nothing. */
export function expectIgnored(ledger: TestLedger, record: Uint8Array, code: string): void {
  const before = stateOf(ledger.fold);
  const count = ledger.fold.ignored.get(code) ?? 0;
  const offset = ledger.fold.next;
  expect(ledger.append(record)).toBeUndefined();
  expect(stateOf(ledger.fold)).toEqual(before);
  expect(ledger.fold.ignored.get(code)).toBe(count + 1);
  expect(ledger.fold.next).toBe(offset + 1);
}
