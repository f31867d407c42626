/** Whether bytes are those that a signed file states: their length, and every hash of an algorithm that is known. */

import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { accepted, RejectedInput, toHex } from '@tidemark/canonical';

/** A hash being computed. */
export interface Hashing {
  update(chunk: Uint8Array): void;
  /** Lower-case hex. */
  digest(): string;
}

/** How to compute each algorithm; what is not here is not known. */
export interface Hashes {
  readonly [algorithm: string]: (() => Hashing) | undefined;
}

/** What a signed file states about another. */
export interface Stated {
  /** Bytes. */
  readonly length: number | undefined;
  /** By algorithm, in hex. */
  readonly hashes: ReadonlyMap<string, string> | undefined;
}

/** Runs everywhere; `./native` has faster ones. */
export const portableHashes: Hashes = {
  sha256: () => portable(sha256.create()),
  sha512: () => portable(sha512.create()),
};

/** Takes a file as it comes, and says at its end whether it is the stated one. */
export class Checker {
  private readonly running: readonly (readonly [stated: string, hashing: Hashing])[];
  private readonly what: string;
  private readonly stated: Stated;
  private length = 0;

  /** @throws RejectedInput `client.hash` where none of the stated algorithms is known */
  constructor(what: string, stated: Stated, hashes: Hashes) {
    this.what = what;
    this.stated = stated;
    const { hashes: digests = new Map<string, string>() } = stated;
    this.running = [...digests].flatMap(([algorithm, digest]) => {
      const make = Object.hasOwn(hashes, algorithm) ? hashes[algorithm] : undefined;
      return make === undefined ? [] : [[digest.toLowerCase(), make()] as const];
    });
    if (digests.size > 0 && this.running.length === 0) {
      const names = [...digests.keys()].join(', ');
      throw new RejectedInput('client.hash', `${what}: no hash that is known here, but ${names}`);
    }
  }

  /** @throws RejectedInput `client.length` as soon as there is more than was stated */
  update(chunk: Uint8Array): void {
    this.length += chunk.length;
    const { length } = this.stated;
    if (length !== undefined && this.length > length) {
      throw new RejectedInput(
        'client.length',
        `${this.what} is longer than the stated ${length} bytes`,
      );
    }
    for (const [, hashing] of this.running) hashing.update(chunk);
  }

  /** @throws RejectedInput `client.length`, `client.hash` */
  finish(): void {
    const { length } = this.stated;
    if (length !== undefined && this.length !== length) {
      throw new RejectedInput(
        'client.length',
        `${this.what} has ${this.length} bytes, ${length} were stated`,
      );
    }
    for (const [stated, hashing] of this.running) {
      const digest = hashing.digest();
      if (digest === stated) continue;
      throw new RejectedInput(
        'client.hash',
        `${this.what} has hash ${digest}, ${stated} was stated`,
      );
    }
  }
}

/** Checks a file that is there as a whole. @throws RejectedInput `client.length`, `client.hash` */
export function demandStated(
  what: string,
  bytes: Uint8Array,
  stated: Stated,
  hashes: Hashes,
): void {
  const checker = new Checker(what, stated, hashes);
  checker.update(bytes);
  checker.finish();
}

/** Whether a file is the stated one. */
export function isStated(bytes: Uint8Array, stated: Stated, hashes: Hashes): boolean {
  const isIt = accepted(() => {
    demandStated('the file', bytes, stated, hashes);
    return true;
  });
  return isIt === true;
}

function portable(hash: { update(chunk: Uint8Array): unknown; digest(): Uint8Array }): Hashing {
  return { update: (chunk) => void hash.update(chunk), digest: () => toHex(hash.digest()) };
}
