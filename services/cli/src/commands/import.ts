/** `tidemark import`: a list of files into a ledger, with progress, resumption and a final account. */
import { recordText, type JsonObject } from '@tidemark/canonical';
import { askJson, untilInSnapshotJson, type Access } from '../access.ts';
import { createProgress } from '../progress.ts';
import type { GoodLine, Source } from '../sources.ts';
import { importEventId } from '../sources/item.ts';
import { listed } from './listed.ts';
import { REASONS } from './reasons.ts';

/** Is given every bad line: its number, a code, what is wrong. */
type Report = (line: number, code: string, message: string) => void;

/** What an import came to. Lines that were imported before count as unchanged. */
export interface ImportAccount {
  lines: number;
  added: number;
  unchanged: number;
  /** By code: bad lines, and events that the ledger refused. */
  readonly refused: Map<string, number>;
}

const BATCH_EVENTS = 1000;
/** Batches whose snapshot is awaited at the same time: bounds memory, hides the wait for a cut. */
const BATCHES_UNDER_WAY = 32;
/** Paths of one batch that are looked up at the same time. */
const LOOKED_UP_AT_ONCE = 8;

/**
 * Imports every good line.
 * @param source from `openSource`, which tells what is no list before a ledger is opened for it
 */
export async function importFile(
  access: Access,
  source: Source,
  report: Report,
): Promise<ImportAccount> {
  const account: ImportAccount = { lines: 0, added: 0, unchanged: 0, refused: new Map() };
  const progress = createProgress({
    label: 'importing',
    unit: 'targets',
    output: process.stderr,
    now: () => performance.now(),
  });
  const underWay = new Set<Promise<unknown>>();
  const failures: unknown[] = [];
  let batch: GoodLine[] = [];
  const flush = async (): Promise<void> => {
    const sent = batch;
    batch = [];
    const done = sendBatch(access, sent, account, report)
      .catch((error: unknown) => failures.push(error))
      .finally(() => underWay.delete(done));
    underWay.add(done);
    if (underWay.size >= BATCHES_UNDER_WAY) await Promise.race(underWay);
    if (failures.length > 0) throw failures[0];
    const share = source.bytesTotal && source.bytesRead() / source.bytesTotal;
    progress.update(account.added + account.unchanged, share);
  };
  try {
    for await (const item of source.items) {
      account.lines++;
      if ('event' in item) batch.push(item);
      else refuse(account, item.code, () => report(item.line, item.code, item.message));
      if (batch.length === BATCH_EVENTS) await flush();
    }
    if (batch.length > 0) await flush();
    await Promise.all(underWay);
    if (failures.length > 0) throw failures[0];
    const { snapshot } = await askJson(access, 'GET', '/v1/status');
    await untilInSnapshotJson(access, Number(snapshot));
    progress.update(account.added + account.unchanged, 1);
  } finally {
    progress.finish();
  }
  return account;
}

/** What has been imported before is sent once more where it is not what is listed now: somebody removed it since. */
async function sendBatch(
  access: Access,
  batch: readonly GoodLine[],
  account: ImportAccount,
  report: Report,
): Promise<void> {
  const seen = await send(access, batch, account, report);
  const changed = await changedSince(access, seen);
  const seenAgain = changed.length === 0 ? [] : await send(access, changed, account, report);
  account.unchanged += seen.length - changed.length + seenAgain.length;
}

/** @returns those whose events were seen before; all others are accounted for */
async function send(
  access: Access,
  batch: readonly GoodLine[],
  account: ImportAccount,
  report: Report,
): Promise<GoodLine[]> {
  const seen: GoodLine[] = [];
  const body = batch.map(({ event }) => recordText(event as unknown as JsonObject)).join('\n');
  const answer = await askJson(access, 'POST', '/v1/events?wait=published', body);
  for (const item of answer['accepted'] as unknown as readonly Accepted[]) {
    const { state, code } = item.fate;
    if (code === 'duplicate') seen.push(batch[item.index]!);
    else if (state === 'applied') account.added++;
    else if (state === 'unchanged') account.unchanged++;
    else {
      const reason = code ?? 'pending';
      refuse(account, reason, () =>
        report(batch[item.index]!.line, reason, REASONS.get(reason) ?? ''),
      );
    }
  }
  for (const { index, code, detail } of answer['refused'] as unknown as readonly Refused[]) {
    refuse(account, code, () => report(batch[index]!.line, code, detail));
  }
  return seen;
}

/** Those of which other content is listed now, or none, as events that say so. */
async function changedSince(access: Access, lines: readonly GoodLine[]): Promise<GoodLine[]> {
  const changed: GoodLine[] = [];
  for (let i = 0; i < lines.length; i += LOOKED_UP_AT_ONCE) {
    const some = lines.slice(i, i + LOOKED_UP_AT_ONCE);
    const found = await Promise.all(some.map(({ event }) => listed(access, event.path)));
    some.forEach(({ line, event }, at) => {
      const { target, version } = found[at]!;
      const { path, length, hashes } = event;
      const { sha256 } = hashes!;
      if (target?.hashes.sha256 === sha256 && target.length === length) return;
      const id = importEventId(path, length!, sha256, version);
      const expected = target?.hashes.sha256 ?? 'absent';
      changed.push({ line, event: { ...event, id, expected } });
    });
  }
  return changed;
}

interface Accepted {
  readonly index: number;
  readonly fate: { readonly state: string; readonly code?: string };
}

interface Refused {
  readonly index: number;
  readonly code: string;
  readonly detail: string;
}

function refuse(account: ImportAccount, code: string, tell: () => void): void {
  account.refused.set(code, (account.refused.get(code) ?? 0) + 1);
  tell();
}
