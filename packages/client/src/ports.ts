/** What a client needs of the world, and what it lets the world cost it. */

/**
 * The bytes under a URL as they come; undefined where the server says that there is nothing (404, or 403 as S3 has it).
 * @param question JSON that is sent with POST; undefined then also where nobody answers questions
 * @throws OperatingFault `client.fetch` (no answer, or one that is no file), `client.slow`
 */
export type Fetch = (
  url: string,
  question?: Uint8Array,
) => Promise<AsyncIterable<Uint8Array> | undefined>;

/**
 * Whether the Merkle map is used where there is one (TAP 16), or snapshot.json: `preferred`: snapshot.json where the
 * server has no proofs, as a static mirror; `demanded`: nothing else will do; `unused`.
 */
export type MerklePolicy = 'preferred' | 'demanded' | 'unused';

/**
 * What the client trusts, as the bytes that it was served, by role. One process at a time has it open. A write is
 * whole or not there, whenever the machine stops.
 */
export interface TrustStore {
  /** Undefined where nothing of this role is kept. */
  read(role: string): Promise<Uint8Array | undefined>;
  write(role: string, bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Bytes are of a file whose length nobody has stated yet. */
export interface Limits {
  readonly rootBytes: number;
  readonly timestampBytes: number;
  readonly snapshotBytes: number;
  readonly targetsBytes: number;
  /** Of a metadata file whose length a signed file states. */
  readonly statedBytes: number;
  /** New roots in one refresh. */
  readonly roots: number;
  /** Delegated roles that are looked into for one target. */
  readonly roles: number;
  /** Roles of which proofs are asked for in one question. */
  readonly proofs: number;
}

/** The first four, `roots` and `roles` are those of python-tuf. */
export const LIMITS: Limits = {
  rootBytes: 512_000,
  timestampBytes: 16_384,
  snapshotBytes: 2_000_000,
  targetsBytes: 5_000_000,
  statedBytes: 64 << 20,
  roots: 256,
  roles: 32,
  proofs: 256,
};
