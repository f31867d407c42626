/**
 * The port of the publication store: roots, offline roles, timestamps, snapshot.json, checkpoint, tiles.
 *
 * Two kinds of names. *Immutable* ones (`12.root.json`, `tile/0/000`) get their bytes once. *Advancing* ones
 * (`timestamp.json`, `checkpoint`) hold the bytes of one version, which only grows. A publisher writes what is
 * immutable first and advances last, so whoever follows the newest version finds all it refers to.
 *
 * Durability: what `putImmutable` and `advance` resolve survives a crash. After a rejection with OperatingFault the
 * write may or may not have happened; repeating it with the same bytes is always right. A reader sees a whole file,
 * old or new.
 *
 * Failures of every method: RejectedInput `publish.name`; OperatingFault `publish.full` (no space),
 * `publish.io`, `publish.closed`; BrokenInvariant `publish.conflict` and others as stated.
 */

/** Largest file: a snapshot.json of 50 million roles has 380 MB. */
export const fileBytesMax = 512 * 1024 * 1024;

export interface PublicationStore extends AsyncDisposable {
  /**
   * Stores a file under a name that will never have other bytes. Storing the same again is harmless.
   * @throws BrokenInvariant `publish.conflict` if the name has other bytes, `publish.too_large`
   */
  putImmutable(name: string, bytes: Uint8Array): Promise<void>;

  /**
   * Replaces a file atomically by that of a later version.
   * @param version 0..2^53 − 1; of one name never decreases, and has one content
   * @returns 'advanced' if the name has this version now, also if it had it before; 'behind' if a later version was
   *   there: nothing changed
   * @throws BrokenInvariant `publish.conflict` if this version has other bytes or the name is an immutable one,
   *   `publish.version`, `publish.too_large`
   */
  advance(name: string, version: number, bytes: Uint8Array): Promise<'advanced' | 'behind'>;

  /** The file's bytes; undefined if there is none. */
  get(name: string): Promise<Uint8Array | undefined>;

  /** All names, sorted by code point. */
  list(): Promise<string[]>;

  /**
   * Retention: removes a role's old version, `<n>.<role>.json` in any folder. Harmless if it is gone already.
   * @throws BrokenInvariant `publish.not_removable` for any other name, and for versions of root
   */
  remove(name: string): Promise<void>;

  /** Waits for what is under way, then lets the store go. Harmless a second time. */
  close(): Promise<void>;
}
