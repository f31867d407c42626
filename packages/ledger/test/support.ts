/** What every test here needs: times, a database, codes of failures. */
import { toHex } from '@tidemark/canonical';
import { MemoryLevel } from 'memory-level';
import type { StateDb } from '../src/index.ts';

export const T0 = Date.UTC(2026, 0, 1);
export const MINUTE = 60_000;
export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

export async function memoryDb(): Promise<StateDb> {
  const db = new MemoryLevel<Buffer, Buffer>({ keyEncoding: 'buffer', valueEncoding: 'buffer' });
  await db.open();
  return db;
}

export function hex(bytes: Uint8Array): string {
  return toHex(bytes);
}

/** The code of what a function throws, or undefined. */
export function codeOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return codeIn(error);
  }
}

/** The same for a promise. */
export async function codeOfAsync(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(() => undefined, codeIn);
}

function codeIn(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    return `${error.constructor.name} ${error.code}`;
  }
  throw error;
}
