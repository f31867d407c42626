/**
 * The publication store as files in a local folder, ready to be served or rsynced as they are.
 *
 *     <name>                  the published file
 *     .versions/<name>        of an advancing name: {"sha256": …, "version": …}
 *     .tmp/                   files being written
 *     .lock.<n>               see lock.ts
 *
 * `advance` writes the version before the file. After a crash between the two the file is older than its version says:
 * readers have the old one, whole, and repeating the advance completes it. The version is never taken back, since a
 * reader may have seen the new file before the machine lost it.
 */

import {
  BrokenInvariant,
  OperatingFault,
  RejectedInput,
  compareText,
  encodeCanonical,
  equalBytes,
  parseJson,
} from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import * as nodeFs from 'node:fs/promises';
import { resolve } from 'node:path';
import { Folder, createFolder } from './folder.ts';
import type { FileSystem } from './folder.ts';
import { lockFolder } from './lock.ts';
import { checkName, checkRemovable, checkSize, checkVersion, conflict } from './names.ts';
import type { PublicationStore } from './store.ts';

export interface FilesOptions {
  /** node:fs/promises unless given */
  readonly fs?: FileSystem;
}

/**
 * Opens a folder, created if need be, for this process alone.
 * @throws OperatingFault `publish.locked` if another process has it open, `publish.io`, `publish.full`
 */
export async function openFiles(
  directory: string,
  options: FilesOptions = {},
): Promise<PublicationStore> {
  const { folder, release } = await lockedFolder(resolve(directory), options.fs ?? nodeFs);
  return new FileStore(folder, release);
}

/**
 * A folder, created if need be, without what a crash left half written, for this process alone until it is released.
 * @throws OperatingFault as {@link openFiles}
 */
export async function lockedFolder(
  root: string,
  fs: FileSystem,
): Promise<{ readonly folder: Folder; readonly release: () => Promise<void> }> {
  await createFolder(root, fs);
  const release = await lockFolder(root, fs);
  const folder = new Folder(root, fs);
  try {
    await folder.prepare();
  } catch (error) {
    await release();
    throw error;
  }
  return { folder, release };
}

interface Versioned {
  readonly version: number;
  /** of the file of this version: 64 hex digits */
  readonly sha256: string;
}

class FileStore implements PublicationStore {
  readonly #folder: Folder;
  readonly #release: () => Promise<void>;
  /** The last operation on each name that is being written: they follow one another. */
  readonly #writing = new Map<string, Promise<unknown>>();
  #closed: Promise<void> | undefined;

  constructor(folder: Folder, release: () => Promise<void>) {
    this.#folder = folder;
    this.#release = release;
  }

  async putImmutable(name: string, bytes: Uint8Array): Promise<void> {
    checkName(name);
    checkSize(name, bytes);
    await this.#inTurn(name, async () => {
      const held = await this.#folder.read(name);
      if (held === undefined && (await this.#version(name)) !== undefined) {
        throw conflict(name, 'an advancing name');
      }
      if (held === undefined) await this.#folder.write(name, bytes);
      else if (equalBytes(held, bytes)) await this.#folder.settle(name);
      else throw conflict(name, 'immutable, with other bytes');
    });
  }

  async advance(name: string, version: number, bytes: Uint8Array): Promise<'advanced' | 'behind'> {
    checkName(name);
    checkSize(name, bytes);
    checkVersion(name, version);
    return this.#inTurn(name, async () => {
      const sha256 = sha256HexNative(bytes);
      const newest = await this.#version(name);
      if (newest !== undefined && version < newest.version) return 'behind';
      if (newest?.version === version && newest.sha256 !== sha256) {
        throw conflict(name, `version ${version} has other bytes`);
      }
      const held =
        newest === undefined || newest.version === version
          ? await this.#folder.read(name)
          : undefined;
      const same = held !== undefined && equalBytes(held, bytes);
      if (newest === undefined && held !== undefined && !same) {
        throw conflict(name, 'an immutable name, or a file without its version');
      }
      if (newest?.version !== version) await this.#writeVersion(name, { version, sha256 });
      if (same) await this.#folder.settle(name);
      else await this.#folder.write(name, bytes);
      return 'advanced';
    });
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    checkName(name);
    this.#checkOpen();
    return this.#folder.read(name);
  }

  async list(): Promise<string[]> {
    this.#checkOpen();
    return (await this.#folder.list()).sort(compareText);
  }

  async remove(name: string): Promise<void> {
    checkName(name);
    checkRemovable(name);
    await this.#inTurn(name, () => this.#folder.remove(name));
  }

  async close(): Promise<void> {
    this.#closed ??= Promise.allSettled(this.#writing.values()).then(() => this.#release());
    await this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #version(name: string): Promise<Versioned | undefined> {
    const bytes = await this.#folder.read(versionPath(name));
    return bytes === undefined ? undefined : parseVersioned(name, bytes);
  }

  async #writeVersion(name: string, { version, sha256 }: Versioned): Promise<void> {
    await this.#folder.write(versionPath(name), encodeCanonical({ sha256, version }));
  }

  async #inTurn<T>(name: string, act: () => Promise<T>): Promise<T> {
    this.#checkOpen();
    // The failure of an earlier operation is its caller's, not ours.
    const turn = (this.#writing.get(name) ?? Promise.resolve()).then(act, act);
    this.#writing.set(name, turn);
    try {
      return await turn;
    } finally {
      if (this.#writing.get(name) === turn) this.#writing.delete(name);
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw new OperatingFault('publish.closed', 'the store is closed');
  }
}

function versionPath(name: string): string {
  return `.versions/${name}`;
}

/** It was renamed into place whole, so anything else is damage. */
function parseVersioned(name: string, bytes: Uint8Array): Versioned {
  const damaged = (cause?: unknown): BrokenInvariant =>
    new BrokenInvariant('publish.damaged', `the version of ${name} is unreadable`, { cause });
  try {
    const json = parseJson(bytes) as Partial<Versioned> | null;
    const { version, sha256 } = json ?? {};
    if (typeof version !== 'number' || typeof sha256 !== 'string') throw damaged();
    return { version, sha256 };
  } catch (error) {
    throw error instanceof RejectedInput ? damaged(error) : error;
  }
}
