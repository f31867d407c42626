/**
 * Private files: whole, durable and readable by their owner alone, or refused. A secret that another account can read is no
 * secret any more, so reading one is refused with the command that puts it right, as ssh does.
 */
import { constants } from 'node:fs';
import { chmod, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { OperatingFault } from '@tidemark/canonical';

/** Permission bits of everyone but the owner. */
const OTHERS = 0o077;

export interface PrivateFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * Writes files of mode 0600 into `directory` (made 0700 if absent), none of which may exist: all are written and synced under
 * temporary names first, so that a full disk leaves no half of a set behind.
 *
 * @throws OperatingFault `file.exists`, `file.write`
 */
export async function writePrivateFiles(
  directory: string,
  files: readonly PrivateFile[],
): Promise<void> {
  const made: string[] = [];
  try {
    await makePrivateFolder(directory);
    for (const { name } of files) await refuseExisting(join(directory, name));
    const moves = files.map(({ name, bytes }) => ({
      from: join(directory, `.${name}.${process.pid}.tmp`),
      to: join(directory, name),
      bytes,
    }));
    for (const { from, bytes } of moves) {
      made.push(from);
      await writeDurably(from, bytes);
    }
    for (const { from, to } of moves) {
      await rename(from, to);
      made.push(to);
    }
    await syncDirectory(directory);
    await syncDirectory(dirname(directory));
  } catch (error) {
    // As far as it can be done: what is told is the first failure, not that of tidying up after it.
    for (const path of made) await rm(path, { force: true }).catch(() => undefined);
    if (error instanceof OperatingFault) throw error;
    throw new OperatingFault(
      'file.write',
      `cannot write to ${directory} (${reason(error)}); nothing that was there has been changed`,
      { cause: error },
    );
  }
}

/**
 * The bytes of a file that only its owner can read. Size and permissions are asked of the open file, not of its name.
 *
 * @param options.bytesMax  a longer file is refused
 * @param options.others    permission bits that make the file too open; default: any bit of group or others
 * @throws OperatingFault `file.permissions`, `file.too_long`, `file.read`
 */
export async function readPrivateFile(
  path: string,
  options: { readonly bytesMax: number; readonly others?: number },
): Promise<{ readonly bytes: Uint8Array; readonly mode: number }> {
  let handle;
  try {
    handle = await open(path, constants.O_RDONLY);
    const { mode } = await handle.stat();
    if ((mode & (options.others ?? OTHERS)) !== 0) {
      throw new OperatingFault(
        'file.permissions',
        `${path} can be read or changed by others (mode ${octal(mode)}): run  chmod 600 ${quoted(path)}`,
      );
    }
    const bytes = await readAtMost(handle, options.bytesMax + 1);
    if (bytes.length > options.bytesMax) {
      throw new OperatingFault('file.too_long', `${path} is longer than ${options.bytesMax} bytes`);
    }
    return { bytes, mode: mode & 0o777 };
  } catch (error) {
    if (error instanceof OperatingFault) throw error;
    throw new OperatingFault('file.read', `cannot read ${path} (${reason(error)})`, {
      cause: error,
    });
  } finally {
    await handle?.close();
  }
}

/** The names in a folder, sorted; an absent folder has none. @throws OperatingFault `file.read` */
export async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).toSorted();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw new OperatingFault('file.read', `cannot list ${directory} (${reason(error)})`, {
      cause: error,
    });
  }
}

/** Until its end or `bytesMax`: a pipe (a shell's `<(…)`) hands out its bytes in pieces. */
async function readAtMost(handle: FileHandle, bytesMax: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(bytesMax);
  let length = 0;
  while (length < bytesMax) {
    const { bytesRead } = await handle.read(buffer, length, bytesMax - length, null);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.slice(0, length);
}

async function refuseExisting(path: string): Promise<void> {
  if (await isThere(path)) {
    throw new OperatingFault('file.exists', `${path} exists and is never overwritten`);
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => {
      if (codeOf(error) === 'ENOENT') return false;
      throw error;
    },
  );
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  await rm(path, { force: true }); // left by a crash; process ids come again, in containers soon
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Makes a folder, and those above it, of mode 0700 unless it is there. Node's own recursive mkdir never returns where a
 * folder is there and takes none all the same, as /proc: it takes that for a missing folder, again and again.
 *
 * @throws what mkdir throws
 */
export async function makePrivateFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return;
    if (codeOf(error) !== 'ENOENT' || (await isThere(dirname(path)))) throw error;
    await makePrivateFolder(dirname(path));
    await mkdir(path, { mode: 0o700 });
  }
  await chmod(path, 0o700); // whatever the umask
}

/** Makes the names in a folder durable. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

function reason(error: unknown): string {
  return codeOf(error) ?? String(error);
}

function octal(mode: number): string {
  return `0${(mode & 0o777).toString(8)}`;
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", String.raw`'\''`)}'`;
}
