/** Copies of target files: whole or not there, and durable, like everything that others rely on. */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { OperatingFault } from '@tidemark/canonical';

/** Copies a file unless there is one by that name. @returns whether it did. @throws OperatingFault `copy.failed` */
export async function copyWhole(from: string, to: string): Promise<boolean> {
  if (await isThere(to)) return false;
  await copyAs(from, dirname(to), async () => basename(to));
  return true;
}

export async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/**
 * Copies a file into a folder, under a name that may follow from the copy: the original may change
 * meanwhile. @throws OperatingFault `copy.failed`
 */
export async function copyAs(
  from: string,
  folder: string,
  nameOf: (copy: string) => Promise<string>,
): Promise<string> {
  return io(`cannot copy ${from} to ${folder}`, async () =>
    viaPart(folder, nameOf, async (part) => copyFile(from, part, constants.COPYFILE_FICLONE)),
  );
}

/**
 * Writes what comes to a file, in place of one that is there. Nothing is left of it where `chunks` throws, and that is thrown on.
 * @throws OperatingFault `copy.failed`
 */
export async function writeWhole(to: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const what = `cannot write ${to}`;
  const write = async (part: string): Promise<void> => {
    const file = await io(what, async () => open(part, 'wx'));
    try {
      for await (const chunk of chunks) await io(what, async () => file.writeFile(chunk));
    } finally {
      await file.close();
    }
  };
  await io(what, async () => viaPart(dirname(to), async () => basename(to), write));
}

/** Whether a failure is one of the system's, as that a disk is full. */
export function isOfSystem(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}

async function viaPart(
  folder: string,
  nameOf: (part: string) => Promise<string>,
  fill: (part: string) => Promise<void>,
): Promise<string> {
  const part = join(folder, `.${randomUUID()}.part`);
  try {
    await mkdir(folder, { recursive: true });
    await fill(part);
    const to = join(folder, await nameOf(part));
    await mkdir(dirname(to), { recursive: true });
    await sync(part);
    await rename(part, to);
    await sync(dirname(to));
    return to;
  } catch (error) {
    await rm(part, { force: true }).catch(() => undefined);
    throw error;
  }
}

async function io<T>(what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    if (!isOfSystem(cause)) throw cause;
    throw new OperatingFault('copy.failed', `${what}: ${cause.message}`, { cause });
  }
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
