/**
 * A folder in which writing is atomic and durable: temporary file, fsync, rename, fsync of the folder. An error of
 * any step is reported, also those of syncing folders: a name that is not durable is not published.
 */

import { OperatingFault } from '@tidemark/canonical';
import type { promises } from 'node:fs';
import { dirname, join } from 'node:path';

/** The part of node:fs/promises in use; tests put faults into it. */
export type FileSystem = Pick<
  typeof promises,
  'link' | 'mkdir' | 'open' | 'readFile' | 'readdir' | 'rename' | 'unlink'
>;

const TEMPORARY = '.tmp';

export class Folder {
  readonly root: string;
  readonly #fs: FileSystem;
  #temporaryFiles = 0;
  /** Folders whose own names this process knows to be durable. */
  readonly #durable = new Set<string>(['.']);
  /** By folder: the sync that is under way or was the last, and the one that follows it. */
  readonly #syncing = new Map<string, Promise<void>>();
  readonly #waiting = new Map<string, Promise<void>>();

  constructor(root: string, fs: FileSystem) {
    this.root = root;
    this.#fs = fs;
  }

  /** Makes the folder ready and removes what a crash left half written. Only under the lock. */
  async prepare(): Promise<void> {
    await io(`preparing ${this.root}`, async () => {
      await this.#ensure(TEMPORARY);
      const temporary = join(this.root, TEMPORARY);
      for (const name of await this.#fs.readdir(temporary)) {
        await this.#fs.unlink(join(temporary, name));
      }
    });
  }

  /** Replaces or creates a file; when it resolves, the new bytes survive a crash. */
  async write(path: string, bytes: Uint8Array): Promise<void> {
    await io(`writing ${path}`, async () => {
      const temporary = join(this.root, TEMPORARY, String(this.#temporaryFiles++));
      try {
        await this.#writeSynced(temporary, bytes);
        await this.#ensure(dirname(path));
        await this.#fs.rename(temporary, join(this.root, path));
      } catch (error) {
        // Failing to tidy up must not hide why; what stays is removed when the folder is opened next.
        await this.#fs.unlink(temporary).catch(() => undefined);
        throw error;
      }
      await this.#sync(dirname(path));
    });
  }

  /** Makes sure that a file seen there survives a crash: whoever wrote it may not have got that far. */
  async settle(path: string): Promise<void> {
    await io(`syncing ${path}`, async () => {
      await this.#ensure(dirname(path));
      await this.#sync(dirname(path));
    });
  }

  /** Undefined if there is no such file. */
  async read(path: string): Promise<Uint8Array | undefined> {
    return io(`reading ${path}`, async () => {
      try {
        return await this.#fs.readFile(join(this.root, path));
      } catch (error) {
        if (isCode(error, 'ENOENT', 'ENOTDIR', 'EISDIR')) return undefined;
        throw error;
      }
    });
  }

  async remove(path: string): Promise<void> {
    await io(`removing ${path}`, async () => {
      try {
        await this.#fs.unlink(join(this.root, path));
      } catch (error) {
        if (isCode(error, 'ENOENT', 'ENOTDIR')) return;
        throw error;
      }
      await this.#sync(dirname(path));
    });
  }

  /** Paths of all files, without those in hidden folders and hidden ones. No particular order. */
  async list(): Promise<string[]> {
    return io(`listing ${this.root}`, async () => {
      const found: string[] = [];
      const folders = [''];
      for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
        const entries = await this.#fs.readdir(join(this.root, folder), { withFileTypes: true });
        for (const entry of entries) {
          if (entry.name.startsWith('.')) continue;
          const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
          if (entry.isDirectory()) folders.push(path);
          else found.push(path);
        }
      }
      return found;
    });
  }

  async #writeSynced(path: string, bytes: Uint8Array): Promise<void> {
    const file = await this.#fs.open(path, 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** Creates a folder and those above it. One that exists may be a crash's, so its name is synced as well, once. */
  async #ensure(path: string): Promise<void> {
    if (this.#durable.has(path)) return;
    await this.#ensure(dirname(path));
    try {
      await this.#fs.mkdir(join(this.root, path));
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error;
    }
    await this.#sync(dirname(path));
    this.#durable.add(path);
  }

  /** Syncs a folder. Those who come while that is under way share the next one: one for a hundred files. */
  #sync(path: string): Promise<void> {
    const waiting = this.#waiting.get(path);
    if (waiting !== undefined) return waiting;
    const before = this.#syncing.get(path) ?? Promise.resolve();
    const next = before
      .catch(() => undefined)
      .then(() => {
        // From here on it may miss what comes.
        this.#waiting.delete(path);
        const syncing = syncFolder(join(this.root, path), this.#fs);
        this.#syncing.set(path, syncing);
        return syncing;
      });
    this.#waiting.set(path, next);
    return next;
  }
}

/** Creates a folder and those above it, durably. */
export async function createFolder(path: string, fs: FileSystem): Promise<void> {
  await io(`creating ${path}`, async () => {
    const first = await fs.mkdir(path, { recursive: true });
    if (first === undefined) return;
    for (let created = path; created.length >= first.length; created = dirname(created)) {
      await syncFolder(dirname(created), fs);
    }
  });
}

async function syncFolder(path: string, fs: FileSystem): Promise<void> {
  const folder = await fs.open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Runs file operations; what the system reports becomes an OperatingFault. */
export async function io<T>(what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    if (!(cause instanceof Error) || !('code' in cause) || !('syscall' in cause)) throw cause;
    const code = isCode(cause, 'ENOSPC', 'EDQUOT') ? 'publish.full' : 'publish.io';
    throw new OperatingFault(code, `${what}: ${cause.message}`, { cause });
  }
}

export function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
