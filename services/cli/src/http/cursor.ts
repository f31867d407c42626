/**
 * A place in the ledger's history of changes, as text that clients hand back as it is.
 *
 * It depends on the log alone, so it stays good over restarts and rebuilds; the ledger's id in it keeps
 * it from being used on another ledger, where the same place means something else.
 */
import { RejectedInput } from '@tidemark/canonical';
import type { GenesisSigned } from '@tidemark/event';

/** Of the next change to be read. */
export interface Cursor {
  /** Snapshot. */
  readonly n: number;
  readonly partition: number;
  /** Which of the bins that the partition changed, and which of that bin's changes. */
  readonly bin: number;
  readonly op: number;
}

/** The first change of a snapshot. */
export function startOf(n: number): Cursor {
  return { n, partition: 0, bin: 0, op: 0 };
}

export function encodeCursor({ ledger }: GenesisSigned, cursor: Cursor): string {
  const { n, partition, bin, op } = cursor;
  const text = [ledger.slice(0, LEDGER_DIGITS), n, partition, bin, op].join('.');
  return Buffer.from(text).toString('base64url');
}

/** @throws RejectedInput `changes.cursor` */
export function decodeCursor(genesis: GenesisSigned, text: string): Cursor {
  const decoded = Buffer.from(text.slice(0, TEXT_MAX), 'base64url').toString('latin1');
  const [, n, partition, bin, op] = (FORM.exec(decoded) ?? []).map(Number);
  const cursor = { n: n ?? 0, partition: partition ?? 0, bin: bin ?? 0, op: op ?? 0 };
  const isOurs = cursor.n >= 1 && cursor.partition < genesis.partitions;
  if (isOurs && encodeCursor(genesis, cursor) === text) return cursor;
  throw new RejectedInput('changes.cursor', 'this is no cursor that this ledger gave out');
}

const LEDGER_DIGITS = 8;
const TEXT_MAX = 128;
const FORM = /^[0-9a-f]{8}\.(\d{1,15})\.(\d{1,3})\.(\d{1,9})\.(\d{1,9})$/;
