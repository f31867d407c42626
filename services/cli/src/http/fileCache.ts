/**
 * Files answered of late, as they are and compressed: what many ask for is made, hashed and compressed once for
 * all. A bin comes from a shard's thread, a TAP 16 file is put together from parts.
 */
import { sha256HexNative } from '@tidemark/canonical/native';
import { LRUCache } from 'lru-cache';
import { compress, type Coding } from './coding.ts';

export interface KeptFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of the file as it is; 32 hex digits. */
  readonly digest: string;
}

type Make = () => Promise<Uint8Array | undefined>;

/** snapshot.json with 65,536 bins is 10 MB as it is, and 4 MB compressed. */
const KEPT_BYTES_MAX = 96 << 20;
/** What an entry takes besides its file. */
const ENTRY_BYTES = 512;

export class FileCache {
  private readonly kept: LRUCache<string, KeptFile, Make>;

  constructor(bytesMax = KEPT_BYTES_MAX) {
    this.kept = new LRUCache({
      maxSize: bytesMax,
      sizeCalculation: ({ bytes }) => bytes.length + ENTRY_BYTES,
      fetchMethod: async (_key, _stale, { context: make }) => {
        const bytes = await make();
        return bytes && keptFile(bytes);
      },
      // Whoever waits for a file gets it, even where by then there is no room to keep it.
      ignoreFetchAbort: true,
    });
  }

  /**
   * The file of a name, made where it is not at hand. What is undefined is asked for anew each time.
   * @param name of bytes that never change; it begins with a word and a slash, so that names from requests stay among
   *   themselves
   * @throws whatever `make` throws
   */
  async named(name: string, make: Make): Promise<KeptFile | undefined> {
    return this.kept.fetch(name, { context: make });
  }

  /** The compressed form of a file. */
  async compressed({ bytes, digest }: KeptFile, coding: Coding): Promise<Uint8Array> {
    const made = await this.named(`${coding}/${digest}`, () => compress(coding, bytes));
    return made!.bytes;
  }
}

export function keptFile(bytes: Uint8Array): KeptFile {
  return {
    bytes: bytes as Uint8Array<ArrayBuffer>,
    digest: sha256HexNative(bytes).slice(0, 32),
  };
}
