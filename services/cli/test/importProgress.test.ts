/** What an import shows on its way: what it has accounted for, not what it has read. */
import { PassThrough } from 'node:stream';
import type { Json } from '@tidemark/canonical';
import { afterEach, expect, test, vi } from 'vitest';
import type { Access } from '../src/access/access.ts';
import { importFile } from '../src/commands/import.ts';
import type { Source, SourceItem } from '../src/sources.ts';
import { addedItem } from '../src/sources/item.ts';

const LINES = 2_500;
const SHA = 'c0'.repeat(32);
const NEWEST = {
  snapshot: 2,
  time: '2026-11-24T12:00:00.000Z',
  merkle_root: SHA,
  versions: { root: 1, snapshot: 2, timestamp: 2 },
};

afterEach(() => {
  vi.restoreAllMocks();
});

test.each([{ dryRun: false }, { dryRun: true }])(
  'of a list that was imported before; dry: $dryRun',
  async (how) => {
    // Each look at the clock is a second later: everything that could be shown is.
    let clock = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => (clock += 1000));
    const output = Object.assign(new PassThrough(), { isTTY: true, columns: 200 });
    const shown: string[] = [];
    output.on('data', (bytes: Buffer) => shown.push(bytes.toString()));
    const { source, isRead } = list();
    await importFile(knowing(how.dryRun ? Promise.resolve() : isRead), source, () => undefined, {
      ...how,
      output,
    });
    const steps = shown.flatMap((text) => {
      const [, percent, lines] = /\] (\d+)% ([\d,]+) lines, /.exec(text) ?? [];
      return lines === undefined
        ? []
        : [[Number(lines.replace(',', '')), Number(percent)] as const];
    });
    expect(steps.pop()).toEqual([LINES, 100]);
    expect([...new Set(steps.map(([lines]) => lines))].filter((lines) => lines > 0)).toEqual(
      Array.from({ length: LINES }, (_, i) => i + 1),
    );
    // Of a dry run the reading waits for what is compared.
    const wrong = steps.filter(([lines, percent]) =>
      how.dryRun ? percent > 99 : percent !== Math.min(99, Math.floor((lines / LINES) * 100)),
    );
    expect(wrong).toEqual([]);
    const rates = shown.flatMap((text) => /, (\d+)\/s, /.exec(text)?.[1] ?? []);
    expect(rates.slice(100).filter((rate) => rate !== '1')).toEqual([]);
  },
);

/** A list whose bytes have all been read before anything is known about a line. */
function list(): { source: Source; isRead: Promise<void> } {
  const { promise: isRead, resolve } = Promise.withResolvers<void>();
  async function* items(): AsyncGenerator<SourceItem> {
    for (let line = 1; line <= LINES; line++) {
      const field = (text: string) => ({ text, line });
      yield addedItem(line, field(`a/${line}`), field('1'), field(SHA));
    }
    resolve();
  }
  const source: Source = {
    format: 'tsv',
    bytesTotal: 1000,
    bytesRead: () => 1000,
    items: items(),
  };
  return { source, isRead };
}

/** A ledger that has seen every event before, and lists what it said. */
function knowing(until: Promise<void>): Access {
  const answer = (path: string, body: string): Json => {
    if (path === '/v1/ledger') {
      const shape = { ledger: 'a1', name: 'index', bins: 64, partitions: 4 };
      const policy = { conflict: 'reject', classic_ms: null };
      return { ...shape, delegation: 'succinct', policy, keeps_files: false };
    }
    if (path === '/v1/snapshots/newest') return NEWEST;
    if (path.startsWith('/v1/targets/')) {
      const target = { length: 1, hashes: { sha256: SHA } };
      return { path: path.slice(12), snapshot: 2, role: 'bin-0', version: 1, target };
    }
    const first = { offset: 1, index: 0 };
    const fate = { state: 'unchanged', code: 'duplicate', snapshot: 2, first };
    const accepted = body.split('\n').map((_, index) => {
      return { index, receipt: { partition: 0, offset: 2, index }, fate };
    });
    return { accepted, refused: [] };
  };
  return {
    files: {} as Access['files'],
    firstRoot: async () => undefined,
    isRunning: true,
    ask: async (method, path, { body = '' } = {}) => {
      if (method === 'POST') await until;
      return { status: 200, body: Buffer.from(JSON.stringify(answer(path, body))) };
    },
    [Symbol.asyncDispose]: async () => {},
  };
}
