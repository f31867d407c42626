/** Single bits flipped in the database’s files: noticed, never a wrong record. */

import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLevelLogs } from '../src/index.ts';
import type { LevelLogsOptions } from '../src/index.ts';
import { record, topics } from './fixtures/records.ts';

const recordsPerTopic = 1500;

describe.each([true, false])('compressed: %s', (compression) => {
  const options: LevelLogsOptions = {
    partitions: 1,
    writeBufferBytes: 256 * 1024,
    tailBytesMax: 0,
    compression,
  };
  let root = '';
  let intact = '';

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'tidemark-damage-'));
    intact = join(root, 'intact');
    const logs = await openLevelLogs(intact, options);
    for (let offset = 0; offset < recordsPerTopic; offset += 10) {
      for (const topic of topics) {
        const texts = Array.from({ length: 10 }, (_, i) => record(topic, offset + i));
        await logs[topic].append(
          0,
          texts.map((text) => new TextEncoder().encode(text)),
        );
      }
    }
    await logs.close();
  });

  afterAll(() => rm(root, { recursive: true }));

  test('undamaged, everything is there', async () => {
    expect(await outcomeOf('none', '', 0)).toEqual({ wrong: 0, missing: 0, codes: [] });
  });

  test('a flipped bit in the middle of the write-ahead log is a gap, found when opening', async () => {
    const [name = ''] = await filesOf('.log');
    const { length } = await readFile(join(intact, name));
    expect(length).toBeGreaterThan(70_000);
    expect((await outcomeOf('wal', name, length / 2)).codes).toEqual(['log.gap']);
  });

  test('a flipped bit in the middle of a table is found, when opening or when read', async () => {
    const [name = ''] = await filesOf('.ldb');
    const { length } = await readFile(join(intact, name));
    const { wrong, codes } = await outcomeOf('table', name, length / 2);
    expect(wrong).toBe(0);
    expect(['log.corrupt', 'log.gap']).toContain(codes[0]);
  });

  test('wherever a bit flips, no wrong record is returned', async () => {
    const seed = Math.trunc(Math.random() * 2 ** 31);
    const random = generator(seed);
    const seen = new Map<string, number>();
    for (const name of [...(await filesOf('.log')), ...(await filesOf('.ldb'))]) {
      const { length } = await readFile(join(intact, name));
      for (let i = 0; i < 5; i++) {
        const position = random() * length;
        const { wrong, missing, codes } = await outcomeOf(`flip${i}`, name, position);
        expect(wrong, `seed ${seed}, ${name} at ${position}`).toBe(0);
        const outcome = codes[0] ?? (missing > 0 ? 'missing tail' : 'unharmed');
        seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
      }
    }
    const allowed = [
      'aborted',
      'log.corrupt',
      'log.gap',
      'log.unavailable',
      'missing tail',
      'unharmed',
    ];
    for (const outcome of seen.keys()) expect(allowed).toContain(outcome);
    expect((seen.get('log.corrupt') ?? 0) + (seen.get('log.gap') ?? 0)).toBeGreaterThan(3);
  }, 120_000);

  /** What somebody sees who opens a copy with one bit flipped and reads all of it. */
  async function outcomeOf(folder: string, name: string, position: number): Promise<Outcome> {
    const copy = join(root, folder);
    await cp(intact, copy, { recursive: true });
    if (name !== '') {
      const bytes = await readFile(join(copy, name));
      const at = Math.trunc(position);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.trunc((position % 1) * 8));
      await writeFile(join(copy, name), bytes);
    }
    const outcome = await readInChild(copy, options);
    await rm(copy, { recursive: true });
    return outcome;
  }

  async function filesOf(ending: string): Promise<string[]> {
    return (await readdir(intact)).filter((name) => name.endsWith(ending)).sort();
  }
});

interface Outcome {
  readonly wrong: number;
  readonly missing: number;
  readonly codes: readonly string[];
}

/** An abort is a stop as well, if not a graceful one: nothing is served after it. */
async function readInChild(location: string, options: LevelLogsOptions): Promise<Outcome> {
  const argument = JSON.stringify({ location, options, recordsPerTopic });
  const script = join(import.meta.dirname, 'fixtures/damaged.ts');
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [script, argument]);
    return JSON.parse(stdout) as Outcome;
  } catch (error) {
    if ((error as { signal?: string }).signal !== 'SIGABRT') throw error;
    return { wrong: 0, missing: 0, codes: ['aborted'] };
  }
}

/** Numerical Recipes' linear congruential generator, 0 ≤ x < 1. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
