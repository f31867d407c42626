// What there is to import, and what an import says it came to.
import { join } from 'node:path';
import { expect } from 'vitest';
import { CHECKOUT } from './tidemark.ts';

export const SAMPLE = join(CHECKOUT, 'test/data/debian-bookworm-5000.tsv');
export const PACKAGES = join(CHECKOUT, 'test/data/debian-bookworm-20.packages');

export interface Account {
  readonly lines: number;
  readonly added: number;
  readonly replaced: number;
  readonly removed: number;
  readonly yanked: number;
  readonly unchanged: number;
  readonly rejected: Readonly<Record<string, number>>;
  readonly bad: Readonly<Record<string, number>>;
  readonly bytes_read: number;
  readonly seconds: number;
}

/** A whole account of its counts that are not 0; how much and how long stands in those that say it. */
export function account(counts: Partial<Account>): Account {
  const none = { added: 0, replaced: 0, removed: 0, yanked: 0, unchanged: 0 };
  const measured = { bytes_read: expect.any(Number), seconds: expect.any(Number) };
  return { lines: 0, ...none, rejected: {}, bad: {}, ...measured, ...counts };
}
