/**
 * One process at a time in a folder.
 *
 * Node has no flock, and a pid in a file says nothing once it is reused or comes from another container. So a lock
 * is a listening Unix socket: whoever can connect has proof of a living holder, whoever is refused of a dead one.
 *
 * Sockets are hard-linked as `.lock.<n>`, and the highest n holds. Taking over from a dead holder is creating n + 1,
 * which succeeds for one racer only; nobody removes a lock that another may have taken meanwhile. A racer slow enough
 * to have created a number that is no longer the highest sees that, and begins again. The highest number stays when
 * its holder leaves, so that numbers never start again from 1.
 */

import { OperatingFault } from '@tidemark/canonical';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { FileHandle } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { io, isCode } from './folder.ts';
import type { FileSystem } from './folder.ts';

/** Every failed attempt means that another process made progress, so this is never reached in practice. */
const attemptsMax = 1000;

/**
 * Takes the folder for this process, until the function returned is called or the process ends, however it ends.
 * @throws OperatingFault `publish.locked` if somebody alive has it
 */
export async function lockFolder(root: string, fs: FileSystem): Promise<() => Promise<void>> {
  return io(`locking ${root}`, async () => {
    const folder = await fs.open(root, 'r');
    const base = socketBase(root, folder);
    const server = createServer((socket) => socket.destroy());
    const own = `.lock-${randomUUID()}`;
    const release = async (): Promise<void> => {
      if (server.listening) {
        server.close();
        await once(server, 'close');
      }
      await folder.close();
    };
    try {
      await listen(server, `${base}/${own}`);
      await take(root, base, own, fs);
    } catch (error) {
      await release();
      throw error;
    }
    return release;
  });
}

/** Links the listening socket `own` as the highest number. */
async function take(root: string, base: string, own: string, fs: FileSystem): Promise<void> {
  try {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const highest = Math.max(0, ...(await lockNumbers(root, fs)));
      if (highest > 0 && (await isAlive(`${base}/.lock.${highest}`))) break;
      const mine = highest + 1;
      try {
        await fs.link(join(root, own), join(root, `.lock.${mine}`));
      } catch (error) {
        if (isCode(error, 'EEXIST')) continue;
        throw error;
      }
      const numbers = await lockNumbers(root, fs);
      if (numbers.every((n) => n <= mine)) {
        await Promise.all(numbers.filter((n) => n < mine).map((n) => unlink(root, n, fs)));
        return;
      }
      await unlink(root, mine, fs);
    }
  } finally {
    await fs.unlink(join(root, own));
  }
  throw new OperatingFault('publish.locked', `another process is using ${root}`);
}

async function lockNumbers(root: string, fs: FileSystem): Promise<number[]> {
  const names = await fs.readdir(root);
  return names.flatMap((name) => {
    const [, n] = /^\.lock\.([1-9][0-9]{0,14})$/.exec(name) ?? [];
    return n === undefined ? [] : [Number(n)];
  });
}

/** A racer with a higher number may have removed it already. */
async function unlink(root: string, n: number, fs: FileSystem): Promise<void> {
  try {
    await fs.unlink(join(root, `.lock.${n}`));
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw error;
  }
}

/** Only a refusal proves death; whatever else goes wrong counts as alive. */
async function isAlive(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch (error) {
    return !isCode(error, 'ECONNREFUSED', 'ENOENT');
  } finally {
    socket.destroy();
  }
}

async function listen(server: Server, path: string): Promise<void> {
  server.listen(path);
  await once(server, 'listening');
  // The lock must not keep a process alive that has nothing left to do.
  server.unref();
}

/** A socket's address has room for some 100 bytes; Linux gives every open folder a short path. */
function socketBase(root: string, folder: FileHandle): string {
  return process.platform === 'linux' ? `/proc/self/fd/${folder.fd}` : root;
}
