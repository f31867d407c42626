/**
 * Tokens in a folder, a file each, which only its owner can read. Files are made and removed, never
 * changed: so whoever serves sees what is new and what is gone by the names alone.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RejectedInput, utf8 } from '@tidemark/canonical';
import { namesIn, readPrivateFile, syncDirectory, writePrivateFiles } from './privateFiles.ts';
import { makeToken, parseTokenRecord, type TokenGrant, type TokenRecord } from './token.ts';

const TOKENS_MAX = 10_000;
const FILE_BYTES_MAX = 64 << 10;
/** For so long a token that was revoked may still be accepted. */
const REFRESH_MS = 1000;
const NAME = /^([0-9a-f]{16})\.json$/;

export class TokenFolder {
  private readonly directory: string;
  private readonly records = new Map<string, TokenRecord>();
  private refreshedAt = Number.NEGATIVE_INFINITY;
  private refreshing: Promise<void> | undefined;

  constructor(directory: string) {
    this.directory = directory;
  }

  /**
   * Makes a token.
   * @returns its text, which is kept nowhere, and its record
   * @throws RejectedInput `token.grant`, `token.too_many`; OperatingFault `file.*`
   */
  async create(
    grant: TokenGrant,
    now: number,
    random: (bytes: number) => Uint8Array,
  ): Promise<{ text: string; record: TokenRecord }> {
    if ((await namesIn(this.directory)).length >= TOKENS_MAX) {
      throw new RejectedInput('token.too_many', `more than ${TOKENS_MAX} tokens; revoke some`);
    }
    const made = makeToken(grant, now, random);
    const bytes = utf8(`${JSON.stringify(made.record, undefined, 2)}\n`);
    await writePrivateFiles(this.directory, [{ name: `${made.record.id}.json`, bytes }]);
    return made;
  }

  /** Every token, the oldest first. @throws OperatingFault `file.*`, `token.record` */
  async list(): Promise<TokenRecord[]> {
    await this.read();
    return [...this.records.values()].toSorted(
      (a, b) => a.created - b.created || (a.id < b.id ? -1 : 1),
    );
  }

  /** Takes a token away; durable when it resolves. @throws RejectedInput `token.unknown` */
  async revoke(id: string): Promise<void> {
    const name = `${id}.json`;
    if (!NAME.test(name) || !(await namesIn(this.directory)).includes(name)) {
      throw new RejectedInput('token.unknown', `there is no token ${id}`);
    }
    await rm(join(this.directory, name), { force: true });
    await syncDirectory(this.directory);
  }

  /**
   * The tokens as they were at most a second ago.
   * @param now milliseconds of a clock that does not jump
   */
  async known(now: number): Promise<(id: string) => TokenRecord | undefined> {
    if (now - this.refreshedAt >= REFRESH_MS) {
      this.refreshing ??= this.read().finally(() => (this.refreshing = undefined));
      await this.refreshing;
      this.refreshedAt = now;
    }
    return (id) => this.records.get(id);
  }

  private async read(): Promise<void> {
    const ids = new Set(
      (await namesIn(this.directory)).flatMap((name) => NAME.exec(name)?.[1] ?? []),
    );
    for (const id of this.records.keys()) if (!ids.has(id)) this.records.delete(id);
    for (const id of ids) {
      if (this.records.has(id)) continue;
      const path = join(this.directory, `${id}.json`);
      const { bytes } = await readPrivateFile(path, { bytesMax: FILE_BYTES_MAX });
      this.records.set(id, parseTokenRecord(Buffer.from(bytes).toString(), path));
    }
  }
}
