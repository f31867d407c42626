// A ledger's history with a bit of everything: what the tests of damage and of replay start from.
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { generator } from '../support/random.ts';
import { Server, makeLedger, sha256, type ServeSettings } from './support.ts';

export interface History {
  readonly ledger: string;
  /** A copy of its logs from before its last life. */
  readonly olderLog: string;
  /** Every path that was ever added. */
  readonly paths: readonly string[];
  /** `PARTITION/OFFSET/INDEX` of every accepted event. */
  readonly receipts: readonly string[];
}

const DAY_MS = 86_400_000;
/** So long ago that bins were renewed several times on the way to now. */
const AGE_DAYS = 12;
const LIVES = 3;

/**
 * A ledger of 64 bins and 4 partitions: additions, removals, yanks, replacements refused, duplicates,
 * events without effect, bins renewed; some of it in tables and some in the write-ahead logs of every
 * database. It was stopped cleanly.
 */
export async function makeHistory(folder: string, settings: ServeSettings): Promise<History> {
  // Every cut makes a snapshot.json, so that each version of a bin is stated by one.
  const policy = { classic_ms: 0 };
  const ledger = await makeLedger(folder, { policy }, Date.now() - AGE_DAYS * DAY_MS);
  const olderLog = join(folder, 'older-log');
  const random = generator(7);
  const paths: string[] = [];
  const receipts: string[] = [];
  // Each start turns what the write-ahead logs held into tables.
  for (let life = 0; life < LIVES; life++) {
    const server = await new Server(ledger, settings).ready();
    for (let round = 0; round < 6; round++) {
      const events = roundOf(paths, random, life * 6 + round);
      const { status, body } = await server.post(events, 'published');
      if (status !== 202) throw new Error(`${status} ${body.toString()}`);
      receipts.push(...receiptsIn(body));
    }
    const code = await server.stop();
    if (code !== 0) throw new Error(`exit ${code}: ${server.said}`);
    if (life === LIVES - 2) await cp(join(ledger, 'log'), olderLog, { recursive: true });
  }
  return { ledger, olderLog, paths, receipts };
}

/** `PARTITION/OFFSET/INDEX` of what an answer says was accepted, in the order of the events. */
export function receiptsIn(answer: Buffer): string[] {
  const { accepted } = JSON.parse(answer.toString()) as { accepted: readonly Accepted[] };
  return accepted.map(({ receipt: { partition, offset, index } }) =>
    [partition, offset, index].join('/'),
  );
}

/** A target's content, by a label. */
export function contentOf(label: string): { length: number; hashes: { sha256: string } } {
  return { length: label.length, hashes: { sha256: sha256(label) } };
}

interface Accepted {
  readonly receipt: { readonly partition: number; readonly offset: number; readonly index: number };
}

function roundOf(paths: string[], random: () => number, round: number): object[] {
  const events: object[] = [];
  const id = (): string => `${round}-${events.length}`;
  const some = (): string => paths[Math.floor(random() * paths.length)]!;
  for (let i = 0; i < 60; i++) {
    const path = `pool/main/p${round}/package-${i}_1.${round}~rc1+b${i}_all.deb`;
    paths.push(path);
    events.push({ id: id(), type: 'target.added', path, ...contentOf(path) });
  }
  for (let i = 0; i < 8; i++) {
    events.push({ id: id(), type: 'target.removed', path: some() });
    events.push({ id: id(), type: 'target.yanked', path: some(), custom: { reason: `r${round}` } });
    events.push({ id: id(), type: 'target.added', path: some(), ...contentOf('other content') });
  }
  // The same again: a duplicate where it was applied in this window.
  return [...events, events[1]!, { ...events[2], length: 1 }];
}
