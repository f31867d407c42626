/** The bytes of targets: taken in beside an event that lists them, and brought to where an export wants them. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { OperatingFault, RejectedInput } from '@tidemark/canonical';
import { pathInUrl } from '@tidemark/tuf';
import { copyAs, copyWhole, isThere, writeWhole } from './copies.ts';

export interface FileFacts {
  /** Bytes. */
  readonly length: number;
  readonly sha256: string;
}

/** A target as a bin lists it. */
export interface ListedFile extends FileFacts {
  readonly path: string;
}

/** Puts a target's bytes at places that lack them. @returns whether any did, and the ledger has them */
export type Bring = (target: ListedFile, places: readonly string[]) => Promise<boolean>;

export interface TargetFiles {
  /** The facts of a file; where the ledger takes bytes, they are kept, durably, before it returns. */
  take(file: string): Promise<FileFacts>;
  /** How to get at the bytes that the ledger keeps. */
  bringer(): Promise<Bring>;
}

/** Bytes that come over the network. */
export type Incoming = (bytesMax: number) => AsyncIterable<Buffer>;

/**
 * Has `write` read a file below /targets/: once more from its beginning where the connection broke.
 * @returns false where there is none
 */
export type Source = (
  path: string,
  write: (incoming: Incoming) => Promise<void>,
) => Promise<boolean>;

/** Of a ledger whose folder this process can reach. */
export function filesInFolder(objects: string): TargetFiles {
  return {
    take: async (file) => {
      const kept = await copyAs(file, objects, async (copy) => {
        const sha256 = await hashOf(copy);
        return join(sha256.slice(0, 2), sha256);
      });
      return { length: (await stat(kept)).size, sha256: basename(kept) };
    },
    bringer: async () => {
      const names = await readdir(objects, { recursive: true }).catch(() => []);
      const kept = new Set(names.map((name) => basename(name)).filter(isSha256));
      return async ({ sha256 }, places) => {
        if (!kept.has(sha256)) return false;
        const from = join(objects, sha256.slice(0, 2), sha256);
        const made = await Promise.all(places.map((place) => copyWhole(from, place)));
        return made.includes(true);
      };
    },
  };
}

/** From the network: what comes is written only where it has the length and the hash that the bin states. */
export function bringFrom(source: Source): Bring {
  return async (target, places) => {
    const missing: string[] = [];
    for (const place of places) if (!(await isThere(place))) missing.push(place);
    const [first, ...others] = missing;
    if (first === undefined) return false;
    const folder = target.path.includes('/') ? `${dirname(target.path)}/` : '';
    const name = pathInUrl(`${folder}${target.sha256}.${basename(target.path)}`);
    const isOffered = await source(name, async (incoming) =>
      writeWhole(first, judged(target, incoming(target.length))),
    );
    if (!isOffered) return false;
    for (const place of others) await copyWhole(first, place);
    return true;
  };
}

/** The facts of a file that stays where it is. @throws OperatingFault `copy.failed` */
export async function measureFile(file: string): Promise<FileFacts> {
  try {
    return { sha256: await hashOf(file), length: (await stat(file)).size };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OperatingFault('copy.failed', `cannot read ${file}: ${reason}`, { cause });
  }
}

/** Passes on what comes, and throws at its end where it is not what the bin lists. */
async function* judged(
  { path, length, sha256 }: ListedFile,
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of chunks) {
    hash.update(chunk);
    bytes += chunk.length;
    yield chunk;
  }
  if (bytes !== length) {
    throw new RejectedInput(
      'export.length',
      `${path} came as ${bytes} bytes; its bin says ${length}`,
    );
  }
  const digest = hash.digest('hex');
  if (digest === sha256) return;
  throw new RejectedInput(
    'export.sha256',
    `${path} came with SHA-256 ${digest}; its bin says ${sha256}`,
  );
}

function isSha256(name: string): boolean {
  return /^[0-9a-f]{64}$/.test(name);
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
