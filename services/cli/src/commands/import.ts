/** `tidemark import`: a list of files into a ledger, with progress, resumption and a final account. */
import type { Writable } from 'node:stream';
import type { Access } from '../access/access.ts';
import { ledgerOf, newestSnapshot, untilInSnapshotJson } from '../access/ask.ts';
import { createProgress } from '../progress.ts';
import type { BadLine, GoodLine, Source } from '../sources.ts';
import { accountedFor, countCode, emptyAccount } from './importAccount.ts';
import type { ImportAccount } from './importAccount.ts';
import { sendBatch } from './importBatch.ts';
import { Rehearsal } from './importRehearsal.ts';

/** Is given every bad line and every refused event: where it stands, a code, what is wrong. */
type Report = (bad: BadLine) => void;

const BATCH_EVENTS = 1000;
/** Batches whose snapshot is awaited at the same time: bounds memory, hides the wait for a cut. */
const BATCHES_UNDER_WAY = 32;
/** Of the work, before it is done: not all of it. */
const SHARE_MAX = 0.99;
/** Lines that wait for their path, at the most. */
const HELD_MAX = 10_000;

export interface ImportOptions {
  /** Only says what it would come to. */
  readonly dryRun?: boolean | undefined;
  /** For the progress; standard error unless given. */
  readonly output?: Writable;
}

/** Takes good lines and counts what they come to. */
interface Sink {
  add(line: GoodLine): Promise<void>;
  /** Resolves once every line is accounted for. */
  end(): Promise<void>;
}

/**
 * Imports every good line, or with `dryRun` says what that would come to. Two lines about one path take effect in the order of the list.
 * @param source from `openSource`, which tells what is no list before a ledger is opened for it
 */
export async function importFile(
  access: Access,
  source: Source,
  report: Report,
  { dryRun = false, output = process.stderr }: ImportOptions = {},
): Promise<ImportAccount> {
  const account = emptyAccount();
  const policy = (await ledgerOf(access)).policy.conflict;
  const { snapshot: since } = await newestSnapshot(access);
  const progress = createProgress({
    label: dryRun ? 'comparing' : 'importing',
    unit: 'lines',
    output,
    now: () => performance.now(),
  });
  const started = performance.now();
  const tell = (): void => progress.update(accountedFor(account), shareOf(account, source));
  const counting = { access, account, report, tell };
  const sink: Sink = dryRun
    ? new Rehearsal(counting, policy)
    : new Pipeline((batch) =>
        sendBatch({ ...counting, replaces: policy === 'replace', since }, batch),
      );
  try {
    for await (const item of source.items) {
      account.lines++;
      if ('event' in item) {
        await sink.add(item);
        continue;
      }
      countCode(account.bad, item.code);
      report(item);
      tell();
    }
    await sink.end();
    if (!dryRun) {
      const { snapshot } = await newestSnapshot(access);
      await untilInSnapshotJson(access, snapshot);
    }
    progress.update(accountedFor(account), 1);
  } finally {
    progress.finish();
  }
  account.bytesRead = source.bytesRead();
  account.seconds = Math.round(performance.now() - started) / 1000;
  return account;
}

/**
 * Reading is far ahead of the ledger: how much has been read says little about how much is done.
 * @returns undefined where it is not known how much there is
 */
function shareOf(account: ImportAccount, source: Source): number | undefined {
  const { bytesTotal = 0 } = source;
  if (bytesTotal === 0) return undefined;
  const read = source.bytesRead() / bytesTotal;
  return Math.min((accountedFor(account) / account.lines) * read, SHARE_MAX);
}

/**
 * Sends batches, some at the same time, but never two events about one path: a line whose path has one on
 * its way is held back, and those behind it go on.
 */
class Pipeline implements Sink {
  private readonly send: (batch: readonly GoodLine[]) => Promise<void>;
  private readonly underWay = new Set<Promise<unknown>>();
  private readonly failures: unknown[] = [];
  /** By path, the event that is waiting or under way, and with which batch. */
  private readonly events = new Map<string, { readonly id: string; readonly batch: unknown }>();
  /** By path, the lines that are held back, in their order. */
  private readonly held = new Map<string, GoodLine[]>();
  private heldCount = 0;
  /** Paths that lines are held back for, and that have no event on its way any more. */
  private freed: string[] = [];
  private batch: GoodLine[] = [];

  constructor(send: (batch: readonly GoodLine[]) => Promise<void>) {
    this.send = send;
  }

  async add(line: GoodLine): Promise<void> {
    await this.release();
    const { id, path } = line.event;
    const other = this.events.get(path);
    const isBusy = other !== undefined && (other.id !== id || other.batch !== this.batch);
    if (!isBusy && !this.held.has(path)) return this.take(line);
    const lines = this.held.get(path);
    if (lines === undefined) this.held.set(path, [line]);
    else lines.push(line);
    if (++this.heldCount >= HELD_MAX) await this.end();
  }

  /** Sends what is waiting, and resolves when everything has its outcome. */
  async end(): Promise<void> {
    do {
      await this.release();
      if (this.batch.length > 0) this.flush();
      await Promise.all(this.underWay);
      this.demandNoFailure();
    } while (this.heldCount > 0);
  }

  /** Takes the next line of each path that has become free. */
  private async release(): Promise<void> {
    this.demandNoFailure();
    const { freed } = this;
    this.freed = [];
    for (const path of freed) {
      const lines = this.held.get(path)!;
      if (lines.length === 1) this.held.delete(path);
      this.heldCount--;
      await this.take(lines.shift()!);
    }
  }

  private async take(line: GoodLine): Promise<void> {
    const { id, path } = line.event;
    this.events.set(path, { id, batch: this.batch });
    this.batch.push(line);
    if (this.batch.length < BATCH_EVENTS) return;
    this.flush();
    if (this.underWay.size >= BATCHES_UNDER_WAY) await Promise.race(this.underWay);
    this.demandNoFailure();
  }

  private flush(): void {
    const { batch } = this;
    this.batch = [];
    const sent = this.send(batch)
      .catch((error: unknown) => this.failures.push(error))
      .finally(() => {
        this.underWay.delete(sent);
        for (const { event } of batch) {
          const isNew = this.events.delete(event.path);
          if (isNew && this.held.has(event.path)) this.freed.push(event.path);
        }
      });
    this.underWay.add(sent);
  }

  private demandNoFailure(): void {
    if (this.failures.length > 0) throw this.failures[0];
  }
}
