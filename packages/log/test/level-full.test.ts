/** Disks that are full, for a while: appends are refused, and nothing acknowledged is lost. */

import { execFileSync, spawn } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { canMount, hasCommand } from '../../../test/support/disks.ts';
import { openLevelLogs } from '../src/index.ts';
import { readAll } from '../src/contract.ts';

const record = (label: string): Uint8Array => new TextEncoder().encode(label.padEnd(20_000));
const labelOf = (bytes: Uint8Array | undefined): string =>
  new TextDecoder().decode(bytes).trimEnd();

test.skipIf(!canMount())(
  'a full disk: refused clearly, nothing lost, goes on when there is room',
  async () => {
    const root = await mkdtemp(join(tmpdir(), 'tidemark-full-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', root]);
    try {
      let now = 0;
      const options = {
        partitions: 1,
        writeBufferBytes: 1024 * 1024,
        now: () => now,
        tailBytesMax: 0,
        compression: false,
      };
      const location = join(root, 'logs');
      const logs = await openLevelLogs(location, options);
      const acknowledged = new Map<number, string>();
      const append = async (label: string): Promise<unknown> => {
        try {
          acknowledged.set(await logs.events.append(0, [record(label)]), label);
        } catch (error) {
          return error;
        }
      };

      const isThere = (records: Uint8Array[]): void => {
        for (const [offset, label] of acknowledged) expect(labelOf(records[offset])).toBe(label);
      };

      let failure: unknown;
      for (let i = 0; failure === undefined && i < 1000; i++) failure = await append(`early ${i}`);
      const full = { name: 'OperatingFault', code: 'log.full' };
      expect(failure).toMatchObject(full);
      expect(acknowledged.size).toBeGreaterThan(20);
      // Some may still fit, for LevelDB compacts; in the end it is full and stays so.
      let refused = 0;
      for (let i = 0; refused < 20 && i < 1000; i++) {
        now += 10_000;
        failure = await append(`later ${i}`);
        refused = failure === undefined ? 0 : refused + 1;
        if (failure !== undefined) expect(failure).toMatchObject(full);
      }
      expect(refused).toBe(20);
      // Reads go on, also of what is no longer in memory, and while room is looked for.
      now += 5000;
      const [refusal, still] = await Promise.all([append('meanwhile'), readAll(logs.events, 0)]);
      expect(refusal).toMatchObject(full);
      isThere(still);

      execFileSync('mount', ['-o', 'remount,size=64m', root]);
      // The pause after so many failures is not over.
      expect(await append('too soon')).toMatchObject(full);
      now += 5000;
      const [stored, during] = await Promise.all([append('room'), readAll(logs.events, 0)]);
      expect(stored).toBeUndefined();
      expect(during.length).toBeGreaterThanOrEqual(still.length);
      for (let i = 0; i < 50; i++) expect(await append(`with room ${i}`)).toBeUndefined();

      isThere(await readAll(logs.events, 0));
      await logs.close();
      await using again = await openLevelLogs(location, options);
      isThere(await readAll(again.events, 0));
    } finally {
      execFileSync('umount', ['-l', root]);
      await rm(root, { recursive: true });
    }
  },
);

test.skipIf(!canMount())(
  'a database that came back with less is a truncation, and final',
  async () => {
    const root = await mkdtemp(join(tmpdir(), 'tidemark-less-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', root]);
    try {
      const [location, backup] = [join(root, 'logs'), join(root, 'backup')];
      const options = { partitions: 1, writeBufferBytes: 1024 * 1024, compression: false };
      const before = await openLevelLogs(location, options);
      await before.events.append(0, [record('first')]);
      await before.close();
      await cp(location, backup, { recursive: true });
      await using logs = await openLevelLogs(location, options);
      expect(await logs.events.append(0, [record('second')])).toBe(1);
      const fill = async (): Promise<void> => {
        for (let i = 0; i < 1000; i++) await logs.leaves.append(0, [record(`${i}`)]);
      };
      await expect(fill()).rejects.toMatchObject({ code: 'log.full' });

      execFileSync('mount', ['-o', 'remount,size=64m', root]);
      await rm(location, { recursive: true });
      await cp(backup, location, { recursive: true });
      const truncated = { name: 'BrokenInvariant', code: 'log.truncated' };
      await expect(logs.events.append(0, [record('third')])).rejects.toMatchObject(truncated);
      await expect(logs.events.append(0, [record('third')])).rejects.toMatchObject(truncated);
      await expect(logs.events.read(0, 0)).rejects.toMatchObject(truncated);
      await logs.close();
      await using found = await openLevelLogs(location, options);
      expect(await found.events.end(0)).toBe(1);
    } finally {
      execFileSync('umount', ['-l', root]);
      await rm(root, { recursive: true });
    }
  },
);

test.skipIf(!hasCommand('prlimit'))(
  'a file-size limit: the same, and it ends when the limit does',
  async () => {
    const root = await mkdtemp(join(tmpdir(), 'tidemark-limit-'));
    const script = new URL('./fixtures/limited.ts', import.meta.url).pathname;
    const command = ['--fsize=1000000:unlimited', process.execPath, script, join(root, 'logs')];
    const child = spawn('prlimit', command, { stdio: ['pipe', 'pipe', 'inherit'] });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    const acknowledged: string[] = [];
    const codes: string[] = [];
    let raised = -1;
    for await (const line of createInterface(child.stdout)) {
      const [what = '', detail = ''] = line.split(' ');
      if (what === 'stored') acknowledged[Number(detail)] = line;
      else codes.push(detail);
      if (codes.length > 0 && raised < 0) {
        raised = acknowledged.length;
        execFileSync('prlimit', ['--pid', `${child.pid}`, '--fsize=unlimited']);
      }
      if (raised >= 0 && acknowledged.length > raised + 50) child.stdin.end();
    }
    expect(await exited).toBe(0);
    expect(new Set(codes)).toEqual(new Set(['log.full']));
    expect(raised).toBeGreaterThan(20);

    const logs = await openLevelLogs(join(root, 'logs'), { partitions: 1 });
    const records = await readAll(logs.events, 0);
    for (const [offset, line] of acknowledged.entries()) {
      if (line !== undefined) expect(`stored ${offset} ${labelOf(records[offset])}`).toBe(line);
    }
    await logs.close();
    await rm(root, { recursive: true });
  },
);
