/**
 * What is trusted, in the browser's own database (IndexedDB): byte for byte as it was served, and still there when the
 * page is opened again. One page or worker at a time has it open, by a Web Lock, which ends with its page however that
 * ends. A write is one transaction, and on the disk when it resolves.
 * https://w3c.github.io/IndexedDB/, https://w3c.github.io/web-locks/
 */

import { OperatingFault } from '@tidemark/canonical';
import { closing } from './closing.ts';
import type { TrustStore } from './ports.ts';

/** A page that is loaded anew asks before the browser has taken the lock from the one that was there. */
const LOCK_MS_MAX = 1_000;

const FILES = 'files';

/**
 * Opens the database of a name, made if need be, for this page alone: one name for each repository.
 * @throws OperatingFault `client.store`: another tab has it open; no page of a secure context, as https makes one; or
 *   the browser keeps nothing for it, which some do in private windows
 */
export async function openTrustDatabase(name: string): Promise<TrustStore> {
  if (typeof indexedDB === 'undefined' || !('locks' in navigator)) {
    throw fault(
      'there is no such database here: it is for browsers, on pages that came over https',
    );
  }
  const unique = `tidemark-client/${name}`;
  const lock = await stored(() => takeLock(unique));
  let database: IDBDatabase;
  try {
    database = await stored(() => openDatabase(unique));
  } catch (error) {
    await lock.release();
    throw error;
  }
  const run = async <T>(
    mode: IDBTransactionMode,
    act: (files: IDBObjectStore) => IDBRequest<T>,
  ): Promise<T> => {
    if (lock.isLost()) throw fault('the lock was taken by force');
    return stored(() => transact(database, mode, act));
  };
  return closing({
    read: (role) => run('readonly', (files): IDBRequest<Uint8Array | undefined> => files.get(role)),
    write: async (role, bytes) => {
      // Of a part of a buffer the database would keep all of it.
      await run('readwrite', (files) => files.put(new Uint8Array(bytes), role));
    },
    close: async () => {
      database.close();
      await lock.release();
    },
  });
}

interface Lock {
  /** Whether another script of this origin has stolen it. */
  isLost(): boolean;
  release(): Promise<void>;
}

/** @throws OperatingFault `client.store` where somebody else has it */
async function takeLock(name: string): Promise<Lock> {
  const held = Promise.withResolvers<void>();
  const granted = Promise.withResolvers<void>();
  let isLost = false;
  const options = { signal: AbortSignal.timeout(LOCK_MS_MAX) };
  const ended = navigator.locks
    .request(name, options, () => {
      granted.resolve();
      return held.promise;
    })
    .catch((cause: unknown) => {
      isLost = true;
      const isHeld = cause instanceof DOMException && cause.name === 'TimeoutError';
      granted.reject(isHeld ? fault('another tab or worker has it open', cause) : cause);
    });
  await granted.promise;
  return {
    isLost: () => isLost,
    release: async () => {
      held.resolve();
      await ended;
    },
  };
}

async function openDatabase(name: string): Promise<IDBDatabase> {
  const request = indexedDB.open(name, 1);
  request.addEventListener('upgradeneeded', () => {
    request.result.createObjectStore(FILES);
  });
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result));
    request.addEventListener('error', () => reject(request.error!));
  });
}

/** What a request came to, once all of it is done or, with the error, none of it. */
async function transact<T>(
  database: IDBDatabase,
  mode: IDBTransactionMode,
  act: (files: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const transaction = database.transaction(FILES, mode, { durability: 'strict' });
  const request = act(transaction.objectStore(FILES));
  return new Promise((resolve, reject) => {
    transaction.addEventListener('complete', () => resolve(request.result));
    transaction.addEventListener('abort', () => reject(transaction.error!));
  });
}

/** Whatever the browser cannot do is an operating fault. */
async function stored<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    if (!(cause instanceof DOMException)) throw cause;
    throw fault(`${cause.name}: ${cause.message}`, cause);
  }
}

function fault(message: string, cause?: unknown): OperatingFault {
  return new OperatingFault('client.store', message, { cause });
}
