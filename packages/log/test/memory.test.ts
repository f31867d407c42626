/** The memory adapter: the contract, its faults, its handles and their crashes. */

import { describe, expect, test } from 'vitest';
import { MemoryDisk, memoryLogs } from '../src/index.ts';
import type { Logs, Operation } from '../src/index.ts';
import { logsContract, readAll } from '../src/contract.ts';

const disks = new WeakMap<Logs, MemoryDisk>();
const onDisk = (disk: MemoryDisk, sleep?: () => Promise<void>): Promise<Logs> => {
  const logs = memoryLogs(disk.partitions, sleep === undefined ? { disk } : { disk, sleep });
  disks.set(logs, disk);
  return Promise.resolve(logs);
};

logsContract('memory', {
  open: () => onDisk(new MemoryDisk(3)),
  reopen: (logs) => onDisk(disks.get(logs) ?? new MemoryDisk(3)),
});

logsContract('memory with delays of changing length', {
  reopen: (logs) => onDisk(disks.get(logs) ?? new MemoryDisk(2)),
  open: () => {
    let calls = 0;
    const turns = async (): Promise<void> => {
      for (let i = (calls++ * 7) % 5; i > 0; i--) await Promise.resolve();
    };
    return onDisk(new MemoryDisk(2), turns);
  },
});

const one = (text: string): Uint8Array[] => [new TextEncoder().encode(text)];
const stored = async (logs: Logs): Promise<string[]> =>
  (await readAll(logs.events, 0)).map((record) => new TextDecoder().decode(record));

describe('injected faults', () => {
  test('a failed append is stored or not, as the fault says', async () => {
    const plan = [undefined, 'fail', 'fail-but-stored', undefined] as const;
    const asked: Operation[] = [];
    const logs = memoryLogs(1, {
      faults: (operation) => {
        asked.push(operation);
        return operation.op === 'append' ? plan[asked.length - 1] : undefined;
      },
    });
    expect(await logs.events.append(0, one('a'))).toBe(0);
    const fault = { name: 'OperatingFault', code: 'log.write' };
    await expect(logs.events.append(0, one('b'))).rejects.toMatchObject(fault);
    await expect(logs.events.append(0, one('c'))).rejects.toMatchObject(fault);
    expect(await logs.events.append(0, one('d'))).toBe(2);
    expect(await stored(logs)).toEqual(['a', 'c', 'd']);
    expect(asked[3]).toEqual({ topic: 'events', partition: 0, op: 'append' });
  });

  test('a failed read changes nothing', async () => {
    let failing = true;
    const logs = memoryLogs(1, {
      faults: ({ op }) => (op === 'read' && failing ? 'fail' : undefined),
    });
    await logs.events.append(0, one('a'));
    await expect(logs.events.read(0, 0)).rejects.toMatchObject({ code: 'log.read' });
    failing = false;
    expect(await stored(logs)).toEqual(['a']);
  });
});

describe('several handles on one disk', () => {
  test('a read waits for the append of another', async () => {
    const disk = new MemoryDisk(1);
    const reader = memoryLogs(1, { disk });
    const writer = memoryLogs(1, { disk });
    const waiting = reader.events.read(0, 0);
    await writer.events.append(0, one('a'));
    expect((await waiting).records).toEqual(one('a'));
    await writer.close();
    expect(await stored(reader)).toEqual(['a']);
  });

  test('a crash cuts one off at once, whatever it was doing, and spares the others', async () => {
    const disk = new MemoryDisk(1);
    const gates: (() => void)[] = [];
    const sleep = (): Promise<void> => new Promise((resolve) => gates.push(resolve));
    const dying = memoryLogs(1, { disk, sleep });
    const healthy = memoryLogs(1, { disk });

    const storedOne = dying.events.append(0, one('stored')).catch((error: unknown) => error);
    await healthy.events.end(0);
    gates.shift()?.(); // its way to the disk; not back
    expect((await healthy.events.read(0, 0)).records).toEqual(one('stored'));
    const neverSent = dying.leaves.append(0, one('x')).catch((error: unknown) => error);
    const reading = dying.control.read(0, 0).catch((error: unknown) => error);
    dying.crash();
    const crashed = { name: 'OperatingFault', code: 'log.crashed' };
    for (const failure of await Promise.all([storedOne, neverSent, reading])) {
      expect(failure).toMatchObject(crashed);
    }
    for (const open of gates) open();
    await expect(dying.events.append(0, one('y'))).rejects.toMatchObject(crashed);
    await expect(dying.events.end(0)).rejects.toMatchObject(crashed);
    await dying.close();

    expect(await healthy.leaves.end(0)).toBe(0);
    expect(await stored(healthy)).toEqual(['stored']);
    expect(await healthy.events.append(0, one('z'))).toBe(1);
  });

  test('the number of partitions is the disk’s', () => {
    const disk = new MemoryDisk(2);
    expect(() => memoryLogs(4, { disk })).toThrowError(
      expect.objectContaining({ code: 'log.partitions' }),
    );
    expect(() => memoryLogs(129)).toThrowError(expect.objectContaining({ code: 'log.partitions' }));
  });
});

test('what the caller does to its bytes afterwards does not reach the disk', async () => {
  const logs = memoryLogs(1);
  const mine = one('a');
  await logs.events.append(0, mine);
  mine[0]?.fill(0);
  expect(await stored(logs)).toEqual(['a']);
});
