/** Copies of target files: whole or not there, and durable, like everything that others rely on. */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { OperatingFault } from '@tidemark/canonical';

/** Copies a file unless there is one by that name. @returns whether it did. @throws OperatingFault `copy.failed` */
export async function copyWhole(from: string, to: string): Promise<boolean> {
  const isThere = await stat(to).then(
    () => true,
    () => false,
  );
  if (isThere) return false;
  await copyAs(from, dirname(to), async () => basename(to));
  return true;
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
  const part = join(folder, `.${randomUUID()}.part`);
  try {
    await mkdir(folder, { recursive: true });
    await copyFile(from, part, constants.COPYFILE_FICLONE);
    const to = join(folder, await nameOf(part));
    await mkdir(dirname(to), { recursive: true });
    await sync(part);
    await rename(part, to);
    await sync(dirname(to));
    return to;
  } catch (cause) {
    await rm(part, { force: true }).catch(() => undefined);
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OperatingFault('copy.failed', `cannot copy ${from} to ${folder}: ${reason}`, {
      cause,
    });
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
