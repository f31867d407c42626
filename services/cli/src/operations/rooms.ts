/** How much room is left on the disks of a ledger's folders. */
import { statfs } from 'node:fs/promises';
import type { LedgerFolder } from '../folder/ledgerFolder.ts';

const FOLDERS = ['log', 'state', 'metadata'] as const;

export interface Room {
  readonly folder: (typeof FOLDERS)[number];
  /** For this process, which has no share of what is reserved for others. */
  readonly freeBytes: number;
  /** Of the whole disk. */
  readonly diskBytes: number;
}

/** Of those folders that can be looked at. */
export async function roomsOf(folders: LedgerFolder): Promise<Room[]> {
  const rooms = await Promise.allSettled(
    FOLDERS.map(async (folder): Promise<Room> => {
      const { bavail, blocks, bsize } = await statfs(folders[folder]);
      return { folder, freeBytes: bavail * bsize, diskBytes: blocks * bsize };
    }),
  );
  return rooms.flatMap((room) => (room.status === 'fulfilled' ? [room.value] : []));
}
