/** A file system that asks before each of its effects; half of a file's bytes are one effect. */

import type { MakeDirectoryOptions } from 'node:fs';
import * as nodeFs from 'node:fs/promises';
import { basename } from 'node:path';
import type { FileSystem } from '../src/index.ts';

/** What is about to happen, as `rename timestamp.json`; an error thrown here is what the system reports. */
export type BeforeEffect = (effect: string) => Promise<void> | void;

export function faultyFileSystem(before: BeforeEffect): FileSystem {
  const open = async (path: string, flags: string): Promise<nodeFs.FileHandle> => {
    const name = basename(path);
    if (flags !== 'r') await before(`create ${name}`);
    const handle = await nodeFs.open(path, flags);
    handle.writeFile = async (data) => {
      const bytes = data as Uint8Array;
      const half = bytes.length >> 1;
      await before(`write the first half of ${name}`);
      await handle.write(bytes.subarray(0, half));
      await before(`write the second half of ${name}`);
      await handle.write(bytes.subarray(half));
    };
    const sync = handle.sync.bind(handle);
    handle.sync = async () => {
      await before(`sync ${name}`);
      await sync();
    };
    return handle;
  };
  const mkdir = async (path: string, options?: MakeDirectoryOptions) => {
    await before(`mkdir ${basename(path)}`);
    return nodeFs.mkdir(path, options);
  };
  return {
    ...nodeFs,
    open: open as FileSystem['open'],
    mkdir: mkdir as FileSystem['mkdir'],
    rename: async (from, to) => {
      await before(`rename ${basename(String(to))}`);
      await nodeFs.rename(from, to);
    },
    link: async (from, to) => {
      await before(`link ${basename(String(to))}`);
      await nodeFs.link(from, to);
    },
    unlink: async (path) => {
      await before(`unlink ${basename(String(path))}`);
      await nodeFs.unlink(path);
    },
  };
}

/** An error as the system reports it. */
export function systemError(code: string, syscall: string): Error {
  return Object.assign(new Error(`${code}: injected, ${syscall}`), { code, syscall });
}
