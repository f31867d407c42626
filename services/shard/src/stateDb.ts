/** Opens the database of derived state, and says in the project's terms why it cannot. */
import { mkdir } from 'node:fs/promises';
import { BrokenInvariant, OperatingFault } from '@tidemark/canonical';
import type { StateDb } from '@tidemark/ledger';
import { Level } from 'level';

/**
 * @param writeBufferBytes LevelDB's memtable; there can be two of them
 * @throws BrokenInvariant `state.corrupt`; OperatingFault `state.locked`, `state.full`, `state.unavailable`
 */
export async function openStateDb(folder: string, writeBufferBytes: number): Promise<StateDb> {
  const db = new Level<Buffer, Buffer>(folder, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    writeBufferSize: writeBufferBytes,
  });
  try {
    await mkdir(folder, { recursive: true });
    await db.open();
    return db;
  } catch (error) {
    throw failureOf(error, folder);
  }
}

function failureOf(error: unknown, folder: string): Error {
  // LevelDB's own error is the cause of the one that says that the database is not open.
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const text = cause instanceof Error ? cause.message : String(cause);
  const message = `cannot open ${folder}: ${text}`;
  if (/Corruption|No such file/.test(text)) {
    return new BrokenInvariant(
      'state.corrupt',
      `${message}; delete this folder, it is rebuilt from the log`,
      { cause: error },
    );
  }
  const isLocked = cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_LOCKED';
  const isFull = /No space left|ENOSPC|quota exceeded|File too large/i.test(text);
  const code = isLocked ? 'state.locked' : isFull ? 'state.full' : 'state.unavailable';
  return new OperatingFault(code, message, { cause: error });
}
