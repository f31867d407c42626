/**
 * The next version of a bin: spliced, signed, hashed, and put down as a row.
 *
 * Versions are handed out here. A bin's version is k·P + p + 1, where k counts the versions that this
 * partition ever gave, so no two roles signed online share a version number (tuf-clients: bin swap).
 */
import { BrokenInvariant } from '@tidemark/canonical';
import { sha256HexNative, type Signer } from '@tidemark/canonical/native';
import type { GenesisSigned, RoleLeaf } from '@tidemark/event';
import { binRoleName, formatExpires } from '@tidemark/tuf';
import type { BinScratch } from './binFile.ts';
import type { Bodies } from './bodies.ts';
import { deltaBytes, encodeDelta } from './delta.ts';
import type { Heads } from './heads.ts';
import { ROW, rowKey, type Rows } from './rows.ts';

/** Where bin signatures come from: the key itself, or the leaves log. */
export type BinSignatures =
  | { readonly signer: Signer; readonly keyid: string }
  | { readonly logged: ReadonlyMap<string, string> };

/** What all versions of one cut share. */
export interface Stamp {
  readonly n: number;
  /** Expiry in seconds since the epoch. */
  readonly expires: number;
  readonly expiresText: string;
  readonly keyid: string;
  readonly signatures: BinSignatures;
}

export function stampOf(
  cut: { readonly n: number; readonly time: number },
  lifeSeconds: number,
  keyid: string,
  signatures: BinSignatures,
): Stamp {
  const expires = Math.floor(cut.time / 1000) + lifeSeconds;
  return { n: cut.n, expires, expiresText: formatExpires(expires * 1000), keyid, signatures };
}

export class BinWriter {
  private readonly heads: Heads;
  private readonly bodies: Bodies;
  private readonly rows: Rows;
  private readonly scratch: BinScratch;
  private readonly names: readonly string[];
  private readonly step: number;
  private readonly first: number;
  /** Versions given so far. */
  k: number;

  constructor(
    parts: { heads: Heads; bodies: Bodies; rows: Rows; scratch: BinScratch },
    genesis: GenesisSigned,
    partition: number,
    k: number,
  ) {
    this.heads = parts.heads;
    this.bodies = parts.bodies;
    this.rows = parts.rows;
    this.scratch = parts.scratch;
    this.names = Array.from({ length: parts.heads.count }, (_, i) =>
      binRoleName(genesis.prefix, genesis.bits, parts.heads.first + i),
    );
    this.step = genesis.partitions;
    this.first = partition + 1;
    this.k = k;
  }

  /** Writes the next version of a bin; `ops` are packed and sorted by path. */
  write(bin: number, ops: Buffer, stamp: Stamp): RoleLeaf {
    const { heads, rows } = this;
    const role = this.names[bin - heads.first]!;
    const version = this.k++ * this.step + this.first;
    const before = heads.version(bin);
    let signature = '';
    let keyid: string | undefined;
    const body = this.bodies.change(bin, (file) => {
      if (file.keyid !== stamp.keyid) keyid = stamp.keyid;
      file.apply(ops, this.scratch);
      signature = signatureFor(role, file.stamp(version, stamp.expiresText), stamp.signatures);
      file.seal(stamp.keyid, signature);
    });
    const file = body.view();
    const sinceBody = heads.sinceBody[bin - heads.first]! + deltaBytes(ops, keyid);
    const hasBody = sinceBody > file.length;
    const sha256 = sha256HexNative(file);
    const { n: cut, expires } = stamp;
    const head = { cut, before, expires, length: file.length, sinceBody, hasBody, sha256 };
    rows.put(rowKey(ROW.delta, bin, version), encodeDelta({ ...head, keyid, signature, ops }));
    if (hasBody) rows.put(rowKey(ROW.body, bin, version), file);
    heads.set(bin, version, head);
    return [role, version, file.length, sha256, signature];
  }

  /**
   * Gives up the versions that so many cuts could have used. Rows that a fold of theirs left behind
   * go, so that no version can be served which no snapshot lists.
   */
  async spend(cuts: number): Promise<void> {
    const next = this.k * this.step + this.first;
    await this.rows.deleteFrom(ROW.delta, next);
    await this.rows.deleteFrom(ROW.body, next);
    this.k += cuts * this.heads.count;
  }
}

function signatureFor(role: string, message: Uint8Array, signatures: BinSignatures): string {
  if ('signer' in signatures) return Buffer.from(signatures.signer.sign(message)).toString('hex');
  const signature = signatures.logged.get(role);
  if (signature === undefined) {
    throw new BrokenInvariant('fold.differs', `the leaves log holds no version of ${role} here`);
  }
  return signature;
}
