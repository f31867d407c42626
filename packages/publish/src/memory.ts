/**
 * The publication store in memory: for tests and simulations. Several clients may share the files, each may be given
 * faults and be cut off; the files outlive their clients.
 */

import { OperatingFault, compareText, equalBytes } from '@tidemark/canonical';
import { checkName, checkRemovable, checkSize, checkVersion, conflict } from './names.ts';
import type { PublicationStore } from './store.ts';

export type Operation = 'put' | 'advance' | 'get' | 'list' | 'remove';

/** 'fail': nothing is stored. 'fail-but-stored': it is, and the caller learns only of a failure. */
export type Fault = 'fail' | 'fail-but-stored';

/** Asked before every operation; undefined lets it succeed. `name` is '' for 'list'. */
export type FaultPlan = (operation: Operation, name: string) => Fault | undefined;

/** What is stored, independent of the clients: name → file. */
export type MemoryFiles = Map<string, MemoryFile>;

interface MemoryFile {
  readonly bytes: Uint8Array;
  /** undefined: immutable */
  readonly version: number | undefined;
}

export interface MemoryStore extends PublicationStore {
  /** From now on, and for what is under way, nothing takes effect and every call fails. */
  crash(): void;
}

/** An empty store, to be opened by any number of clients. */
export function memoryFiles(): MemoryFiles {
  return new Map();
}

/** A client of `files`. */
export function openMemory(
  files: MemoryFiles = memoryFiles(),
  faults: FaultPlan = () => undefined,
): MemoryStore {
  return new MemoryClient(files, faults);
}

class MemoryClient implements MemoryStore {
  readonly #files: MemoryFiles;
  readonly #faults: FaultPlan;
  #closed = false;

  constructor(files: MemoryFiles, faults: FaultPlan) {
    this.#files = files;
    this.#faults = faults;
  }

  async putImmutable(name: string, bytes: Uint8Array): Promise<void> {
    checkName(name);
    checkSize(name, bytes);
    await this.#run('put', name, () => {
      const held = this.#files.get(name);
      if (held === undefined) {
        this.#files.set(name, { bytes: Uint8Array.from(bytes), version: undefined });
      } else if (!equalBytes(held.bytes, bytes)) {
        throw conflict(name, 'immutable, with other bytes');
      }
    });
  }

  async advance(name: string, version: number, bytes: Uint8Array): Promise<'advanced' | 'behind'> {
    checkName(name);
    checkSize(name, bytes);
    checkVersion(name, version);
    return this.#run('advance', name, () => {
      const held = this.#files.get(name);
      const newest = held?.version ?? version;
      if (version < newest) return 'behind';
      if (held !== undefined && version === newest && !equalBytes(held.bytes, bytes)) {
        throw conflict(name, `version ${version} has other bytes, or an immutable name`);
      }
      this.#files.set(name, { bytes: Uint8Array.from(bytes), version });
      return 'advanced';
    });
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    checkName(name);
    return this.#run('get', name, () => {
      const held = this.#files.get(name);
      return held === undefined ? undefined : Uint8Array.from(held.bytes);
    });
  }

  async list(): Promise<string[]> {
    return this.#run('list', '', () => [...this.#files.keys()].sort(compareText));
  }

  async remove(name: string): Promise<void> {
    checkName(name);
    checkRemovable(name);
    await this.#run('remove', name, () => {
      this.#files.delete(name);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  crash(): void {
    this.#closed = true;
  }

  async #run<T>(operation: Operation, name: string, act: () => T): Promise<T> {
    this.#checkOpen();
    // Between the call and its effect others run, and a crash may come, as with a real store.
    await Promise.resolve();
    this.#checkOpen();
    const fault = this.#faults(operation, name);
    if (fault === 'fail') throw injected(operation, name);
    const result = act();
    if (fault === 'fail-but-stored') throw injected(operation, name);
    return result;
  }

  #checkOpen(): void {
    if (this.#closed) throw new OperatingFault('publish.closed', 'the store is closed');
  }
}

function injected(operation: Operation, name: string): OperatingFault {
  return new OperatingFault('publish.io', `injected fault: ${operation} ${name}`);
}
