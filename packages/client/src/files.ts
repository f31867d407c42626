/**
 * What is trusted, as files in a folder: `root.json`, `timestamp.json`, `ROLE.json`, each byte for byte as it was
 * served. A write replaces a file as a whole and survives the machine's loss of power.
 */
import * as fs from 'node:fs/promises';
import { resolve } from 'node:path';
import { OperatingFault, sha256Hex, utf8 } from '@tidemark/canonical';
import { lockedFolder } from '@tidemark/publish';
import { closing } from './closing.ts';
import { encodeFirst, fileName } from './names.ts';
import type { TrustStore } from './ports.ts';

/** A file system's limit for a name, which a role's may exceed. */
const NAME_BYTES_MAX = 255;

/**
 * Opens a folder, made if need be, for this process alone.
 * @throws OperatingFault `client.store`: another process has it open, or the folder cannot be read or written
 */
export async function openTrustFiles(directory: string): Promise<TrustStore> {
  const { folder, release } = await stored(() => lockedFolder(resolve(directory), fs));
  return closing({
    read: (role) => stored(() => folder.read(fileOf(role))),
    write: (role, bytes) => stored(() => folder.write(fileOf(role), bytes)),
    close: () => stored(release),
  });
}

/** What is too long is called by its hash, behind a character that no encoded name has. */
function fileOf(role: string): string {
  const own = fileName(`${role}.json`);
  // Where folders do not tell upper case from lower, ROOT.json is root.json.
  const name = /^(?:root|timestamp|snapshot|targets)\.json$/.test(own) ? own : apart(own);
  return name.length <= NAME_BYTES_MAX ? name : `@${sha256Hex(utf8(role))}.json`;
}

function apart(name: string): string {
  return /^(?:root|timestamp|snapshot|targets)\.json$/i.test(name) ? encodeFirst(name) : name;
}

async function stored<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    if (!(cause instanceof OperatingFault) || cause.code === 'client.store') throw cause;
    throw new OperatingFault('client.store', `${cause.message} (${cause.code})`, { cause });
  }
}
