/** Logs through a MessagePort: the contract, failures, aborts, and a real worker thread. */

import { MessageChannel, Worker } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { connectLogs, memoryLogs, serveLogs } from '../src/index.ts';
import type { Logs } from '../src/index.ts';
import { logsContract } from '../src/contract.ts';

function through(logs: Logs): { proxy: Logs; port: MessagePort } {
  const { port1, port2 } = new MessageChannel();
  serveLogs(logs, port1);
  return { proxy: connectLogs(port2, logs.partitions), port: port1 };
}

const backing = new WeakMap<Logs, Logs>();
const overNew = (logs: Logs): Logs => {
  const { proxy } = through(logs);
  backing.set(proxy, logs);
  return proxy;
};

logsContract('through a MessagePort', {
  open: () => Promise.resolve(overNew(memoryLogs(2))),
  // The proxy's close leaves the logs behind it open.
  reopen: (proxy) => Promise.resolve(overNew(backing.get(proxy) ?? memoryLogs(2))),
});

test('class, code and message of a failure survive the way', async () => {
  const failing = memoryLogs(1, { faults: ({ op }) => (op === 'append' ? 'fail' : undefined) });
  await using proxy = through(failing).proxy;
  const failure = { name: 'OperatingFault', code: 'log.write', message: 'injected fault' };
  await expect(proxy.events.append(0, [new Uint8Array(1)])).rejects.toMatchObject(failure);
});

test('an abort reaches the read at the other end', async () => {
  const logs = memoryLogs(1);
  const ended: boolean[] = [];
  const spied: Logs = {
    ...logs,
    events: {
      ...logs.events,
      read: async (partition, from, signal) => {
        const chunk = await logs.events.read(partition, from, signal);
        ended.push(signal?.aborted === true);
        return chunk;
      },
    },
  };
  await using proxy = through(spied).proxy;
  const controller = new AbortController();
  const waiting = proxy.events.read(0, 0, controller.signal);
  await proxy.events.end(0);
  expect(ended).toEqual([]);
  controller.abort();
  expect(await waiting).toEqual({ first: 0, records: [] });
  expect(ended).toEqual([true]);
});

test('when the other end goes away, what is under way is closed', async () => {
  const { proxy, port } = through(memoryLogs(1));
  const waiting = proxy.events.read(0, 0).catch((error: unknown) => error);
  await proxy.events.end(0);
  port.close();
  expect(await waiting).toMatchObject({ name: 'OperatingFault', code: 'log.closed' });
  await expect(proxy.events.end(0)).rejects.toMatchObject({ code: 'log.closed' });
  await proxy.close();
});

test('records that lie in a larger buffer travel without it, and both sides keep theirs', async () => {
  const logs = memoryLogs(1);
  await using proxy = through(logs).proxy;
  const large = new Uint8Array(1_000_000).fill(5);
  await proxy.events.append(0, [large.subarray(10, 13), large.subarray(0, 2)]);
  expect(large.length).toBe(1_000_000);
  const { records } = await proxy.events.read(0, 0);
  expect(records.map((record) => Array.from(record))).toEqual([
    [5, 5, 5],
    [5, 5],
  ]);
  // count, two sizes, five bytes
  expect(records[0]?.buffer.byteLength).toBe(4 + 8 + 5);
  expect((await logs.events.read(0, 0)).records[0]?.length).toBe(3);
});

test('a worker thread appends to and reads the logs of its parent', async () => {
  const logs = memoryLogs(1);
  const { port1, port2 } = new MessageChannel();
  serveLogs(logs, port1);
  const worker = new Worker(new URL('./fixtures/worker.ts', import.meta.url), {
    workerData: { port: port2 },
    transferList: [port2],
  });
  const exited = new Promise<number>((resolve) => worker.once('exit', resolve));
  const { records } = await logs.control.read(0, 0);
  expect(records.map((record) => new TextDecoder().decode(record))).toEqual(['from the worker']);
  await logs.control.append(0, [new TextEncoder().encode('stop')]);
  expect(await exited).toBe(0);
});
